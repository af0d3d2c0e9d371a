"""Hosting providers, and whether everything is there that a deployment needs."""

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

NONE = """There is no provider yet.
To try Homeport out, leave with q and run: homeport lab up
To add your own Proxmox VE, run: homeport providers add --help"""


class ProvidersPage(Page):
    CRUMBS = "providers"
    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "look and check the connection"), BACK)

    @dataclass
    class Read(Message):
        """The providers were read from the inventory."""

        profiles: Sequence[ProviderProfile]

    def body(self) -> ComposeResult:
        yield RowList([Row((Span("Reading the providers...", "muted"),))])

    def on_mount(self) -> None:
        self.ask(lambda homeport: homeport.providers(), self.Read, "providers")

    def on_providers_page_read(self, found: Read) -> None:
        rows = self.query_one(RowList)
        self.title_bar(self.CRUMBS, counted(len(found.profiles), "provider"))
        if found.profiles:
            rows.show_rows(
                [Row(provider_line(profile), profile.name) for profile in found.profiles]
            )
        else:
            rows.show_rows([Row(()), *(Row((Span(text),)) for text in NONE.splitlines())])

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self.app.push_screen(ProviderPage(chosen.key))


def provider_line(profile: ProviderProfile) -> Line:
    return columns(
        (
            Cell(profile.name, 16, "strong"),
            Cell(f"names under {profile.zone}", 30),
            Cell(profile.title, 28, "muted"),
        )
    )


class ProviderPage(Page):
    """One provider: its profile, and a connection check that says what is missing."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("r", "check again"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "check", "Check the connection again")]

    @dataclass
    class Read(Message):
        """The profile was read from the inventory."""

        profile: ProviderProfile

    @dataclass
    class Checked(Message):
        """The connection check is over."""

        checks: Sequence[Check]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._provider = name
        self._profile: ProviderProfile | None = None
        self._checks: Sequence[Check] | None = None
        self._error: dict[str, object] | None = None

    def body(self) -> ComposeResult:
        yield RowList()

    def on_mount(self) -> None:
        self.title_bar(f"providers  {self._provider}", "checking")
        self.ask(lambda homeport: homeport.provider(self._provider), self.Read, "provider")
        self.action_check()

    def action_check(self) -> None:
        self._checks = self._error = None
        self.title_bar(f"providers  {self._provider}", "checking")
        self.draw()
        name = self._provider

        def check(homeport: Homeport) -> list[Check]:
            return homeport.check_provider(name, aside=True)

        self.ask(check, self.Checked, "check", slowly=True)

    def on_provider_page_read(self, found: Read) -> None:
        self._profile = found.profile
        self.draw()

    def on_provider_page_checked(self, found: Checked) -> None:
        self._checks = found.checks
        bad = sum(1 for check in found.checks if check.status.value == "fail")
        verdict = f"{counted(bad, 'problem')}" if bad else "ready"
        self.title_bar(f"providers  {self._provider}", verdict)
        self.draw()

    def failed(self, failure: CallFailed) -> None:
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
