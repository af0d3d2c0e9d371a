"""One repository: what it keeps, and all backups in it, also of what is there no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.backup_text import READING, repository_lines, table_rows
from tui.screens.page import BACK, Page
from tui.screens.progress_text import error_lines
from tui.session import CallFailed
from tui.text import BLANK, Line, Span
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width
from tui.words import counted

if TYPE_CHECKING:
    from engine.backup.desk import Verified
    from engine.backup.standing import Standing
    from engine.model.repository import RepositoryProfile


class RepositoryPage(Page):
    """Its backups can be opened; it can be verified, and forgotten."""

    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("Enter", "open"),
        ("v", "verify all"),
        ("s", "recovery sheet"),
        ("x", "forget"),
        BACK,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Read all contents of the repository, and compare"),
        Binding("s", "sheet", "Show the recovery sheet, with the password in it"),
        Binding("x", "forget", "Forget the repository; what is in it stays"),
    ]

    @dataclass
    class Read(Message):
        """The profile was read from the inventory."""

        profile: RepositoryProfile

    @dataclass
    class Listed(Message):
        """The repository has listed its backups."""

        found: Sequence[Standing]

    @dataclass
    class Verified(Message):
        """All of it was read and is whole."""

        verified: Sequence[Verified]

    @dataclass
    class Forgotten(Message):
        """The repository is not known here any more."""

    def __init__(self, name: str, said: str = "") -> None:
        """said: what has just been done to it."""
        super().__init__()
        self._repository = name
        self._first_said = said
        self._profile: RepositoryProfile | None = None
        self._found: Sequence[Standing] | None = None
        self._error: dict[str, Any] | None = None
        self._verifying = False

    def body(self) -> ComposeResult:
        yield RowList([Row((Span("Reading the repository...", "muted"),))])

    def on_mount(self) -> None:
        self.title_bar(f"repositories  {self._repository}")
        if self._first_said:
            self.say(self._first_said, "good")
        self.read()

    def on_screen_resume(self) -> None:
        if self._profile is not None:
            self.read()

    def read(self) -> None:
        name = self._repository
        self.ask(lambda homeport: homeport.repositories.get(name), self.Read, "repository")
        self.ask(
            lambda homeport: homeport.repositories.standing(repository=name),
            self.Listed,
            "backups",
            slowly=True,
        )

    def on_repository_page_read(self, read: Read) -> None:
        self._profile = read.profile
        self.draw()

    def on_repository_page_listed(self, listed: Listed) -> None:
        self._found, self._error = listed.found, None
        self._say_count()
        self.draw()

    def _say_count(self) -> None:
        right = "verifying" if self._verifying else counted(len(self._found or ()), "backup")
        self.title_bar(f"repositories  {self._repository}", right)

    def failed(self, failure: CallFailed) -> None:
        self._verifying = False
        self._error = failure.error
        self.title_bar(f"repositories  {self._repository}", "a problem")
        self.draw()

    def draw(self) -> None:
        if self._profile is None:
            return
        rows = self.query_one(RowList)
        width = row_width(rows)
        lines: list[Line] = [BLANK, *repository_lines(self._profile, width), BLANK]
        rows.show_rows([*(Row(content) for content in lines), *self._below(width)])

    def _below(self, width: int) -> list[Row]:
        if self._error is not None:
            return [Row(content) for content in error_lines(self._error, width)]
        if self._found is None:
            return [Row((Span(READING, "muted"),))]
        if not self._found:
            return [Row((Span("Nothing is in it yet: n on the page of a deployment fills it."),))]
        return table_rows(self._found, width, self.app.clock(), named=True)

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        _, (repository, backup) = chosen.key
        self.app.open_backup(repository, backup)

    # what can be done with it

    def action_verify(self) -> None:
        found = self._found
        if self._verifying:
            self.say("It is being verified already.")
        elif not found:
            self.say("There is nothing in it to be verified.")
        else:
            self._verifying = True
            self._say_count()
            self.say("Reading all of it, here: leaving this page does not stop it, leaving q does.")
            name, backups = self._repository, [one.backup for one in found]
            self.ask(
                lambda homeport: homeport.repositories.verify(backups, name),
                self.Verified,
                "verify",
                slowly=True,
            )

    def on_repository_page_verified(self, done: Verified) -> None:
        self._verifying = False
        compared = sum(len(one.compared) for one in done.verified)
        read_out = counted(compared, "backup")
        self.say(
            f"+ All contents were read and are whole; {read_out} read out and compared.", "good"
        )
        self.read()

    def action_sheet(self) -> None:
        from tui.screens.sheet import SheetPage

        self.app.push_screen(SheetPage(self._repository))

    def action_forget(self) -> None:
        from tui.screens.confirm import TypedName

        question = (
            f"Homeport forgets {self._repository} and its password. The backups in it stay; "
            "without the recovery sheet nobody can read them any more."
        )
        self.app.push_screen(TypedName(question, self._repository), self._forget)

    def _forget(self, sure: bool | None) -> None:
        if sure:
            name = self._repository
            self.ask(
                lambda homeport: homeport.repositories.remove(name),
                lambda _: self.Forgotten(),
                "forget",
            )

    def on_repository_page_forgotten(self) -> None:
        self.dismiss()
