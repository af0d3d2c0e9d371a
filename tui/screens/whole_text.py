"""Editing a value as text of many lines: what the form cannot show otherwise, or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import TextArea

from tui.text import Span
from tui.widgets.bars import Foot, TitleBar
from tui.widgets.lines import LineView

if TYPE_CHECKING:
    from forms import FormModel, Row


class WholeText(Screen["tuple[int, str | None] | None"]):
    """Gives the row's id, and what was typed where it was not taken over (None where it was);
    nothing at all where nothing was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f5", "take", "Take it over", priority=True),
        Binding("escape", "back", "Back without taking it over; it is remembered", priority=True),
    ]

    def __init__(self, form: FormModel, row: Row, text: str) -> None:
        super().__init__()
        self._form = form
        self._row = row
        self._text = text

    def compose(self) -> ComposeResult:
        yield TitleBar()
        area = TextArea(self._text, tab_behavior="indent", show_line_numbers=False, compact=True)
        area.cursor_blink = False
        yield area
        yield LineView(id="whole-said")
        yield Foot((("Ctrl+s", "take it over"), ("Esc", "back, keep what I typed")), ask_keys=False)

    def on_mount(self) -> None:
        known = self._form.help(self._row.path)
        self.query_one(TitleBar).set_text(f"Homeport  {known.path or 'the whole form'}", known.type)

    def on_text_area_changed(self) -> None:
        problem = self._form.parse(self._row.path, self.query_one(TextArea).text).problem
        said = f" x {problem.message}" if problem else " + can be read"
        self.query_one("#whole-said", LineView).show([(Span(said, "bad" if problem else "good"),)])

    def action_take(self) -> None:
        parsed = self._form.set_text(self._row.path, self.query_one(TextArea).text)
        if parsed.ok:
            self._form.validate(self._row.path)
            self.dismiss((self._row.id, None))
        else:
            said = parsed.problem.message if parsed.problem else "this cannot be read"
            self.query_one(Foot).say(f"x {said}", "bad")

    def action_back(self) -> None:
        text = self.query_one(TextArea).text
        self.dismiss(None if text == self._text else (self._row.id, text))
