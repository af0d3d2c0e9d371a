"""A PostgreSQL server's refusals, and the way to it, in Homeport's words."""

from __future__ import annotations

import psycopg
from psycopg import errors

from engine.backends.databases.mark import LEFT
from engine.backends.databases.postgresql.rights import set_up_script
from engine.backends.databases.refusals import (
    MADE_BEFORE,
    away,
    busy,
    full,
    is_distrust,
    lost,
    no_room,
)
from engine.backends.databases.settings import PostgresSettings
from engine.backends.servers import not_believed
from engine.errors import (
    Conflict,
    Denied,
    HomeportError,
    RemoteFailure,
    Unreachable,
)

_FULL = (errors.TooManyConnections,)
_WRONG_PASSWORD = (errors.InvalidPassword, errors.InvalidAuthorizationSpecification)
_NOT_NOW = (
    errors.CannotConnectNow,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.ReadOnlySqlTransaction,
)
_NO_ROOM = (errors.DiskFull, errors.OutOfMemory)
_BUSY = (errors.ObjectInUse, errors.LockNotAvailable, errors.DeadlockDetected)
_FAILED_LOGINS = (
    ("password authentication failed", errors.InvalidPassword),
    ("no pg_hba.conf entry", errors.InvalidAuthorizationSpecification),
    ("too many clients", errors.TooManyConnections),
    ("remaining connection slots", errors.TooManyConnections),
    ("too many connections", errors.TooManyConnections),
    ("the database system is", errors.CannotConnectNow),
    ("is not permitted to log in", errors.InvalidAuthorizationSpecification),
    ("role", errors.InvalidAuthorizationSpecification),
)
"""libpq tells of a failed connection by text alone; `database "x" does not exist` is left over."""


def refused(
    settings: PostgresSettings, on: str, error: psycopg.Error, *, writes: bool
) -> HomeportError:
    """writes: something may have been made before the connection was lost."""
    kind, said = _kind(error), _said(error)
    if issubclass(kind, _FULL):
        return full(settings.address, said)
    if issubclass(kind, _WRONG_PASSWORD):
        return _denied_login(settings, said)
    if issubclass(kind, _NOT_NOW):
        return _away(settings, said)
    if issubclass(kind, errors.InsufficientPrivilege):
        return Denied(
            f"PostgreSQL denies this to the role {settings.user}",
            on=on,
            why=said,
            left=MADE_BEFORE,
            do=f"Give the role its rights, as a superuser:\n{set_up_script(settings)}",
        )
    if issubclass(kind, _NO_ROOM):
        return no_room(settings.address, said)
    if issubclass(kind, _BUSY):
        return busy(on, said)
    if issubclass(kind, errors.DependentObjectsStillExist):
        return Conflict(
            "the role owns more than its database",
            on=on,
            why=said,
            left="its own database is gone, the role is kept",
            do="Remove what it owns elsewhere on the server, then resume.",
        )
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        return _way(settings, said, writes=writes)
    return RemoteFailure(
        "PostgreSQL refuses a request",
        on=on,
        why=said,
        left=MADE_BEFORE,
        do="Check the provider: homeport doctor --provider NAME",
    )


def _way(settings: PostgresSettings, said: str, *, writes: bool) -> HomeportError:
    if is_distrust(said):
        return not_believed("the database server", settings.address, said)
    if writes:
        return lost(settings.address, said)
    return _away(settings, said)


def _away(settings: PostgresSettings, said: str) -> Unreachable:
    return away(
        settings.address,
        said,
        "Check that PostgreSQL is up, that listen_addresses has this address, and that this "
        "machine may connect to it.",
    )


def _denied_login(settings: PostgresSettings, said: str) -> Denied:
    return Denied(
        f"PostgreSQL does not let {settings.user} in",
        on=settings.address,
        why=said,
        left=LEFT,
        do="Check the password that password_ref names, and that pg_hba.conf has a line for this "
        f"role from this machine. To make the role, as a superuser:\n{set_up_script(settings)}",
    )


def _kind(error: psycopg.Error) -> type[psycopg.Error]:
    if error.sqlstate is None and "FATAL" in str(error):
        text = str(error)
        return next((kind for sign, kind in _FAILED_LOGINS if sign in text), type(error))
    return type(error)


def _said(error: psycopg.Error) -> str:
    """The server's own words, on one line; statements and values are not among them."""
    primary = error.diag.message_primary
    if primary:
        return primary
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())[:500]
