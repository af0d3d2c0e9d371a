"""Databases on a MariaDB server: one, and an account of the same name, for each deployment.

The mark is the comment on the database, written as it is made. An account can bear none: it
counts as the owner's where it has rights on a database of its name with the mark or, before it
has them, is known by the very password that the owner has for it. The account may make a second
database beside its own, in which a restore is loaded before it takes the first one's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pymysql
from pymysql.constants import ER

from engine.backends.databases.mariadb.checks import check_mariadb
from engine.backends.databases.mariadb.session import ANSWER_SECONDS, Connection, Session
from engine.backends.databases.mark import checked, mark_of
from engine.backends.databases.settings import MariaSettings
from engine.backends.protocols import DatabaseAccess
from engine.backends.registry import BackendEnvironment, read_settings
from engine.backends.servers import not_ours
from engine.model.provider import Check
from engine.password_hashes import native_hash
from engine.state.programs.mariadb import FRESH

_LOCKED = 4151
"""ER_ACCOUNT_HAS_BEEN_LOCKED, which PyMySQL has no name for."""
_MADE_MEANWHILE = ER.DB_CREATE_EXISTS
_NO_SUCH_USER = (ER.CANNOT_USER, 1094, 4084)
_COMMENT = "SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
_MARKED = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_COMMENT = %s"
_ACCOUNTS = """
SELECT Host, JSON_VALUE(Priv, '$.authentication_string') FROM mysql.global_priv WHERE User = %s"""
_GRANTED = "SELECT 1 FROM mysql.db WHERE User = %s AND Db IN (%s, %s)"


class MariaDatabases:
    """`engine.backends.protocols.Databases`."""

    component = "mariadb"

    def __init__(self, session: Session, provider: str) -> None:
        self._session = session
        self._provider = provider

    def check(self) -> list[Check]:
        return check_mariadb(self._session)

    def access(self, name: str) -> DatabaseAccess:
        return self._session.settings.access(checked(name))

    def find(self, owner: str) -> tuple[str, ...]:
        with self._session.open(owner, writes=False) as connection:
            return tuple(sorted(self._marked(connection, owner)))

    def ensure(self, owner: str, name: str, password: str) -> bool:
        mark, on = mark_of(owner, self._provider), self._on(checked(name))
        known_by = native_hash(password)
        with self._session.open(on) as connection:
            there = _refuse_foreign(connection, mark, name, known_by, on)
            if not there:
                try:
                    connection.rows(
                        f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COMMENT = %s", (mark,)
                    )
                except pymysql.Error as error:
                    if error.args[0] != _MADE_MEANWHILE:
                        raise
                    there = _refuse_foreign(connection, mark, name, known_by, on)
            secured = " REQUIRE SSL" if self._session.settings.ssl_mode != "disable" else ""
            account, words = self._account(name), f"IDENTIFIED BY PASSWORD '{known_by}'{secured}"
            connection.rows(f"CREATE USER IF NOT EXISTS {account} {words}")
            connection.rows(f"ALTER USER {account} {words} ACCOUNT UNLOCK")
            for own in (name, name + FRESH):
                connection.rows(f"GRANT ALL PRIVILEGES ON `{_escaped(own)}`.* TO {account}")
        return not there

    def set_login(self, owner: str, name: str, *, allowed: bool) -> None:
        mark, on = mark_of(owner, self._provider), self._on(checked(name))
        with self._session.open(on) as connection:
            comment = connection.one(_COMMENT, (name,))
            if comment is None or not connection.one(_ACCOUNTS, (name,)):
                return
            if comment[0] != mark:
                raise not_ours("database", on, str(comment[0]))
            word = "UNLOCK" if allowed else "LOCK"
            connection.rows(f"ALTER USER {self._account(name)} ACCOUNT {word}")
            if not allowed:
                _end_sessions(connection, name)

    def refuses_login(self, name: str, password: str) -> bool:
        try:
            with self._session.connected(name, password, checked(name)) as connection:
                connection.rows("DO 0")
        except pymysql.Error as error:
            return bool(error.args[0] == _LOCKED)
        return False

    def drop(self, owner: str) -> bool:
        with self._session.open(owner) as connection:
            names = self._marked(connection, owner)
            for name in names:
                for host, _ in connection.rows(_ACCOUNTS, (name,)):
                    # Without the account, nobody finds its rights on the database any more.
                    connection.rows(f"DROP USER IF EXISTS `{name}`@%s", (str(host),))
                _end_sessions(connection, name)
                for own in (name + FRESH, name):
                    connection.rows(f"DROP DATABASE IF EXISTS `{own}`")
        return bool(names)

    def _marked(self, connection: Connection, owner: str) -> list[str]:
        mark = mark_of(owner, self._provider)
        return [checked(str(row[0])) for row in connection.rows(_MARKED, (mark,))]

    def _account(self, name: str) -> str:
        return f"`{name}`@`{self._session.settings.guests}`"

    def _on(self, name: str) -> str:
        return f"{name} at {self._session.settings.address}"


def open_backend(
    environment: BackendEnvironment,
    settings: Mapping[str, Any],
    answer_seconds: float = ANSWER_SECONDS,
) -> MariaDatabases:
    """The entry point `databases.mariadb`. Connects when it is first used."""
    read = read_settings(MariaSettings, environment, settings)
    password = partial(environment.read_secret, read.password_ref)
    return MariaDatabases(Session(read, password, answer_seconds), environment.provider.name)


def _refuse_foreign(connection: Connection, mark: str, name: str, known_by: str, on: str) -> bool:
    """Is the database there? Conflict where it, or an account of its name, is another's."""
    comment = connection.one(_COMMENT, (name,))
    if comment is not None and comment[0] != mark:
        raise not_ours("database", on, str(comment[0]))
    accounts = connection.rows(_ACCOUNTS, (name,))
    granted = connection.one(_GRANTED, (name, name, _escaped(name))) is not None
    if any(known != known_by for _, known in accounts) and not (comment and granted):
        raise not_ours("account", on, "")
    return comment is not None


def _end_sessions(connection: Connection, name: str) -> None:
    try:
        connection.rows(f"KILL USER '{name}'")
    except pymysql.Error as error:
        if error.args[0] not in _NO_SUCH_USER:
            raise


def _escaped(name: str) -> str:
    """In a GRANT an underscore stands for any character."""
    return name.replace("_", "\\_")
