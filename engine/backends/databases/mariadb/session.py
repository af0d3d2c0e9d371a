"""Connections of Homeport's account to a MariaDB server."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql

from engine.backends.databases.mariadb.refusals import refused
from engine.backends.databases.settings import MariaSettings
from engine.backends.trust import CONNECT_SECONDS

ANSWER_SECONDS = 60.0
Row = tuple[Any, ...]


class Connection:
    """What is asked on one connection, statement by statement."""

    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Sequence[str] = ()) -> list[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(values) or None)
            return list(cursor.fetchall())

    def one(self, statement: str, values: Sequence[str] = ()) -> Row | None:
        found = self.rows(statement, values)
        return found[0] if found else None


@dataclass(frozen=True)
class Session:
    settings: MariaSettings
    password: Callable[[], str]
    seconds: float = ANSWER_SECONDS

    @contextmanager
    def open(self, on: str, *, writes: bool = True) -> Iterator[Connection]:
        """on: what it is about. Errors of the server and of the way to it become those of
        `engine.errors`."""
        is_connected = False
        try:
            with self.connected(self.settings.user, self.password()) as connection:
                is_connected = True
                yield connection
        except (pymysql.Error, OSError) as error:
            raise refused(self.settings, on, error, writes=writes and is_connected) from None

    @contextmanager
    def connected(self, user: str, password: str, database: str = "") -> Iterator[Connection]:
        """As anybody; PyMySQL's own errors."""
        settings = self.settings
        trust: dict[str, Any] = {"ssl_disabled": True}
        if settings.ssl_mode != "disable":
            trust = {"ssl": ssl.create_default_context(cadata=settings.ca_pem or None)}
        connection = pymysql.connect(
            host=settings.host,
            port=settings.port,
            user=user,
            password=password,
            database=database or None,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=self.seconds,
            write_timeout=self.seconds,
            **trust,
        )
        with closing(connection):
            yield Connection(connection)
