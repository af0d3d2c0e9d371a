"""Which steps of an operation are finished: what a further attempt need not do again.

The record is written in one transaction with the event that says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from engine.inventory import schema
from engine.inventory.database import Alongside, Database
from engine.inventory.events import append_events
from engine.model.events import Event, StepFinished


@dataclass(frozen=True)
class FinishedStep:
    outcome: Literal["done", "unchanged"]
    output: Mapping[str, Any]


class FinishedSteps:
    def __init__(self, database: Database) -> None:
        self._database = database

    def finish(
        self,
        operation_id: str,
        attempt: int,
        finished: FinishedStep,
        events: Iterable[Event],
        event: StepFinished,
        alongside: Alongside,
    ) -> None:
        """Record that a step is done, together with the events up to that moment."""
        with self._database.write() as connection:
            alongside(connection)
            connection.execute(
                schema.finished_steps.insert().values(
                    operation=operation_id,
                    step=event.step,
                    attempt=attempt,
                    outcome=finished.outcome,
                    output=json.dumps(dict(finished.output), allow_nan=False),
                    ended=event.at.isoformat(),
                )
            )
            append_events(connection, operation_id, [*events, event])

    def of(self, operation_id: str) -> dict[str, FinishedStep]:
        table = schema.finished_steps
        with self._database.read() as connection:
            rows = connection.execute(sa.select(table).where(table.c.operation == operation_id))
            return {
                row.step: FinishedStep(outcome=row.outcome, output=json.loads(row.output))
                for row in rows
            }
