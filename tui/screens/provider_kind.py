"""Choosing what serves a service of a provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from tui.screens.page import BACK, Page
from tui.text import Cell, columns
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList


class KindPage(Page):
    """kinds: (kind, what it is). chosen: is given the kind."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "choose"), BACK)

    def __init__(
        self,
        crumbs: str,
        kinds: Sequence[tuple[str, str]],
        current: str,
        chosen: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._crumbs = crumbs
        self._kinds = kinds
        self._current = current
        self._chosen = chosen

    def body(self) -> ComposeResult:
        yield RowList(
            [
                Row(
                    columns(
                        (
                            Cell(title, 52, "strong"),
                            Cell("as it is now" if kind == self._current else kind, 20, "muted"),
                        )
                    ),
                    (kind,),
                )
                for kind, title in self._kinds
            ]
        )

    def on_mount(self) -> None:
        self.title_bar(f"{self._crumbs}: what serves it")
        kinds = [kind for kind, _ in self._kinds]
        if self._current in kinds:
            self.query_one(RowList).move_to(kinds.index(self._current))

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self.app.pop_screen()
        self._chosen(chosen.key[0])
