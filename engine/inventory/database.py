"""The connection to the inventory's database, and what a transaction means on it.

On SQLite every writing transaction begins IMMEDIATE, so two processes never meet in the
middle of one and a reader-turned-writer never fails; the journal is a write-ahead log, and
a commit is on the disk when it returns (synchronous=FULL), because a step that is recorded
as finished must be so after a power cut, too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from engine.errors import InvalidInput, Unreachable
from engine.paths import Paths

URL_VARIABLE = "HOMEPORT_DATABASE_URL"
_BUSY_MILLISECONDS = 30_000
_READ_ONLY = {"homeport_read_only": True}

Alongside = Callable[[sa.Connection], None]
"""What else must be written in the same transaction."""


class Database:
    """One engine, with reading and writing transactions. Safe to share between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.dialect = engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection on a consistent snapshot; it takes no lock that a writer waits for."""
        with _explained(), self._engine.connect() as connection:
            yield connection.execution_options(**_READ_ONLY)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction: committed at the end, or rolled back whole by an exception."""
        with _explained(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def database_url(paths: Paths, environ: Mapping[str, str] | None = None) -> str:
    """Where the inventory lives: HOMEPORT_DATABASE_URL, else the file in the state directory.

    InvalidInput for a URL with a password in it: environments are readable by others.
    """
    given = (os.environ if environ is None else environ).get(URL_VARIABLE, "")
    if not given:
        return f"sqlite:///{paths.database}"
    try:
        url = sa.make_url(given)
    except sa.exc.ArgumentError:
        raise InvalidInput(
            what="the database's address cannot be read",
            on=URL_VARIABLE,
            why="it is not a database URL",
            do="Use a form like postgresql://homeport@db.example.org/homeport.",
        ) from None
    if url.password is not None:
        raise InvalidInput(
            what="the database's address holds a password",
            on=URL_VARIABLE,
            why="a process's environment can be read by others and ends up in logs",
            do="Put the password into ~/.pgpass (mode 0600) and leave it out of the address.",
        )
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


def open_database(url: str) -> Database:
    """The database at url; a SQLite file is made where there is none, for its owner only."""
    engine = _engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _begin_by_ourselves)
        event.listen(engine, "begin", _begin)
    return Database(engine)


def open_journal_engine(url: str) -> sa.Engine:
    """An engine on the same database for DBOS, which opens its transactions by itself."""
    engine = _engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _begin_immediate)
    return engine


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_size=5, max_overflow=10, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        _make_private(Path(parsed.database))
    engine = sa.create_engine(
        parsed, pool_size=4, max_overflow=28, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """Mode 0600 before SQLite sees the file: its write-ahead log inherits the mode.

    A file that is there already is not opened: closing it would drop the locks of every
    connection that this process has to it (sqlite.org/howtocorrupt.html, 2.2), and the next
    process to leave would take the write-ahead log away from under them.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


_first_connection = threading.Lock()


def _prepare_sqlite(connection: sa.PoolProxiedConnection, _record: object) -> None:
    # The switch to write-ahead logging wants the file for itself for a moment; SQLite does
    # not apply the busy timeout to it between threads of one process.
    with _first_connection:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


def _begin_by_ourselves(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]


def _begin_immediate(connection: object, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"  # type: ignore[attr-defined]


def _begin(connection: sa.Connection) -> None:
    read_only = connection.get_execution_options().get("homeport_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def _explained() -> Iterator[None]:
    """Loss of the database, said in our words; errors of statements stay what they are."""
    try:
        yield
    except sa.exc.OperationalError as error:
        raise Unreachable(
            what="the inventory's database does not answer",
            why=str(error.orig).strip(),
            left="the last change was not recorded",
            do="Check the disk's free space, or that the database server runs, and try again.",
        ) from error
