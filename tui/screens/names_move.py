"""To whose name servers a deployment's names shall move; and, once they do, how that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from tui.screens.page import BACK, Page
from tui.screens.plan import PlanPage
from tui.text import BLANK, Cell, columns, wrapped
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.plan import Plan
    from engine.model.record import RecordsInZone

_TO = """Its records are made at the name servers of that provider, too. From then on its names \
live there, and every change is written to both, until nobody is sent to the old ones any more: \
have the zone delegated to the new ones at its registrar, and come back here."""
_BOTH = """Both have its names, and every change is written to both. It can be finished when the \
zone is delegated to the new name servers and resolvers have forgotten the old ones, which takes \
days; that is asked first."""
_NONE = """No other provider has this zone in its DNS settings. Have it served there, and change \
the settings of the provider."""


class NamesMovePage(Page):
    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "plan"), BACK)

    def __init__(self, name: str, found: RecordsInZone) -> None:
        super().__init__()
        self._deployment = name
        self._found = found

    def body(self) -> ComposeResult:
        yield RowList([])

    def on_mount(self) -> None:
        self.title_bar(f"deployments  {self._deployment}  name servers")
        self.draw()

    def draw(self) -> None:
        rows, found = self.query_one(RowList), self._found
        width = row_width(rows)
        about = _BOTH if found.other else _TO if found.offers else _NONE
        lines = [
            Row(columns((Cell(verb, 18, "strong"), Cell(what, max(10, width - 20), "plain"))), verb)
            for verb, what in self._choices()
        ]
        rows.show_rows([*lines, *map(Row, (BLANK, *wrapped(about, width, "muted")))])
        self.hints(*(self.HINTS if lines else (BACK,)))

    def _choices(self) -> list[tuple[str, str]]:
        other = self._found.other
        if other is None:
            return [(provider, "its zone holds the domain") for provider in self._found.offers]
        return [
            ("finish", f"remove its records at {other.source}"),
            ("back", f"remove its records at {other.target}, as before"),
        ]

    def on_row_list_chosen(self) -> None:
        chosen = self.query_one(RowList).key
        if chosen is None:
            return
        name = self._deployment
        ends: dict[str, Callable[[Homeport], Plan]] = {
            "finish": lambda homeport: homeport.plan_names_finish(name),
            "back": lambda homeport: homeport.plan_names_back(name),
        }
        make = ends[chosen] if self._found.other else lambda of: of.plan_names_move(name, chosen)
        # Back from the plan is back at the records, which are read again.
        self.app.switch_screen(PlanPage(f"{name}  name servers  {chosen}", make))
