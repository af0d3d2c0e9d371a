"""When which deployment is backed up: at most one schedule for each."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.schedule import Schedule

_table = schema.schedules


class Schedules:
    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Schedule]:
        """By deployment id."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(_table)).mappings()
            return {row["deployment"]: Schedule.model_validate(dict(row)) for row in rows}

    def set(self, schedule: Schedule) -> None:
        """In the place of what there was for its deployment."""
        with self._database.write() as connection:
            mine = _table.c.deployment == schedule.deployment
            connection.execute(_table.delete().where(mine))
            connection.execute(_table.insert().values(**schedule.model_dump(mode="json")))

    def remove(self, deployment: str) -> bool:
        with self._database.write() as connection:
            mine = _table.c.deployment == deployment
            return connection.execute(_table.delete().where(mine)).rowcount > 0

    def begun(self, deployment: str, due: datetime, operation: str) -> None:
        """What was due then is answered by that operation."""
        self._update(deployment, due=due.isoformat(), operation=operation, trouble="", tried=None)

    def troubled(self, deployment: str, trouble: str, now: datetime) -> None:
        self._update(deployment, trouble=trouble, tried=now.isoformat())

    def _update(self, deployment: str, **row: object) -> None:
        statement = _table.update().where(_table.c.deployment == deployment).values(**row)
        with self._database.write() as connection:
            connection.execute(statement)
