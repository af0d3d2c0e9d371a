"""The repositories that backups lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.backup_text import NO_REPOSITORY, repository_line
from tui.screens.page import BACK, Page
from tui.text import BLANK, Span, wrapped
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.model.repository import RepositoryProfile

_FIRST = """Press a to add one. Then a backup is made from the page of a deployment, with n."""


class RepositoriesPage(Page):
    CRUMBS = "repositories"
    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "look into it"), ("a", "add"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "add", "Add a repository")]

    @dataclass
    class Read(Message):
        """The repositories were read from the inventory."""

        profiles: Sequence[RepositoryProfile]

    def __init__(self) -> None:
        super().__init__()
        self._profiles: Sequence[RepositoryProfile] | None = None

    def body(self) -> ComposeResult:
        yield RowList([Row((Span("Reading the repositories...", "muted"),))])

    def on_mount(self) -> None:
        self.read()

    def on_screen_resume(self) -> None:
        if self._profiles is not None:
            self.read()

    def read(self) -> None:
        self.ask(lambda homeport: homeport.repositories.all(), self.Read, "repositories")

    def on_repositories_page_read(self, found: Read) -> None:
        self._profiles = found.profiles
        count = len(found.profiles)
        self.title_bar(self.CRUMBS, f"{count} repositor{'y' if count == 1 else 'ies'}")
        self.draw()

    def draw(self) -> None:
        if self._profiles is None:
            return
        rows = self.query_one(RowList)
        if self._profiles:
            rows.show_rows([Row(repository_line(one), one.name) for one in self._profiles])
            self.hints(*self.HINTS)
            return
        width = row_width(rows)
        lines = [BLANK, *wrapped(NO_REPOSITORY, width), BLANK, *wrapped(_FIRST, width)]
        rows.show_rows([Row(content) for content in lines])
        self.hints(*self.HINTS[1:])

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        from tui.screens.repository import RepositoryPage

        self.app.push_screen(RepositoryPage(chosen.key))

    def action_add(self) -> None:
        from tui.screens.repository_add import AddRepositoryPage

        self.app.push_screen(AddRepositoryPage())
