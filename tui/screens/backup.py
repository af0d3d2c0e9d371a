"""One backup: how it stands, and the three ways to use it, each by a plan that is read first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.backup_text import READING, backup_lines
from tui.screens.page import BACK, Page
from tui.screens.plan import PlanPage
from tui.screens.progress_text import error_lines
from tui.session import CallFailed
from tui.text import BLANK, Line, Span
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.backup.standing import Standing
    from engine.homeport import DeploymentView, Homeport


@dataclass(frozen=True)
class Found:
    """living: the deployment that the backup is of, where it is still there."""

    standing: Standing
    living: DeploymentView | None


class BackupPage(Page):
    """Restores in place or as new, or proves that it starts."""

    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("i", "restore in place"),
        ("n", "as new"),
        ("d", "drill"),
        BACK,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "in_place", "Restore it in place: read the plan first"),
        Binding("n", "as_new", "Restore it as a new deployment: give it a name and a domain"),
        Binding("d", "drill", "Drill: start it on a throw-away guest, as proof"),
    ]

    @dataclass
    class Read(Message):
        """The repository has listed the backup."""

        found: Found

    def __init__(self, repository: str, backup: str) -> None:
        super().__init__()
        self._repository = repository
        self._backup = backup
        self._found: Found | None = None
        self._error: dict[str, Any] | None = None
        self._wanted: Callable[[], None] | None = None
        """What was asked for before the repository had answered."""

    def body(self) -> ComposeResult:
        yield RowList([Row((Span(READING, "muted"),))])

    def on_mount(self) -> None:
        self.title_bar(f"backup {self._backup}")
        self.read()

    def on_screen_resume(self) -> None:
        if self._found is not None:
            self.read()

    def read(self) -> None:
        repository, backup = self._repository, self._backup
        self.ask(
            lambda homeport: _read(homeport, repository, backup), self.Read, "backup", slowly=True
        )

    def on_backup_page_read(self, read: Read) -> None:
        self._found, self._error = read.found, None
        self.title_bar(f"{read.found.standing.backup.name}  backup {self._backup}")
        self.draw()
        if (wanted := self._wanted) is not None:
            self._wanted = None
            self.say("")
            wanted()

    def _once_read(self, wanted: Callable[[], None]) -> Found | None:
        """What was read; where nothing was yet, it is done as soon as something is."""
        if self._found is None and self._error is None:
            self._wanted = wanted
            self.say("As soon as the repository has answered.")
        return self._found

    def failed(self, failure: CallFailed) -> None:
        self._error = failure.error
        self.draw()

    def draw(self) -> None:
        rows = self.query_one(RowList)
        width = row_width(rows)
        if self._error is not None:
            rows.show_rows([Row(content) for content in ((), *error_lines(self._error, width))])
        elif self._found is not None:
            lines = backup_lines(self._found.standing, width, self.app.clock())
            rows.show_rows([*(Row(content) for content in lines), Row(BLANK), *self._ways(width)])

    def _ways(self, width: int) -> list[Row]:
        assert self._found is not None
        name, living = self._found.standing.backup.name, self._found.living
        ways: list[tuple[str, str]] = []
        if living is not None:
            ways.append(
                ("i", f"restore in place: {name} as it was then; the present state is kept")
            )
        ways.append(("n", "restore as new: a deployment of its own, with another name"))
        ways.append(("d", "drill: start it on a throw-away guest that reaches nobody, as proof"))
        rows = [Row(_way(key, text), key) for key, text in ways]
        if living is None:
            gone = f"{name} is not there any more; as new it can have its name and domain again."
            rows += [Row(BLANK), Row((Span(gone, "muted"),))]
        return rows

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        {"i": self.action_in_place, "n": self.action_as_new, "d": self.action_drill}[chosen.key]()

    def action_in_place(self) -> None:
        found = self._once_read(self.action_in_place)
        if found is None:
            return
        if found.living is None:
            self.say(
                "! There is nothing to restore it into: n makes a new deployment of it.", "warn"
            )
            return
        name, backup, repository = found.living.deployment.id, self._backup, self._repository
        self.app.push_screen(
            PlanPage(
                f"restore {found.living.deployment.name} in place",
                lambda homeport: homeport.plan_restore(name, backup, repository),
            )
        )

    def action_as_new(self) -> None:
        if (found := self._once_read(self.action_as_new)) is not None:
            from tui.screens.restore_as import RestoreAsPage

            self.app.push_screen(RestoreAsPage(found.standing.backup, found.living))

    def action_drill(self) -> None:
        if (found := self._once_read(self.action_drill)) is None:
            return
        of, backup, repository = found.standing.backup, self._backup, self._repository
        self.app.push_screen(
            PlanPage(
                f"drill a backup of {of.name}",
                lambda homeport: homeport.plan_drill(of.name, backup=backup, repository=repository),
            )
        )


def _way(key: str, text: str) -> Line:
    return (Span(f"{key}  ", "key"), Span(text))


def _read(homeport: Homeport, repository: str, backup: str) -> Found:
    from engine.errors import NotFound

    standing = homeport.repositories.standing(repository=repository)
    found = next((one for one in standing if one.backup.id == backup), None)
    if found is None:
        raise NotFound(
            "the backup is not there any more",
            on=f"{backup} in {repository}",
            why="a newer one took its place by the repository's rule, or it was removed",
            do="Go back and choose another one.",
        )
    views = homeport.deployments()
    living = next((one for one in views if one.deployment.id == found.backup.deployment), None)
    return Found(found, living)
