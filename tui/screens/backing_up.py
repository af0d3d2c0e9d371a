"""Backing up a deployment: into which repository, then the plan; or by itself, from when on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from tui.screens.backup_text import repository_line
from tui.screens.page import BACK, Page
from tui.screens.plan import PlanPage
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList

if TYPE_CHECKING:
    from engine.model.repository import RepositoryProfile


def start_backup(page: Page, name: str, repositories: Sequence[RepositoryProfile]) -> None:
    """With one repository the plan comes at once."""
    if not repositories:
        _add_one_first(page)
    elif len(repositories) == 1:
        page.app.push_screen(_plan(name, repositories[0].name))
    else:
        page.app.push_screen(RepositoryChoice(name, repositories))


def set_schedule(page: Page, name: str, repositories: Sequence[RepositoryProfile]) -> None:
    if not repositories:
        _add_one_first(page)
    else:
        from tui.screens.schedule import SchedulePage

        page.app.push_screen(SchedulePage(name, repositories))


def _add_one_first(page: Page) -> None:
    """What is missing is said where it can be added."""
    from tui.screens.repositories import RepositoriesPage

    page.app.push_screen(RepositoriesPage())


def _plan(name: str, repository: str) -> PlanPage:
    return PlanPage(f"back {name} up", lambda homeport: homeport.plan_backup(name, repository))


class RepositoryChoice(Page):
    """Which of several repositories a backup goes into."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "choose"), BACK)

    def __init__(self, name: str, repositories: Sequence[RepositoryProfile]) -> None:
        super().__init__()
        self._deployment = name
        self._repositories = repositories

    def body(self) -> ComposeResult:
        yield RowList([Row(repository_line(one), one.name) for one in self._repositories])

    def on_mount(self) -> None:
        self.title_bar(f"back {self._deployment} up  into which repository")

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self.app.push_screen(_plan(self._deployment, chosen.key))
