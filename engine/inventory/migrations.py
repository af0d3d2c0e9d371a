"""Ordered changes of the inventory's schema, from the first release on.

A migration is a list of statements that both SQLite and PostgreSQL understand; released
ones are never edited, only followed by another. Each runs in a transaction of its own
together with the record that it ran. A database written by a newer Homeport is refused:
its meaning is not known here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from engine.errors import Unsafe
from engine.inventory.database import Database

_FIRST = (
    "CREATE TABLE installation (id TEXT PRIMARY KEY, created TEXT NOT NULL)",
    "CREATE TABLE providers (name TEXT PRIMARY KEY, profile TEXT NOT NULL, changed TEXT NOT NULL)",
    """CREATE TABLE deployments (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, application TEXT NOT NULL,
        release TEXT NOT NULL, provider TEXT NOT NULL, domain TEXT NOT NULL,
        "values" TEXT NOT NULL, status TEXT NOT NULL, created TEXT NOT NULL,
        changed TEXT NOT NULL, live_name TEXT UNIQUE, live_domain TEXT UNIQUE)""",
    """CREATE TABLE resources (
        deployment TEXT NOT NULL REFERENCES deployments (id), kind TEXT NOT NULL,
        key TEXT NOT NULL, provider TEXT NOT NULL, external_id TEXT NOT NULL,
        attributes TEXT NOT NULL, created TEXT NOT NULL,
        PRIMARY KEY (deployment, kind, key))""",
    """CREATE TABLE operations (
        id TEXT PRIMARY KEY, deployment TEXT NOT NULL REFERENCES deployments (id),
        holds TEXT UNIQUE, plan TEXT NOT NULL, plan_hash TEXT NOT NULL, status TEXT NOT NULL,
        attempt INTEGER NOT NULL, worker TEXT NOT NULL, status_before TEXT NOT NULL,
        error TEXT, created TEXT NOT NULL, started TEXT, ended TEXT)""",
    "CREATE INDEX operations_of_deployment ON operations (deployment, created)",
    "CREATE INDEX operations_by_time ON operations (created)",
    """CREATE TABLE finished_steps (
        operation TEXT NOT NULL REFERENCES operations (id), step TEXT NOT NULL,
        attempt INTEGER NOT NULL, outcome TEXT NOT NULL, output TEXT NOT NULL,
        ended TEXT NOT NULL, PRIMARY KEY (operation, step))""",
    """CREATE TABLE events (
        operation TEXT NOT NULL REFERENCES operations (id), seq INTEGER NOT NULL,
        event TEXT NOT NULL, PRIMARY KEY (operation, seq))""",
    """CREATE TABLE leases (
        pool TEXT NOT NULL, item TEXT NOT NULL, owner TEXT, since TEXT NOT NULL,
        PRIMARY KEY (pool, item))""",
    "CREATE UNIQUE INDEX leases_of_owner ON leases (pool, owner)",
    "CREATE TABLE drafts (key TEXT PRIMARY KEY, document TEXT NOT NULL, changed TEXT NOT NULL)",
    """CREATE TABLE health (
        deployment TEXT PRIMARY KEY REFERENCES deployments (id), health TEXT NOT NULL,
        at TEXT NOT NULL, detail TEXT NOT NULL)""",
    """CREATE TABLE audit (
        id {serial}, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
        detail TEXT NOT NULL)""",
    """CREATE TABLE step_durations (
        id {serial}, kind TEXT NOT NULL, application TEXT NOT NULL,
        seconds DOUBLE PRECISION NOT NULL)""",
    "CREATE INDEX step_durations_of_kind ON step_durations (kind, application, id)",
)

_UPGRADES = (
    """CREATE TABLE archived_values (
        operation TEXT NOT NULL REFERENCES operations (id), path TEXT NOT NULL,
        deployment TEXT NOT NULL REFERENCES deployments (id), value TEXT NOT NULL,
        old_release TEXT NOT NULL, new_release TEXT NOT NULL, at TEXT NOT NULL,
        PRIMARY KEY (operation, path))""",
    "CREATE INDEX archived_values_of_deployment ON archived_values (deployment, at)",
    """CREATE TABLE identities (
        id {serial}, application TEXT NOT NULL, record TEXT NOT NULL,
        UNIQUE (application, record))""",
)

_BACKUPS = (
    """CREATE TABLE repositories (
        name TEXT PRIMARY KEY, profile TEXT NOT NULL, changed TEXT NOT NULL)""",
)

_MOVES = (
    """CREATE TABLE resources_by_provider (
        deployment TEXT NOT NULL REFERENCES deployments (id), provider TEXT NOT NULL,
        kind TEXT NOT NULL, key TEXT NOT NULL, external_id TEXT NOT NULL,
        attributes TEXT NOT NULL, created TEXT NOT NULL,
        PRIMARY KEY (deployment, provider, kind, key))""",
    """INSERT INTO resources_by_provider
        (deployment, provider, kind, key, external_id, attributes, created)
        SELECT deployment, provider, kind, key, external_id, attributes, created
        FROM resources""",
    "DROP TABLE resources",
    "ALTER TABLE resources_by_provider RENAME TO resources",
    """CREATE TABLE moves (
        deployment TEXT PRIMARY KEY REFERENCES deployments (id), source TEXT NOT NULL,
        target TEXT NOT NULL, operation TEXT NOT NULL, phase TEXT NOT NULL,
        writer TEXT NOT NULL, began TEXT NOT NULL, changed TEXT NOT NULL,
        frozen TEXT, served TEXT)""",
)

_HOLDS = (
    "ALTER TABLE moves ADD COLUMN held TEXT",
    "ALTER TABLE moves ADD COLUMN released TEXT",
)

_SCHEDULES = (
    """CREATE TABLE schedules (
        deployment TEXT PRIMARY KEY REFERENCES deployments (id), repository TEXT NOT NULL,
        calendar TEXT NOT NULL, since TEXT NOT NULL, due TEXT, operation TEXT NOT NULL,
        trouble TEXT NOT NULL, tried TEXT)""",
)

_RECORDS = ("ALTER TABLE deployments ADD COLUMN records TEXT NOT NULL DEFAULT '[]'",)

_NAMES_MOVES = (
    """CREATE TABLE names_moves (
        deployment TEXT PRIMARY KEY REFERENCES deployments (id), source TEXT NOT NULL,
        target TEXT NOT NULL, at TEXT NOT NULL, began TEXT NOT NULL)""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    *(_FIRST, _UPGRADES, _BACKUPS, _MOVES, _HOLDS),
    *(_SCHEDULES, _RECORDS, _NAMES_MOVES),
)
"""The n-th entry brings the schema from version n to n + 1."""

_SERIAL = {
    "sqlite": "INTEGER PRIMARY KEY",
    "postgresql": "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
}


def migrate(database: Database, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> int:
    """Bring the schema up to date; the version it has then. Safe to call by many at once.

    Raises Unsafe, with nothing changed, for a database that is newer than this program.
    """
    if (version := _version(database)) == len(migrations):
        return version
    for _ in range(len(migrations) + 1):
        with database.write() as connection:
            _lock(database, connection)
            version = _recorded(connection)
            if version > len(migrations):
                raise _too_new(version, len(migrations))
            if version == len(migrations):
                break
            for statement in migrations[version]:
                connection.execute(
                    sa.text(statement.replace("{serial}", _SERIAL[database.dialect]))
                )
            connection.execute(
                sa.text("INSERT INTO homeport_migrations (version, applied) VALUES (:v, :at)"),
                {"v": version + 1, "at": datetime.now(UTC).isoformat()},
            )
    return version


def _version(database: Database) -> int:
    """The recorded version; 0 where the table of migrations is not there yet."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table("homeport_migrations"):
            return 0
        return _recorded(connection, create=False)


def _recorded(connection: sa.Connection, *, create: bool = True) -> int:
    if create:
        connection.execute(
            sa.text(
                "CREATE TABLE IF NOT EXISTS homeport_migrations "
                "(version INTEGER PRIMARY KEY, applied TEXT NOT NULL)"
            )
        )
    found = connection.execute(sa.text("SELECT max(version) FROM homeport_migrations")).scalar()
    return int(found or 0)


def _lock(database: Database, connection: sa.Connection) -> None:
    """SQLite's write transactions exclude each other already; PostgreSQL is asked to."""
    if database.dialect == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(726078)"))


def _too_new(version: int, known: int) -> Unsafe:
    return Unsafe(
        what="this installation's database was written by a newer Homeport",
        on=f"schema version {version}, this program knows {known}",
        why="an older program could misread or damage it",
        left="nothing was changed",
        do="Update Homeport to at least the version that was used here last.",
    )
