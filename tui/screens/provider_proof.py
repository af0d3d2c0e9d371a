"""Seeing a described provider work, and saving it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.screens.progress_text import error_lines
from tui.screens.provider import check_lines
from tui.session import CallFailed
from tui.text import BLANK, Line, Span
from tui.widgets.rows import Row, RowList, row_width
from tui.words import counted

if TYPE_CHECKING:
    from engine.model.provider import Check
    from engine.provider_setup.draft import SetupDraft


class ProofPage(Page):
    """Checks at once; saves what was seen working, or what is wanted all the same."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "check", "Check again"),
        Binding("s", "save", "Save the provider"),
    ]

    @dataclass
    class Checked(Message):
        """Every service was asked."""

        checks: Sequence[Check]

    @dataclass
    class Saved(Message):
        """It can be used."""

        name: str

    def __init__(self, draft: SetupDraft) -> None:
        super().__init__()
        self._draft = draft
        self._checks: Sequence[Check] | None = None
        self._error: dict[str, object] | None = None
        self._is_unproven_next = False

    def body(self) -> ComposeResult:
        yield RowList()

    def on_mount(self) -> None:
        self.action_check()

    def action_check(self) -> None:
        self._checks = self._error = None
        self.title_bar(f"providers  {self._draft.name}  check", "checking")
        self.draw()
        draft = self._draft
        self.ask(
            lambda homeport: homeport.provider_setup.check(draft, aside=True),
            self.Checked,
            "check",
            slowly=True,
        )

    @property
    def _problems(self) -> int:
        return sum(1 for check in self._checks or () if check.status.value == "fail")

    def on_proof_page_checked(self, found: Checked) -> None:
        self._checks = found.checks
        bad = self._problems
        verdict = counted(bad, "problem") if bad else "it works"
        self.title_bar(f"providers  {self._draft.name}  check", verdict)
        self.draw()

    def draw(self) -> None:
        rows = self.query_one(RowList)
        width = row_width(rows)
        lines: list[Line] = []
        if self._error is not None:
            lines = error_lines(dict(self._error), width)
        elif self._checks is None:
            lines = [(Span("Asking every service, and trying what can be tried...", "muted"),)]
        else:
            bad = self._problems
            says = "It works. s saves it." if not bad else "What is missing is named below."
            lines = [(Span(says, "good" if not bad else "bad"),), BLANK]
            ordered = sorted(self._checks, key=lambda check: check.status.value != "fail")
            for check in ordered:
                lines += check_lines(check, width)
        rows.show_rows([Row(content, number) for number, content in enumerate(lines, 1)])
        self.hints(("s", "save"), ("r", "check again"), BACK)

    def action_save(self) -> None:
        checks = self._checks
        if checks is None:
            self.say("It is still being checked.")
            return
        unproven = self._is_unproven_next
        if self._problems and not unproven:
            self._is_unproven_next = True
            self.say("! It was not seen working. s again saves it all the same.", "warn")
            return
        draft = self._draft
        self.say("Saving it...")
        self.ask(
            lambda homeport: homeport.provider_setup.save(draft, checks, unproven=unproven),
            lambda profile: self.Saved(profile.name),
            "save",
        )

    def on_proof_page_saved(self, saved: Saved) -> None:
        from tui.screens.provider import ProviderPage

        self.app.farewell.draft = ""
        self.app.farewell.again = "homeport"
        self.app.pop_screen()
        self.app.pop_screen()
        self.app.push_screen(
            ProviderPage(
                saved.name,
                checks=self._checks,
                note="+ It is saved. To deploy there: d on the first page.",
            )
        )

    def failed(self, failure: CallFailed) -> None:
        self.say("")
        if failure.asked == "check":
            self.title_bar(f"providers  {self._draft.name}  check", "not checked")
        self._error = failure.error
        self.draw()

    def key_typed(self, key: str) -> None:
        super().key_typed(key)
        if key != "s":
            self._is_unproven_next = False
