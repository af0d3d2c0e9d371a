"""The DNS records that a deployment owns, and how each stands in the zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.screens.plan import PlanPage
from tui.screens.progress_text import error_lines
from tui.screens.records_text import record_rows, where_lines
from tui.session import CallFailed
from tui.text import BLANK, Span, wrapped
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.model.record import RecordsInZone, RecordStanding

_ABOUT = (
    "Whatever belongs to it in the zone beside its address: a mail server (MX), a policy (TXT), "
    "another name (CNAME). a adds one; nothing is written before you have read the plan."
)


class RecordsPage(Page):
    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("Enter", "change"),
        ("a", "add"),
        ("x", "remove"),
        ("w", "write missing"),
        ("m", "move"),
        BACK,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add a record: read the plan first"),
        Binding("x", "remove", "Remove the record: read the plan first"),
        Binding("w", "write", "Write what is missing in the zone: read the plan first"),
        Binding("m", "move", "Move its names to other name servers, finish that, or take it back"),
        Binding("r", "read", "Read the zone again"),
    ]

    @dataclass
    class Read(Message):
        """The zone was read."""

        found: RecordsInZone

    def __init__(self, name: str) -> None:
        super().__init__()
        self._deployment = name
        self._found: RecordsInZone | None = None
        self._error: dict[str, Any] | None = None

    def body(self) -> ComposeResult:
        yield RowList([Row((Span("Reading the zone...", "muted"),))])

    def on_mount(self) -> None:
        self.title_bar(f"deployments  {self._deployment}  DNS records")
        self.action_read()

    def on_screen_resume(self) -> None:
        if self._found is not None:
            self.action_read()

    def action_read(self) -> None:
        name = self._deployment
        self.ask(lambda homeport: homeport.records_in_zone(name), self.Read, "zone", slowly=True)

    def on_records_page_read(self, read: Read) -> None:
        self._found, self._error = read.found, None
        bad = sum(not one.served for one in read.found.records)
        at = f" at {read.found.at}" if read.found.at else ""
        said = f"x {bad} not as they should be" if bad else f"zone {read.found.zone}{at}"
        self.title_bar(f"deployments  {self._deployment}  DNS records", said)
        self.draw()

    def failed(self, failure: CallFailed) -> None:
        self._error = failure.error
        self.draw()

    def draw(self) -> None:
        rows, found = self.query_one(RowList), self._found
        width = row_width(rows)
        if self._error is not None:
            rows.show_rows([Row(line) for line in (BLANK, *error_lines(self._error, width))])
            self.hints(("r", "read again"), BACK)
        elif found is not None:
            about = [BLANK, *wrapped(_ABOUT, width, "muted")] if not found.added else []
            live = map(Row, (BLANK, *where_lines(found, width)))
            rows.show_rows([*record_rows(found, width), *live, *map(Row, about)])
            self.hints(*self.HINTS)

    # what is done with one

    def _chosen(self) -> tuple[RecordStanding, str] | None:
        """The record under the cursor, and which of its values."""
        rows, found = self.query_one(RowList), self._found
        if found is None or self._error is not None:
            self.say("The zone is still being read; try again in a moment.")
            return None
        key = rows.key_at(rows.cursor)
        return (found.records[key[0]], key[1]) if key is not None else None

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        if (one := self._chosen()) is None:
            return
        if one[0].origin == "address":
            self.say(
                "It is where the deployment is reached, and follows it. a adds another record."
            )
            return
        self._open(*one)

    def action_add(self) -> None:
        self._open()

    def _open(self, one: RecordStanding | None = None, value: str = "") -> None:
        from tui.screens.record import RecordPage

        if self._found is None:
            self.say("The zone is still being read; try again in a moment.")
        else:
            self.app.push_screen(RecordPage(self._deployment, self._found, one, value))

    def action_remove(self) -> None:
        if (chosen := self._chosen()) is None or self._found is None:
            return
        one, value = chosen
        if one.origin != "owner":
            whose = "its package's: Enter puts yours in its place"
            is_address = one.origin == "address"
            self.say(f"It is {'the address of the deployment' if is_address else whose}.")
            return
        from engine.planning.records import as_written, written_by_owner

        text = as_written(written_by_owner(one.record, self._found.added), value)
        name = self._deployment
        self._plan(f"{name}  remove {one.record.key}", remove=[text])

    def action_move(self) -> None:
        from tui.screens.names_move import NamesMovePage

        if self._found is None:
            self.say("The zone is still being read; try again in a moment.")
        else:
            self.app.push_screen(NamesMovePage(self._deployment, self._found))

    def action_write(self) -> None:
        self._plan(f"{self._deployment}  write its DNS records")

    def _plan(self, crumbs: str, **given: Any) -> None:
        name = self._deployment
        self.app.push_screen(
            PlanPage(crumbs, lambda homeport: homeport.plan_records(name, **given))
        )
