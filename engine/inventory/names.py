"""Names of deployments that are on their way to another provider's name servers."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.names import NamesMove

_table = schema.names_moves


class NamesMoves:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, deployment: str) -> NamesMove | None:
        """None where they are with one provider alone."""
        query = sa.select(_table).where(_table.c.deployment == deployment)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return NamesMove.model_validate(dict(row)) if row else None

    def begin(self, deployment: str, source: str, target: str) -> None:
        """They live at the source still. Told again, it is as it was."""
        if self.of(deployment) is not None:
            return
        row = {
            "deployment": deployment,
            "source": source,
            "target": target,
            "at": source,
            "began": datetime.now(UTC).isoformat(),
        }
        with self._database.write() as connection:
            connection.execute(_table.insert().values(**row))

    def live_at(self, deployment: str, provider: str) -> bool:
        """False where they are not on their way from or to that provider."""
        is_side = sa.or_(_table.c.source == provider, _table.c.target == provider)
        of_it = sa.and_(_table.c.deployment == deployment, is_side)
        with self._database.write() as connection:
            update = _table.update().where(of_it).values(at=provider)
            return connection.execute(update).rowcount > 0

    def end(self, deployment: str) -> None:
        with self._database.write() as connection:
            connection.execute(_table.delete().where(_table.c.deployment == deployment))
