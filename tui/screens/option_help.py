"""All that is known of one option, where the pane beside the form is too small for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.form_text import help_lines
from tui.screens.page import BACK, Page
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from forms import Help


class OptionHelp(Page):
    """Scrolls with the arrows."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Up Down", "scroll"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,enter,q", "back", "Back to the form", show=False)
    ]

    def __init__(self, known: Help) -> None:
        super().__init__()
        self._known = known

    def body(self) -> ComposeResult:
        yield RowList()

    def on_mount(self) -> None:
        self.title_bar(self._known.path or self._known.label)
        self.query_one(RowList).focus()

    def draw(self) -> None:
        rows = self.query_one(RowList)
        rows.show_rows([Row(line) for line in help_lines(self._known, row_width(rows) - 1)])
