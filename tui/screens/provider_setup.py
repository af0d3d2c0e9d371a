"""Adding a provider, or changing one: what has to be said, service by service, then the proof.

This page is where one comes back to: it shows how far it is and opens the next question. What is
said is kept at once, so leaving loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.provider_drafts import begun
from tui.screens.page import BACK
from tui.screens.progress_text import error_lines
from tui.screens.provider_questions import SetupQuestions
from tui.screens.provider_setup_text import (
    ABOUT,
    HELP,
    OTHER,
    PROOF,
    part_line,
    proof_line,
    service_line,
)
from tui.session import CallFailed
from tui.text import BLANK, Span, wrapped
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.provider_setup.outline import Outline


class SetupPage(SetupQuestions):
    """name: of the provider. revises: there is one of this name, and it is being changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "again", "Answer a service's questions from the first one on"),
        Binding("x", "drop", "Drop all that was said here"),
    ]

    @dataclass
    class Dropped(Message):
        """The draft is gone."""

    def __init__(self, name: str, *, revises: bool = False) -> None:
        super().__init__(name)
        self._revises = revises
        self._error: dict[str, object] | None = None
        self._is_drop_next = False

    def body(self) -> ComposeResult:
        with Container(classes="body"):
            yield RowList([Row((Span("Reading what was said before...", "muted"),))])
            yield LineView(id="side", classes="side")

    def on_mount(self) -> None:
        self._title()
        self.ask(begun(self._provider, revises=self._revises), self.Come, "begin")

    # what is shown

    def _title(self, right: str = "") -> None:
        word = "change" if self._revises else "add"
        self.title_bar(f"providers  {word} {self._provider}", right)

    def draw(self) -> None:
        self.show_outline()

    def show_outline(self, *, onward: bool = False) -> None:
        rows = self.query_one(RowList)
        outline = self._outline
        if outline is None:
            if self._error is not None:
                lines = error_lines(dict(self._error), row_width(rows))
                rows.show_rows([Row(BLANK), *(Row(content) for content in lines)])
            return
        at = None if onward else rows.key
        shown = _rows(outline, row_width(rows))
        rows.show_rows(shown)
        keys = [row.key for row in shown]
        rows.move_to(keys.index(at) if at in keys else keys.index(_next(outline)))
        left = len(outline.draft.missing())
        self._title("ready to be checked" if not left else f"{left} to answer")
        self._draw_side()

    def _draw_side(self) -> None:
        side, key = self.query_one("#side", LineView), self.query_one(RowList).key
        width = max(20, side.size.width - 1)
        lines = wrapped(HELP.get(str(key), OTHER), width)
        if self._error is not None:
            lines = error_lines(dict(self._error), width)
        side.show(lines)
        again = (("e", "from its first question"),) if self._is_service(key) else ()
        self.hints(("Enter", "open"), *again, ("x", "drop the draft"), BACK)

    def _is_service(self, key: object) -> bool:
        return self._outline is not None and key in [
            one.service.value for one in self._outline.services
        ]

    def on_row_list_highlighted(self) -> None:
        self._draw_side()

    # what is chosen, and what comes of it

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self._error = None
        self.open_part(str(chosen.key))

    def action_again(self) -> None:
        key = self.query_one(RowList).key
        if self._is_service(key):
            self._error = None
            self.open_part(str(key), anew=True)

    def on_setup_questions_come(self, come: SetupQuestions.Come) -> None:
        self._outline, self._error = come.outline, None
        self.app.farewell.draft = f"the description of provider {self._provider}"
        word = "edit" if self._revises else "add"
        self.app.farewell.again = f"homeport providers {word} {self._provider}"
        self.show_outline(onward=not come.service)
        if come.service:
            self.ask_at(come.service, come.position)

    # what goes wrong, and leaving

    def failed(self, failure: CallFailed) -> None:
        self._is_asking = False
        self.say("")
        self._error = failure.error
        self.draw() if self._outline is None else self._draw_side()

    def action_drop(self) -> None:
        if not self._is_drop_next:
            self._is_drop_next = True
            kept = "The provider stays as it is. " if self._revises else ""
            self.say(f"{kept}x again drops what was said here. Any other key keeps it.", "warn")
            return
        name = self._provider
        self.ask(
            lambda homeport: homeport.provider_setup.drop(name), lambda _: self.Dropped(), "drop"
        )

    def on_setup_page_dropped(self) -> None:
        self.app.farewell.draft = ""
        self.app.farewell.again = "homeport"
        self.dismiss()

    def key_typed(self, key: str) -> None:
        super().key_typed(key)
        if key != "x":
            self._is_drop_next = False


def _rows(outline: Outline, width: int) -> list[Row]:
    draft = outline.draft
    shown = [Row(part_line("The provider", draft.zone, bool(draft.zone), width), ABOUT)]
    shown += [Row(service_line(one, width), one.service.value) for one in outline.services]
    return [*shown, Row(proof_line(not draft.missing(), width), PROOF)]


def _next(outline: Outline) -> str:
    """The first row that something is to be done about."""
    if not outline.draft.zone:
        return ABOUT
    open_ones = (one for one in outline.services if one.is_required and not one.is_answered)
    first = next(open_ones, None)
    return first.service.value if first is not None else PROOF
