"""Text drawn line by line, with as little sent to the terminal as can be.

All that the interface shows is drawn by this widget or its children, never by a widget per
item: a page costs the same for ten lines as for fifty thousand. When lines are replaced,
only the cells that differ are painted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import BLANK, ROLES, Line, Role, length, printable


def difference(old: Line, new: Line) -> tuple[int, int] | None:
    """First cell and end of what differs between two lines; None where nothing does."""
    if old == new:
        return None
    start = 0
    for before, after in zip_longest(old, new):
        if before == after:
            start += length((before,))
            continue
        if before and after and before.role == after.role:
            for one, other in zip(before.text, after.text, strict=False):
                if one != other or ord(one) > 0x2FF:
                    break
                start += 1
        break
    return start, max(length(old), length(new))


class LineView(ScrollView, can_focus=False):
    """Shows lines. `show` replaces them."""

    @dataclass
    class Resized(Message):
        """The widget has another width or height: lines that were made to fit do not fit."""

        view: LineView

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line--{role}" for role in (*ROLES, "away")}

    def __init__(
        self,
        lines: Sequence[Line] = (),
        *,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = list(lines)
        self._styles: dict[str, Style] = {}

    @property
    def line_count(self) -> int:
        return len(self._lines)

    def line_at(self, index: int) -> Line:
        return self._lines[index]

    @property
    def lines(self) -> list[Line]:
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Replace all lines; cells that stay as they are cost nothing."""
        old, self._lines = self._lines, list(lines)
        self.measure()
        top = self.scroll_offset.y
        for y in range(self.size.height):
            before = old[top + y] if top + y < len(old) else BLANK
            after = self._lines[top + y] if top + y < len(self._lines) else BLANK
            if (changed := difference(before, after)) is not None:
                self.refresh(Region(changed[0], y, changed[1] - changed[0], 1))

    def measure(self) -> None:
        """Tell the scroll bar how much there is. What fits is as good as a page: another size
        would have all of it painted again."""
        self.virtual_size = Size(0, max(self.line_count, self.size.height))

    def on_mount(self) -> None:
        self.measure()

    def on_resize(self) -> None:
        self.measure()
        self.post_message(self.Resized(self))

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def role_style(self, role: str) -> Style:
        style = self._styles.get(role)
        if style is None:
            style = self._styles[role] = self.get_component_rich_style(f"line--{role}")
        return style

    def fill_role(self, index: int) -> Role | None:
        """Role of the cells behind the end of a line; None for the widget's own ground."""
        return None

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = self.scroll_offset.y + y
        if index >= self.line_count:
            return Strip.blank(width, self.rich_style)
        fill = self.fill_role(index)
        ground = self.rich_style if fill is None else self.role_style(fill)
        # A change of style costs some twenty bytes: spans that look the same are sent as one.
        segments = [
            Segment(printable("".join(span.text for span in alike)), self.role_style(role))
            for role, alike in groupby(self.line_at(index), key=lambda span: span.role)
        ]
        return Strip(segments).adjust_cell_length(width, ground)
