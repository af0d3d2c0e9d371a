"""Editing a value as text of many lines: what the form cannot show otherwise, or all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import TextArea

from tui.text import Span
from tui.widgets.bars import Foot, TitleBar
from tui.widgets.lines import LineView

if TYPE_CHECKING:
    from forms.model.row import Parsed

Parse = Callable[[str], "Parsed"]


class WholeText(Screen["tuple[str | None] | None"]):
    """Gives what was typed where it was not taken over (None where it was); nothing at all
    where nothing was typed.

    parse: what a text would mean. take: the same, and takes it over where it can be read.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f5", "take", "Take it over", priority=True),
        Binding("escape", "back", "Back without taking it over; it is remembered", priority=True),
    ]

    def __init__(self, name: str, kind: str, text: str, parse: Parse, take: Parse) -> None:
        super().__init__()
        self._about = (name, kind)
        self._text = text
        self._read = parse
        self._take = take

    def compose(self) -> ComposeResult:
        yield TitleBar()
        area = TextArea(self._text, tab_behavior="indent", show_line_numbers=False, compact=True)
        area.cursor_blink = False
        yield area
        yield LineView(id="whole-said")
        yield Foot((("Ctrl+s", "take it over"), ("Esc", "back, keep what I typed")), ask_keys=False)

    def on_mount(self) -> None:
        name, kind = self._about
        self.query_one(TitleBar).set_text(f"Homeport  {name}", kind)

    def on_text_area_changed(self) -> None:
        problem = self._read(self.query_one(TextArea).text).problem
        said = f" x {problem.message}" if problem else " + can be read"
        self.query_one("#whole-said", LineView).show([(Span(said, "bad" if problem else "good"),)])

    def action_take(self) -> None:
        parsed = self._take(self.query_one(TextArea).text)
        if parsed.ok:
            self.dismiss((None,))
        else:
            said = parsed.problem.message if parsed.problem else "this cannot be read"
            self.query_one(Foot).say(f"x {said}", "bad")

    def action_back(self) -> None:
        text = self.query_one(TextArea).text
        self.dismiss(None if text == self._text else (text,))


def can_be_shown(text: str) -> bool:
    """Has the text no control characters but those that lines are made of?"""
    return text.replace("\n", "").replace("\t", "").isprintable()
