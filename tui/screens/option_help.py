"""All that is known of one option, where the pane beside the options is too small for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.page import BACK, Page
from tui.text import Line
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width


class OptionHelp(Page):
    """Scrolls with the arrows. lines: what to show, made to fit a width."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Up Down", "scroll"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,enter,q", "back", "Back to the options", show=False)
    ]

    def __init__(self, name: str, lines: Callable[[int], list[Line]]) -> None:
        super().__init__()
        self._about = name
        self._lines = lines

    def body(self) -> ComposeResult:
        yield RowList()

    def on_mount(self) -> None:
        self.title_bar(self._about)
        self.query_one(RowList).focus()

    def draw(self) -> None:
        rows = self.query_one(RowList)
        rows.show_rows([Row(line) for line in self._lines(row_width(rows) - 1)])
