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
from tui.text import Cell, Line, Span, column_widths, columns
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList, row_width
from tui.words import OPERATION, ago, counted, duration

if TYPE_CHECKING:
    from engine.model.plan import Operation

REFRESH_SECONDS = 2.0
_MARK = 2
"""Cells of a state's mark and the space behind it."""


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
        lines = operation_lines(self._operations, width, now)
        runs = zip(lines, self._operations, strict=True)
        rows.show_rows([Row(content, run.id) for content, run in runs])

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self.app.open_operation(chosen.key)


def operation_lines(runs: Sequence[Operation], width: int, now: datetime) -> list[Line]:
    """A line each: state, what it does, when, and how long it took."""
    texts = [_texts(run, now) for run in runs]
    widths = column_widths(texts, (10, 20, 12, 10, 6), width - _MARK)
    lines: list[Line] = []
    for run, (state, what, which, when, took) in zip(runs, texts, strict=True):
        sign = OPERATION[run.status.value]
        cells = (
            Cell(state, widths[0], sign.role),
            Cell(what, widths[1], "strong"),
            Cell(which, widths[2]),
            Cell(when, widths[3], "muted"),
            Cell(took, widths[4], right=True),
        )
        lines.append((Span(f"{sign.mark} ", sign.role), *columns(cells)))
    return lines


def _texts(run: Operation, now: datetime) -> tuple[str, ...]:
    begun, plan = run.started or run.created, run.plan
    return (
        OPERATION[run.status.value].word,
        f"{plan.intent.value} {plan.name}",
        f"{plan.application} {plan.release} at {plan.provider}",
        ago(begun, now),
        duration(((run.ended or now) - begun).total_seconds()),
    )
