"""One hosting provider: its profile, whether everything is there, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.screens.progress_text import error_lines
from tui.session import CallFailed
from tui.text import Cell, Line, Span, columns, labelled
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width
from tui.words import CHECK, counted, value_text

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.provider import Check, ProviderProfile


class ProviderPage(Page):
    """One provider: its profile, and a check that says what is missing.

    checks: what has just been found. note: what has just been done.
    """

    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("r", "check again"),
        ("t", "try it out"),
        ("w", "report"),
        ("e", "change"),
        ("x", "remove"),
        BACK,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "check", "Check the connection again"),
        Binding("t", "check(True)", "Check it, and try out what can be tried without harm"),
        Binding("w", "report", "Write what was found to a file, for a ticket"),
        Binding("e", "change", "Change the provider"),
        Binding("x", "remove", "Remove the provider; nothing at it is touched"),
    ]

    @dataclass
    class Read(Message):
        """The profile was read from the inventory."""

        profile: ProviderProfile

    @dataclass
    class Checked(Message):
        """The connection check is over."""

        checks: Sequence[Check]

    @dataclass
    class Written(Message):
        """The report is in its file."""

        file: str

    @dataclass
    class Removed(Message):
        """The provider is not known here any more."""

    def __init__(self, name: str, *, checks: Sequence[Check] | None = None, note: str = "") -> None:
        super().__init__()
        self._provider = name
        self._profile: ProviderProfile | None = None
        self._checks = checks
        self._note = note
        self._error: dict[str, object] | None = None

    def body(self) -> ComposeResult:
        yield RowList()

    def on_mount(self) -> None:
        self._read()
        if self._checks is None:
            self.action_check()
        else:
            self._say_verdict()
        if self._note:
            self.say(self._note, "good")

    def on_screen_resume(self) -> None:
        if self._profile is not None:
            self._read()

    def _read(self) -> None:
        self.ask(lambda homeport: homeport.provider(self._provider), self.Read, "provider")

    def action_check(self, thoroughly: bool = False) -> None:
        self._checks = self._error = None
        self.title_bar(f"providers  {self._provider}", "checking")
        self.draw()
        name = self._provider

        def check(homeport: Homeport) -> list[Check]:
            made = homeport.try_provider if thoroughly else homeport.check_provider
            return made(name, aside=True)

        self.ask(check, self.Checked, "check", slowly=True)

    def on_provider_page_read(self, found: Read) -> None:
        self._profile = found.profile
        self.draw()

    def on_provider_page_checked(self, found: Checked) -> None:
        self._checks = found.checks
        self._say_verdict()
        self.draw()

    def _say_verdict(self) -> None:
        bad = sum(1 for check in self._checks or () if check.status.value == "fail")
        verdict = f"{counted(bad, 'problem')}" if bad else "ready"
        self.title_bar(f"providers  {self._provider}", verdict)

    # what can be done with it

    def action_report(self) -> None:
        from tui.screens.save_as import SaveAs

        if self._checks is None or self._profile is None:
            self.say("It is still being checked.")
            return
        about = "what was found (no secrets are in it)"
        self.app.push_screen(SaveAs(about, f"{self._provider}-report.txt"), self._write)

    def _write(self, file: str | None) -> None:
        profile, checks = self._profile, self._checks
        if not file or profile is None or checks is None:
            return

        def write(_: Homeport) -> str:
            from engine.provider_report import report_text
            from tui.screens.save_as import write_new

            return write_new(file, report_text(profile, checks).encode())

        self.ask(write, self.Written, "report")

    def on_provider_page_written(self, written: Written) -> None:
        self.say(f"+ Written to {written.file}", "good")

    def action_change(self) -> None:
        self.app.open_setup(self._provider, revises=True)

    def action_remove(self) -> None:
        from tui.screens.confirm import TypedName

        question = (
            f"Homeport forgets {self._provider} and the secrets that open it. Nothing at it is "
            "touched. It is refused while deployments live there."
        )
        self.app.push_screen(TypedName(question, self._provider), self._remove)

    def _remove(self, sure: bool | None) -> None:
        if sure:
            name = self._provider
            self.ask(
                lambda homeport: homeport.remove_provider(name), lambda _: self.Removed(), "remove"
            )

    def on_provider_page_removed(self) -> None:
        self.dismiss()

    def failed(self, failure: CallFailed) -> None:
        if failure.asked in ("remove", "report"):
            self.complain(failure.error)
            return
        self._error = failure.error
        self.draw()

    def draw(self) -> None:
        rows = self.query_one(RowList)
        width = row_width(rows)
        lines = [*self._check_lines(width), (), *self._profile_lines(width)]
        rows.show_rows([Row(content) for content in lines])

    def _check_lines(self, width: int) -> list[Line]:
        heading: Line = (Span("Connection", "strong"),)
        if self._error is not None:
            return [heading, *error_lines(dict(self._error), width)]
        if self._checks is None:
            return [heading, (Span("Asking every service of the provider...", "muted"),)]
        lines = [heading]
        for check in self._checks:
            lines += check_lines(check, width)
        return lines

    def _profile_lines(self, width: int) -> list[Line]:
        profile = self._profile
        if profile is None:
            return []
        lines: list[Line] = [(Span("Profile", "strong"),)]
        lines += labelled("zone", profile.zone, width, 16)
        lines += labelled("method", profile.method, width, 16)
        for service, backend in profile.backends.items():
            settings = ", ".join(
                f"{key} {'(secret)' if key.endswith('_ref') else value_text(value)}"
                for key, value in backend.settings.items()
            )
            said = f"{backend.kind}: {settings}" if settings else backend.kind
            lines += labelled(service.value, said, width, 16)
        return lines


def check_lines(check: Check, width: int) -> list[Line]:
    """What was looked at and found; below it what to do, where there is something to do."""
    sign = CHECK[check.status.value]
    lines: list[Line] = [
        (
            Span(f"{sign.mark} {sign.word:<8}", sign.role),
            *columns((Cell(check.service, 13, "muted"), Cell(check.title, width - 25))),
        )
    ]
    whole = f"{check.title}: {check.found}"
    if check.found and cell_len(whole) <= width - 25:
        lines[0] = (*lines[0][:-1], Span(f"{check.title}: "), Span(check.found, "muted"))
    elif check.found:
        lines += labelled("", check.found, width, 25, role="muted")
    if check.do:
        lines += labelled("", f"-> {check.do}", width, 25, role="strong")
    return lines
