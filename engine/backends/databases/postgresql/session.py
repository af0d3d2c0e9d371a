"""Connections of Homeport's role to a PostgreSQL server, each ended after a limit of its own.

psycopg waits for an answer as long as the connection lives, and that of a machine which is
frozen lives on. So every connection is cut after a while, whatever it waits for.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from engine.backends.databases.postgresql.refusals import refused
from engine.backends.databases.settings import SYSTEM_AUTHORITIES, PostgresSettings
from engine.backends.trust import CONNECT_SECONDS

ANSWER_SECONDS = 60.0
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Session:
    settings: PostgresSettings
    password: Callable[[], str]
    seconds: float = ANSWER_SECONDS

    @contextmanager
    def open(self, on: str, *, writes: bool = True) -> Iterator[Connection]:
        """Each statement by itself unless a transaction is begun. on: what it is about. Errors of
        the server and of the way to it become those of `engine.errors`."""
        is_connected = False
        try:
            with self.connected(self.settings.user, self.password(), self.settings.database) as it:
                is_connected = True
                yield it
        except psycopg.Error as error:
            raise refused(self.settings, on, error, writes=writes and is_connected) from None

    @contextmanager
    def connected(self, user: str, password: str, database: str) -> Iterator[Connection]:
        """As anybody; psycopg's own errors."""
        with (
            _authority(self.settings) as trust,
            self._connect(user, password, database, trust) as connection,
            _cut_after(self.seconds, connection),
        ):
            yield connection

    def _connect(
        self, user: str, password: str, database: str, trust: Mapping[str, Any]
    ) -> Connection:
        try:
            return psycopg.connect(
                host=self.settings.host,
                port=self.settings.port,
                user=user,
                password=password,
                dbname=database,
                connect_timeout=round(CONNECT_SECONDS),
                application_name="homeport",
                autocommit=True,
                passfile=os.devnull,
                **trust,
            )
        except psycopg.errors.ConnectionTimeout as error:
            # The frames of psycopg, to which these two lead, keep the half-open connection. The
            # server waits a minute for its login, and drops no database meanwhile.
            error.__context__ = None
            raise error.with_traceback(None) from None


@contextmanager
def _authority(settings: PostgresSettings) -> Iterator[dict[str, Any]]:
    """libpq reads it from a file: one that is in memory only, so that none is left behind."""
    if settings.ssl_mode == "disable":
        yield {"sslmode": "disable"}
    elif not settings.ca_pem:
        yield {"sslmode": settings.ssl_mode, "sslrootcert": SYSTEM_AUTHORITIES}
    else:
        descriptor = os.memfd_create("authority")
        try:
            os.write(descriptor, settings.ca_pem.encode())
            path = f"/proc/{os.getpid()}/fd/{descriptor}"
            yield {"sslmode": settings.ssl_mode, "sslrootcert": path}
        finally:
            os.close(descriptor)


@contextmanager
def _cut_after(seconds: float, connection: Connection) -> Iterator[None]:
    def cut() -> None:
        if not connection.closed:
            with socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
