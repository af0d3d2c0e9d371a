"""All operations, newest first: what ran, what came of it, and a way to look at it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.text import Cell, Line, Span, columns
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width
from tui.words import OPERATION, ago, counted, duration

if TYPE_CHECKING:
    from engine.model.plan import Operation

REFRESH_SECONDS = 2.0


class OperationsPage(Page):
    CRUMBS = "operations"
    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "open"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = []

    @dataclass
    class Read(Message):
        """The operations were read from the journal."""

        operations: Sequence[Operation]

    def __init__(self) -> None:
        super().__init__()
        self._operations: Sequence[Operation] | None = None

    def body(self) -> ComposeResult:
        yield RowList([Row((Span("Reading the operations...", "muted"),))])

    def on_mount(self) -> None:
        self._read()
        self.set_interval(REFRESH_SECONDS, self._read)

    def _read(self) -> None:
        if self.is_current:
            self.ask(lambda homeport: homeport.operations(), self.Read, "operations")

    def on_operations_page_read(self, found: Read) -> None:
        self._operations = found.operations
        self.title_bar(self.CRUMBS, counted(len(found.operations), "operation"))
        self.draw()

    def draw(self) -> None:
        if self._operations is None:
            return
        rows = self.query_one(RowList)
        width, now = row_width(rows), self.app.clock()
        if not self._operations:
            text = "No operation has run yet. Deploying, changing and destroying are operations."
            rows.show_rows([Row(()), Row((Span(text),))])
            return
        rows.show_rows([Row(operation_line(run, width, now), run.id) for run in self._operations])

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self.app.open_operation(chosen.key)


def operation_line(run: Operation, width: int, now: datetime) -> Line:
    """State, what it does, when, and how long it took."""
    sign = OPERATION[run.status.value]
    begun = run.started or run.created
    took = duration(((run.ended or now) - begun).total_seconds())
    what = f"{run.plan.intent.value} {run.plan.name}"
    which = f"{run.plan.application} {run.plan.release} at {run.plan.provider}"
    middle = max(20, (width - 2 - 10 - 16 - 8 - 8) // 2)
    return (
        Span(f"{sign.mark} ", sign.role),
        *columns(
            (
                Cell(sign.word, 10, sign.role),
                Cell(what, middle - 2, "strong"),
                Cell(which, max(10, width - 2 - 10 - middle + 2 - 14 - 8 - 8), "plain"),
                Cell(ago(begun, now), 14, "muted"),
                Cell(took, 8, right=True),
            )
        ),
    )
