"""The one editor of a form: it is moved to the row that is being edited.

It has a line for typing, a list for choosing, and below them what is wrong with what has
been typed. The page owns the form; the editor posts what was typed or chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from tui.text import Cell, Line, columns, wrapped
from tui.widgets.lazy_rows import LazyRows
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList
from tui.widgets.text_line import TextLine

LIST_LINES = 8
SAID_LINES = 3


class RowEditor(Vertical):
    """Hidden until it is opened on a row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Stop editing; what was typed is remembered"),
        Binding("up,shift+tab", "commit_and_move(-1)", "Take it over and go up", show=False),
        Binding("down,tab", "commit_and_move(1)", "Take it over and go down", show=False),
    ]

    @dataclass
    class Typed(Message):
        """Another key was typed."""

        text: str

    @dataclass
    class Committed(Message):
        """What was typed or chosen is to be taken over; move: rows to go on by."""

        text: str
        move: int = 0

    @dataclass
    class Closed(Message):
        """Editing was stopped; `text` was not taken over. None where nothing was to be typed,
        or where it was a secret."""

        text: str | None

    def __init__(self) -> None:
        super().__init__()
        self._room = 0
        self._width = 0
        self.display = False  # from the start: keys are not its own before it is mounted either

    def compose(self) -> ComposeResult:
        yield TextLine(id="edit-line")
        yield RowList(id="edit-list")
        yield LineView(id="edit-said")

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    @property
    def text(self) -> str:
        return self.query_one("#edit-line", TextLine).value

    def place_on(self, grid: LazyRows[Any], lines: int = 1, column: int | None = None) -> None:
        """Move to the row under the cursor, and there to its value if no column is named.

        lines: how many are to be seen.
        """
        x = grid.region.x + (grid.value_column if column is None else column)
        y = grid.region.y + grid.cursor - grid.scroll_offset.y
        bottom = self.screen.size.height - 2
        y = max(1, min(y, bottom - lines))
        self._room, self._width = bottom - y, grid.region.right - x - 1
        self.styles.offset = (x, y)
        self.styles.width = self._width

    def open_text(self, text: str, *, secret: bool = False, placeholder: str = "") -> None:
        """Edit a line of text."""
        line, choices = self.query_one("#edit-line", TextLine), self.query_one("#edit-list")
        line.password = secret
        line.placeholder = placeholder
        with line.prevent(TextLine.Changed):
            line.value = text
        line.cursor_position = len(text)
        line.display, choices.display = True, False
        self._show()
        self.screen.set_focus(line)

    def open_choices(self, choices: Sequence[tuple[str, str]], current: str) -> None:
        """Choose one of some texts; titles stand beside them."""
        line, rows = self.query_one("#edit-line"), self.query_one("#edit-list", RowList)
        widest = max((len(text or "(empty)") for text, _ in choices), default=0)
        beside = max(0, self._width - widest - 5)
        rows.show_rows(
            [
                Row(
                    columns((Cell(text or "(empty)", widest), Cell(title, beside, "muted"))),
                    (text,),
                )
                for text, title in choices
            ]
        )
        rows.styles.height = min(LIST_LINES, len(choices))
        line.display, rows.display = False, True
        at = [index for index, (text, _) in enumerate(choices) if text == current]
        rows.move_to(at[0] if at else 0)
        self._show()
        self.screen.set_focus(rows)

    def _show(self) -> None:
        self.say("")
        self.display = True

    def say(self, problem: str, hint: str = "") -> None:
        """Show what is wrong below the line; nothing where nothing is."""
        said = self.query_one("#edit-said", LineView)
        said.display = bool(problem)
        if problem:
            width = max(20, self._width - 1)
            lines: list[Line] = wrapped(f"x {problem}", width, "bad")
            lines += wrapped(hint, width, "plain") if hint else []
            del lines[max(1, min(SAID_LINES, self._room)) :]
            said.styles.height = len(lines)
            said.show(lines)

    def close(self) -> None:
        self.display = False
        self.query_one("#edit-line", TextLine).value = ""

    # what is typed

    def on_input_changed(self, change: TextLine.Changed) -> None:
        change.stop()
        if self.is_open:
            self.post_message(self.Typed(change.value))

    def on_input_submitted(self, submitted: TextLine.Submitted) -> None:
        submitted.stop()
        self.post_message(self.Committed(submitted.value))

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        chosen.stop()
        self.post_message(self.Committed(chosen.key[0]))

    def on_key(self, event: events.Key) -> None:
        """A letter goes to the next choice that begins with it."""
        rows = self.query_one("#edit-list", RowList)
        letter = event.character if event.is_printable else None
        if not rows.display or not letter or letter.isspace():
            return
        count = rows.line_count
        for step in range(1, count + 1):
            at = (rows.cursor + step) % count
            if rows.key_at(at)[0].casefold().startswith(letter.casefold()):
                rows.move_to(at)
                return

    def on_row_list_highlighted(self, highlighted: RowList.Highlighted) -> None:
        highlighted.stop()

    def on_line_view_resized(self, resized: LineView.Resized) -> None:
        resized.stop()

    def action_commit_and_move(self, by: int) -> None:
        if self.query_one("#edit-line").display:
            self.post_message(self.Committed(self.text, by))

    def action_close(self) -> None:
        line = self.query_one("#edit-line", TextLine)
        self.post_message(self.Closed(line.value if line.display and not line.password else None))
