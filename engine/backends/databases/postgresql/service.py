"""Databases on a PostgreSQL server: one, and a role of the same name, for each deployment.

The mark is the comment on both. A role is made, marked and made Homeport's to administrate in
one transaction, so there is none without its mark; a database cannot be made in one, and counts
as the owner's as soon as it belongs to a role with the mark.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping
from functools import partial
from typing import Any

import psycopg
from psycopg import errors, sql

from engine.backends.databases.mark import checked, mark_of
from engine.backends.databases.postgresql.checks import check_postgresql
from engine.backends.databases.postgresql.session import ANSWER_SECONDS, Connection, Session
from engine.backends.databases.settings import PostgresSettings
from engine.backends.protocols import DatabaseAccess
from engine.backends.registry import BackendEnvironment, read_settings
from engine.backends.servers import not_ours
from engine.model.provider import Check
from engine.password_hashes import scram_verifier

_TRIES = 3
"""An attempt whose worker was killed may still be at work on the same names."""
_MADE_MEANWHILE = (errors.DuplicateObject, errors.DuplicateDatabase, errors.UniqueViolation)
_ROLE = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s"
_DATABASE = """
SELECT shobj_description(d.oid, 'pg_database'), r.rolname, shobj_description(r.oid, 'pg_authid')
  FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = %s"""
_MARKED_ROLES = "SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = %s"
_MARKED_DATABASES = """
SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
 WHERE %(mark)s IN (shobj_description(d.oid, 'pg_database'), shobj_description(r.oid, 'pg_authid'))
"""
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
_SHUT = "SELECT 1 FROM pg_roles WHERE rolname = %s AND NOT rolcanlogin"


class PostgresDatabases:
    """`engine.backends.protocols.Databases`."""

    component = "postgresql"

    def __init__(self, session: Session, provider: str) -> None:
        self.session = session
        self.provider = provider

    def check(self) -> list[Check]:
        return check_postgresql(self.session)

    def access(self, name: str) -> DatabaseAccess:
        return self.session.settings.access(checked(name))

    def find(self, owner: str) -> tuple[str, ...]:
        mark = mark_of(owner, self.provider)
        with self.session.open(owner, writes=False) as connection:
            return tuple(sorted({*_databases(connection, mark), *_roles(connection, mark)}))

    def ensure(self, owner: str, name: str, password: str) -> bool:
        mark, on = mark_of(owner, self.provider), self._on(name)
        with self.session.open(on) as connection:
            for tries_left in reversed(range(_TRIES)):
                try:
                    return _make(connection, mark, checked(name), password, on)
                except _MADE_MEANWHILE:
                    if not tries_left:
                        raise
        raise AssertionError("unreachable")

    def reserve(self, owner: str, name: str) -> bool:
        """The role is there with its mark, one that was not without a login; is the database, too?
        Conflict where one of them is another's."""
        mark, on = mark_of(owner, self.provider), self._on(name)
        with self.session.open(on) as connection:
            _refuse_foreign_database(connection, mark, checked(name), on)
            if not _is_ours(connection, mark, name, on):
                _make_role(connection, mark, name, sql.SQL("NOLOGIN"))
            return _has_database(connection, name)

    def standing(self, owner: str, name: str) -> tuple[bool, bool]:
        """Are role and database of this name there? Conflict where one of them is another's."""
        mark, on = mark_of(owner, self.provider), self._on(name)
        with self.session.open(on, writes=False) as connection:
            _refuse_foreign_database(connection, mark, checked(name), on)
            return _is_ours(connection, mark, name, on), _has_database(connection, name)

    def set_login(self, owner: str, name: str, *, allowed: bool) -> None:
        mark, on = mark_of(owner, self.provider), self._on(name)
        word = sql.SQL("LOGIN" if allowed else "NOLOGIN")
        with self.session.open(on) as connection:
            if not _is_ours(connection, mark, name, on):
                return
            connection.execute(sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(name), word))
            if not allowed:
                connection.execute(_END_SESSIONS, (name,))

    def refuses_login(self, name: str, password: str) -> bool:
        try:
            with self.session.connected(name, password, name) as connection:
                connection.execute("CREATE TEMPORARY TABLE homeport_proof ()")
        except psycopg.OperationalError:
            # Of why, libpq says only what the server says in its own language.
            with self.session.open(self._on(name), writes=False) as connection:
                return connection.execute(_SHUT, (name,)).fetchone() is not None
        except psycopg.Error:
            return False
        return False

    def drop(self, owner: str) -> bool:
        mark = mark_of(owner, self.provider)
        with self.session.open(owner) as connection:
            databases, roles = _databases(connection, mark), _roles(connection, mark)
            for role in roles:
                _administrate(connection, role)
            for name in databases:
                statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(statement.format(sql.Identifier(name)))
            for role in roles:
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
        return bool(databases or roles)

    def _on(self, name: str) -> str:
        return f"{name} at {self.session.settings.address}"


def open_backend(
    environment: BackendEnvironment,
    settings: Mapping[str, Any],
    answer_seconds: float = ANSWER_SECONDS,
) -> PostgresDatabases:
    """The entry point `databases.postgresql`. Connects when it is first used."""
    read = read_settings(PostgresSettings, environment, settings)
    password = partial(environment.read_secret, read.password_ref)
    return PostgresDatabases(Session(read, password, answer_seconds), environment.provider.name)


def _make(connection: Connection, mark: str, name: str, password: str, on: str) -> bool:
    """Conflict before anything is made."""
    _refuse_foreign_database(connection, mark, name, on)
    role = sql.Identifier(name)
    verifier = sql.Literal(scram_verifier(password, randomness.token_bytes(16)))
    login = sql.SQL("LOGIN PASSWORD {}").format(verifier)
    if not _is_ours(connection, mark, name, on):
        _make_role(connection, mark, name, login)
    else:
        connection.execute(sql.SQL("ALTER ROLE {} {}").format(role, login))
        _administrate(connection, name)
    there = _has_database(connection, name)
    if not there:
        # As on a guest's own server: what sorts the same everywhere can be moved anywhere.
        connection.execute(
            sql.SQL(
                "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' "
                "LC_COLLATE 'C' LC_CTYPE 'C'"
            ).format(role, role)
        )
    with connection.transaction():
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(role, sql.Literal(mark)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
    return not there


def _make_role(connection: Connection, mark: str, name: str, login: sql.Composable) -> None:
    role = sql.Identifier(name)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE ROLE {} {}").format(role, login))
        connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(mark)))
        _administrate(connection, name)


def _has_database(connection: Connection, name: str) -> bool:
    return connection.execute(_DATABASE, (name,)).fetchone() is not None


def _administrate(connection: Connection, role: str) -> None:
    """Homeport's role may act for it: make, and remove, what belongs to it. Some servers let it
    without, and PostgreSQL 16 tells so on its own for roles that it made."""
    member = connection.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", (role,)).fetchone()
    if member is not None and not member[0]:
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


def _is_ours(connection: Connection, mark: str, role: str, on: str) -> bool:
    """False where there is no such role. Conflict where it is another's."""
    found = connection.execute(_ROLE, (role,)).fetchone()
    if found is not None and found[0] != mark:
        raise not_ours("role", on, found[0] or "")
    return found is not None


def _refuse_foreign_database(connection: Connection, mark: str, name: str, on: str) -> None:
    found = connection.execute(_DATABASE, (name,)).fetchone()
    if found is None:
        return
    comment, owner, owners_mark = found
    if comment != mark and not (comment is None and owner == name and owners_mark == mark):
        raise not_ours("database", on, comment or "")


def _databases(connection: Connection, mark: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(_MARKED_DATABASES, {"mark": mark})]


def _roles(connection: Connection, mark: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(_MARKED_ROLES, (mark,))]
