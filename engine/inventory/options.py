"""Options over time: values that left a configuration, and identities that people confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.options import ArchivedValue


class Archive:
    """Values that a user set and a newer release has no place for. Only ever added to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(
        self,
        operation: str,
        deployment: str,
        old_release: str,
        new_release: str,
        values: Mapping[str, Any],
    ) -> None:
        """values: by dotted path of the old release. Written once, however often it is called."""
        table, now = schema.archived_values, datetime.now(UTC).isoformat()
        with self._database.write() as connection:
            query = sa.select(table.c.path).where(table.c.operation == operation)
            known = set(connection.scalars(query))
            for path, value in values.items():
                if path not in known:
                    row = {"operation": operation, "path": path, "deployment": deployment}
                    row |= {"value": json.dumps(value), "at": now}
                    row |= {"old_release": old_release, "new_release": new_release}
                    connection.execute(table.insert().values(**row))

    def of(self, deployment: str) -> list[ArchivedValue]:
        """Newest first."""
        table = schema.archived_values
        query = sa.select(table).where(table.c.deployment == deployment)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.at.desc(), table.c.path)).mappings()
            return [
                ArchivedValue.model_validate(dict(row) | {"value": json.loads(row["value"])})
                for row in rows
            ]


class Identities:
    """The ledger: what people said of options, as JSON that `forms.upgrade` reads. Only ever
    added to, because a later word takes nothing away from who said the earlier one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, records: Iterable[Mapping[str, Any]]) -> int:
        """Those that are not there yet, in their order; how many. Each names its application."""
        table, added = schema.identities, 0
        with self._database.write() as connection:
            for record in records:
                row = {
                    "application": str(record["application"]),
                    "record": json.dumps(dict(record), sort_keys=True),
                }
                same = [table.c[name] == value for name, value in row.items()]
                if connection.execute(sa.select(table.c.id).where(*same)).first() is None:
                    connection.execute(table.insert().values(**row))
                    added += 1
        return added

    def of(self, application: str | None = None) -> list[dict[str, Any]]:
        """In the order in which they were said; of one application, or of all."""
        table = schema.identities
        query = sa.select(table.c.record).order_by(table.c.id)
        if application is not None:
            query = query.where(table.c.application == application)
        with self._database.read() as connection:
            return [json.loads(text) for text in connection.scalars(query)]
