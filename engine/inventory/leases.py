"""Exclusive claims that outlive a crash: `engine.backends.registry.LeaseStore` in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa

from engine.inventory import schema
from engine.inventory.database import Database

_table = schema.leases


class Leases:
    """The database's primary key decides who holds an item, whoever asks and from where."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, pool: str, owner: str, candidates: Iterable[str]) -> str | None:
        """The owner's item, or else the first candidate nobody holds; None: none is free."""
        if held := self.find(pool, owner):
            return held
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_pool_lock(pool))))
            if held := _held(connection, pool, owner):
                return held
            query = sa.select(_table.c.item).where(_table.c.pool == pool)
            taken = set(connection.scalars(query))
            for item in candidates:
                if item not in taken:
                    connection.execute(_row(pool, item, owner))
                    return item
        return None

    def find(self, pool: str, owner: str) -> str | None:
        with self._database.read() as connection:
            return _held(connection, pool, owner)

    def reject(self, pool: str, owner: str, item: str) -> None:
        """Give the claim up and mark the item as held by somebody outside Homeport."""
        here = (_table.c.pool == pool, _table.c.item == item)
        with self._database.write() as connection:
            connection.execute(_table.delete().where(*here, _table.c.owner == owner))
            if connection.execute(sa.select(_table.c.item).where(*here)).first() is None:
                connection.execute(_row(pool, item, None))

    def release(self, pool: str, owner: str) -> bool:
        with self._database.write() as connection:
            gone = connection.execute(
                _table.delete().where(_table.c.pool == pool, _table.c.owner == owner)
            )
            return gone.rowcount > 0


def _held(connection: sa.Connection, pool: str, owner: str) -> str | None:
    query = sa.select(_table.c.item).where(_table.c.pool == pool, _table.c.owner == owner)
    held: str | None = connection.execute(query).scalar()
    return held


def _row(pool: str, item: str, owner: str | None) -> sa.Insert:
    return _table.insert().values(
        pool=pool, item=item, owner=owner, since=datetime.now(UTC).isoformat()
    )


def _pool_lock(pool: str) -> int:
    """A number for PostgreSQL's advisory lock: the same one for the same pool, everywhere."""
    return int.from_bytes(pool.encode()[-7:].rjust(7, b"\0"), "big")
