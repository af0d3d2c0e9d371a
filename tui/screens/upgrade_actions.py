"""What can be decided of one option, each with what comes of it and what speaks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from tui.screens.upgrade_text import action_line, chosen_lines
from tui.widgets.bars import Foot, TitleBar
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from forms.upgrade import Detail


class ActionsPage(Screen[int | None], inherit_bindings=False):
    """Gives which action was chosen, from 0 on; None where the option is left as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back: nothing is decided"),
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, detail: Detail) -> None:
        super().__init__()
        self._known = detail

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Container(classes="body stacked"):
            yield RowList()
            yield LineView(id="reasons", classes="side")
        yield Foot(
            (("Enter", "decide so"), ("1-9", "at once"), ("Up Down", "look"), ("Esc", "back"))
        )

    def on_mount(self) -> None:
        row = self._known.row
        self.query_one(TitleBar).set_text(f"Homeport  {row.path}", row.status.value)
        self.query_one(RowList).focus()

    def on_line_view_resized(self) -> None:
        rows = self.query_one(RowList)
        rows.styles.height = min(len(self._known.actions), max(2, (self.size.height - 4) // 2))
        width = row_width(rows) - 1
        actions = enumerate(self._known.actions, 1)
        rows.show_rows([Row(action_line(n, one, width), n - 1) for n, one in actions])
        self._show_chosen()

    def on_row_list_highlighted(self) -> None:
        self._show_chosen()

    def _show_chosen(self) -> None:
        at = self.query_one(RowList).key
        if at is not None:
            side = self.query_one("#reasons", LineView)
            side.show(chosen_lines(self._known, self._known.actions[at], side.size.width - 1))

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self.action_pick(chosen.key)

    def action_pick(self, at: int) -> None:
        if at < len(self._known.actions):
            self.dismiss(at)

    def action_leave(self) -> None:
        self.dismiss(None)
