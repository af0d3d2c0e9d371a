"""A scroll bar for fonts without block glyphs: spaces, `|` and `#`, one cell wide."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style
from textual.scrollbar import ScrollBarRender


class ConsoleScrollBar(ScrollBarRender):
    """Draws the part that is seen as `#` on a line of `|`."""

    @classmethod
    def render_bar(
        cls,
        size: int = 25,
        virtual_size: float = 50,
        window_size: float = 20,
        position: float = 0,
        thickness: int = 1,
        vertical: bool = True,
        back_color: Color | None = None,
        bar_color: Color | None = None,
    ) -> Segments:
        style = Style(color=bar_color, bgcolor=back_color)
        length, start = cls.thumb(size, virtual_size, window_size, position)
        marks = ["#" if start <= cell < start + length else "|" for cell in range(int(size))]
        return Segments([Segment(mark * thickness, style) for mark in marks], new_lines=vertical)

    @staticmethod
    def thumb(
        size: int, virtual_size: float, window_size: float, position: float
    ) -> tuple[int, int]:
        """Length and first cell of the part that stands for what is seen."""
        if not (size and virtual_size and window_size) or virtual_size <= window_size:
            return int(size), 0
        length = max(1, round(size * window_size / virtual_size))
        travel = position / (virtual_size - window_size)
        return length, round((size - length) * min(1.0, travel))
