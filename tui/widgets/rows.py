"""A list with a cursor, drawn line by line.

A cursor move repaints two lines. Where the cursor would leave the view, the view moves by
half its height, so that walking through a long list seldom repaints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from tui.text import Line, Role, Span
from tui.widgets.lines import LineView


@dataclass(frozen=True)
class Row:
    """A line of a list. `key` is what it stands for; rows without one are headings."""

    content: Line
    key: Any = None


class RowList(LineView, can_focus=True, inherit_bindings=False):
    """Rows to walk through and to choose from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "One row up", show=False),
        Binding("down", "move(1)", "One row down", show=False),
        Binding("pageup", "page(-1)", "One page up", show=False),
        Binding("pagedown", "page(1)", "One page down", show=False),
        Binding("home", "end(-1)", "First row", show=False),
        Binding("end", "end(1)", "Last row", show=False),
        Binding("enter", "choose", "Open the row", show=False),
    ]

    @dataclass
    class Highlighted(Message):
        """The cursor came to another row."""

        rows: RowList
        key: Any

        @property
        def control(self) -> RowList:
            return self.rows

    @dataclass
    class Chosen(Message):
        """Enter was pressed on a row."""

        rows: RowList
        key: Any

        @property
        def control(self) -> RowList:
            return self.rows

    def __init__(
        self,
        rows: Sequence[Row] = (),
        *,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = list(rows)
        self.cursor = self._nearest(0, 1)

    # what is shown

    @property
    def line_count(self) -> int:
        return len(self._rows)

    def content(self, index: int) -> Line:
        return self._rows[index].content

    def selectable(self, index: int) -> bool:
        return self._rows[index].key is not None

    def key_at(self, index: int) -> Any:
        return self._rows[index].key

    @property
    def key(self) -> Any:
        """What the cursor stands on; None in a list without rows."""
        return self.key_at(self.cursor) if 0 <= self.cursor < self.line_count else None

    def line_at(self, index: int) -> Line:
        content = self.content(index)
        if index != self.cursor or not self.selectable(index):
            return (Span("  "), *content)
        role: Role = "cursor"
        return (Span("> ", role), *(Span(span.text, role) for span in content))

    def fill_role(self, index: int) -> Role | None:
        return "cursor" if index == self.cursor and self.selectable(index) else None

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Replace the rows; the cursor stays on the same key, or else near its place."""
        key, top = self.key, self.scroll_offset.y
        before = self._visible(top)
        self._rows = list(rows)
        index = next((i for i, row in enumerate(rows) if key is not None and row.key == key), None)
        self.cursor = self._nearest(self.cursor, 1) if index is None else index
        self.measure()
        self._scroll_to_cursor()
        if self.scroll_offset.y != top:
            self.refresh()
        else:
            for y, (old, new) in enumerate(zip(before, self._visible(top), strict=True)):
                if old != new:
                    self.refresh(Region(0, y, self.size.width, 1))
        if self.key != key:
            self.post_message(self.Highlighted(self, self.key))

    def _visible(self, top: int) -> list[Line]:
        return [
            self.line_at(index) if index < self.line_count else ()
            for index in range(top, top + self.size.height)
        ]

    # moving

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, which repaints the row it left and the one it came to."""
        index = self._nearest(index, 1 if index >= self.cursor else -1)
        if index == self.cursor or index < 0:
            return
        old, self.cursor = self.cursor, index
        for changed in (old, index):
            self._refresh_row(changed)
        self._scroll_to_cursor()
        self.post_message(self.Highlighted(self, self.key))

    def _refresh_row(self, index: int) -> None:
        y = index - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _nearest(self, index: int, direction: int) -> int:
        """The selectable row at index, or the next one that way, or the other; -1: none."""
        count = self.line_count
        index = max(0, min(index, count - 1))
        for step in (direction, -direction):
            at = index
            while 0 <= at < count:
                if self.selectable(at):
                    return at
                at += step
        return -1

    def _scroll_to_cursor(self) -> None:
        height = self.size.height
        if not height or self.cursor < 0:
            return
        top = self.scroll_offset.y
        # A heading right above the cursor is shown with it.
        first = self.cursor
        if first > 0 and not self.selectable(first - 1):
            first -= 1
        if first < top:
            self.scroll_to(y=max(0, first - height // 2), animate=False, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height // 2, animate=False, force=True)

    def on_resize(self) -> None:
        self._scroll_to_cursor()

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y
        if 0 <= index < self.line_count and self.selectable(index):
            if index == self.cursor:
                self.action_choose()
            self.move_to(index)

    def action_move(self, by: int) -> None:
        if self.cursor < 0:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True)
            return
        index = self.cursor + by
        while 0 <= index < self.line_count and not self.selectable(index):
            index += by
        if 0 <= index < self.line_count:
            self.move_to(index)
        elif by < 0:
            self.scroll_to(y=0, animate=False)

    def action_page(self, direction: int) -> None:
        if self.cursor < 0:
            self.action_move(direction * max(1, self.size.height - 1))
            return
        self.move_to(self.cursor + direction * max(1, self.size.height - 1))

    def action_end(self, direction: int) -> None:
        if self.cursor < 0:
            self.scroll_to(y=self.line_count * max(0, direction), animate=False, force=True)
            return
        self.move_to(self.line_count - 1 if direction > 0 else 0)

    def action_choose(self) -> None:
        if self.key is not None:
            self.post_message(self.Chosen(self, self.key))


def row_width(view: LineView) -> int:
    """Cells that the content of a row may fill: all but the cursor mark and the scroll bar."""
    return max(10, view.size.width - 3)
