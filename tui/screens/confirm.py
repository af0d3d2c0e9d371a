"""Asking for a name to be typed before something is deleted."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.text import BLANK, Span, wrapped
from tui.widgets.bars import Foot
from tui.widgets.lines import LineView
from tui.widgets.text_line import TextLine


class TypedName(ModalScreen[bool]):
    """True when exactly `name` was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "keep", "Keep it: nothing is changed")
    ]

    def __init__(self, question: str, name: str) -> None:
        super().__init__()
        self._question = question
        self._wanted = name

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield LineView(id="question")
            yield TextLine()
            yield Foot((("Enter", "delete"), ("Esc", "keep it")), ask_keys=False)

    def on_line_view_resized(self) -> None:
        view = self.query_one("#question", LineView)
        text = f"To go on, type its name ({self._wanted}) and press Enter."
        view.show(
            [
                *wrapped(self._question, view.size.width, "bad"),
                BLANK,
                *wrapped(text, view.size.width),
                (Span(""),),
            ]
        )

    def on_input_submitted(self, submitted: TextLine.Submitted) -> None:
        if submitted.value.strip() == self._wanted:
            self.dismiss(True)
        else:
            self.query_one(Foot).say(f"x That is not {self._wanted}; nothing was changed.", "bad")

    def action_keep(self) -> None:
        self.dismiss(False)
