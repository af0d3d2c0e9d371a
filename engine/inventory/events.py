"""The event streams of operations: appended to by whoever acts, read by who watches."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.events import Event, event_adapter

_table = schema.events


class Events:
    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, operation_id: str, events: Sequence[Event]) -> None:
        """In this order, in one transaction. What is given here was redacted before."""
        if events:
            with self._database.write() as connection:
                append_events(connection, operation_id, events)

    def after(self, operation_id: str, seq: int, limit: int = 5000) -> list[Event]:
        """Up to `limit` events behind seq, in order."""
        query = (
            sa.select(_table.c.event)
            .where(_table.c.operation == operation_id, _table.c.seq > seq)
            .order_by(_table.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [event_adapter.validate_json(text) for text in connection.scalars(query)]


def append_events(connection: sa.Connection, operation_id: str, events: Sequence[Event]) -> None:
    """Number the events and write them within the caller's transaction."""
    last = sa.select(sa.func.max(_table.c.seq)).where(_table.c.operation == operation_id)
    if connection.dialect.name == "postgresql":
        # Two writers of one stream must not draw the same number.
        row = sa.select(schema.operations.c.id).where(schema.operations.c.id == operation_id)
        connection.execute(row.with_for_update())
    seq = connection.execute(last).scalar() or 0
    connection.execute(
        _table.insert(),
        [
            {
                "operation": operation_id,
                "seq": number,
                "event": event.model_copy(update={"seq": number}).model_dump_json(),
            }
            for number, event in enumerate(events, seq + 1)
        ],
    )
