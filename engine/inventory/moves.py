"""Moves of deployments to another provider: the last one of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.move import Move, MovePhase

_table = schema.moves


class Moves:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, deployment: str) -> Move | None:
        return self.all(deployment).get(deployment)

    def all(self, deployment: str | None = None) -> dict[str, Move]:
        """By deployment id; of one, or of all that ever moved."""
        query = sa.select(_table)
        if deployment is not None:
            query = query.where(_table.c.deployment == deployment)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return {row["deployment"]: Move.model_validate(dict(row)) for row in rows}

    def begin(self, deployment: str, source: str, target: str, operation: str) -> Move:
        """The record of this operation's move: made, or found as it was. The source writes."""
        known = self.of(deployment)
        if known is not None and known.operation == operation:
            return known
        now = datetime.now(UTC)
        move = Move(
            deployment=deployment,
            source=source,
            target=target,
            operation=operation,
            phase=MovePhase.MOVING,
            writer=source,
            began=now,
            changed=now,
        )
        with self._database.write() as connection:
            connection.execute(_table.delete().where(_table.c.deployment == deployment))
            connection.execute(_table.insert().values(**move.model_dump(mode="json")))
        return move

    def change(
        self,
        deployment: str,
        *,
        phase: MovePhase | None = None,
        writer: str | None = None,
        connection: sa.Connection | None = None,
    ) -> None:
        """In the caller's transaction if any."""
        row = {"changed": _now()}
        if phase is not None:
            row["phase"] = phase.value
        if writer is not None:
            row["writer"] = writer
        self._update(deployment, row, connection)

    def held(self, deployment: str) -> None:
        """It waits before the freeze. Told again, the first time stays."""
        first = sa.func.coalesce(_table.c.held, _now())
        self._update(deployment, {"held": first})

    def release(self, deployment: str) -> None:
        """What waits before the freeze goes on."""
        first = sa.func.coalesce(_table.c.released, _now())
        self._update(deployment, {"released": first})

    def frozen(self, deployment: str) -> None:
        """From now on nobody can write. Told again, the first time stays."""
        first = sa.func.coalesce(_table.c.frozen, _now())
        self._update(deployment, {"frozen": first})

    def thawed(self, deployment: str) -> None:
        """The source serves again, as if it had not been frozen."""
        self._update(deployment, {"frozen": None})

    def served(self, deployment: str, at: datetime) -> None:
        """The public name is answered again. Told again, the first time stays."""
        first = sa.func.coalesce(_table.c.served, at.isoformat())
        self._update(deployment, {"served": first})

    def _update(
        self, deployment: str, row: Mapping[str, object], connection: sa.Connection | None = None
    ) -> None:
        statement = _table.update().where(_table.c.deployment == deployment).values(**row)
        if connection is not None:
            connection.execute(statement)
            return
        with self._database.write() as own:
            own.execute(statement)


def _now() -> str:
    return datetime.now(UTC).isoformat()
