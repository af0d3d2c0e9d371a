"""A MariaDB server's refusals, and the way to it, in Homeport's words."""

from __future__ import annotations

from pymysql.constants import CR, ER

from engine.backends.databases.mariadb.rights import set_up_script
from engine.backends.databases.mark import LEFT
from engine.backends.databases.refusals import (
    MADE_BEFORE,
    away,
    busy,
    full,
    is_distrust,
    lost,
    no_room,
)
from engine.backends.databases.settings import MariaSettings
from engine.backends.servers import not_believed
from engine.errors import (
    Denied,
    HomeportError,
    RemoteFailure,
)

_FULL = (ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED)
_WRONG_PASSWORD = (ER.ACCESS_DENIED_ERROR, ER.HOST_NOT_PRIVILEGED, ER.HOST_IS_BLOCKED)
_LACKING = (
    *(ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR),
    *(ER.CANT_CREATE_USER_WITH_GRANT, ER.COLUMNACCESS_DENIED_ERROR, ER.KILL_DENIED_ERROR),
    ER.OPTION_PREVENTS_STATEMENT,
)
_AWAY = (CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, CR.CR_UNKNOWN_HOST)
_CUT = (CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, ER.SERVER_SHUTDOWN, ER.NORMAL_SHUTDOWN)
_NO_ROOM = (ER.DISK_FULL, ER.OUT_OF_RESOURCES, ER.OUTOFMEMORY)
_BUSY = (ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK)


def refused(settings: MariaSettings, on: str, error: Exception, *, writes: bool) -> HomeportError:
    """writes: something may have been made before the connection was lost."""
    number, said = _read(error)
    if is_distrust(said):
        return not_believed("the database server", settings.address, said)
    if number in _FULL:
        return full(settings.address, said)
    if number in _WRONG_PASSWORD:
        return Denied(
            f"MariaDB does not let {settings.user} in",
            on=settings.address,
            why=said,
            left=LEFT,
            do="Check the password that password_ref names, and from where the account may "
            f"connect. To make it, as root:\n{set_up_script(settings)}",
        )
    if number in _LACKING:
        return Denied(
            f"MariaDB denies this to {settings.user}",
            on=on,
            why=said,
            left=MADE_BEFORE,
            do=f"Give the account its rights, as root:\n{set_up_script(settings)}",
        )
    if number in _NO_ROOM:
        return no_room(settings.address, said)
    if number in _BUSY:
        return busy(on, said)
    if number in _CUT and writes:
        return lost(settings.address, said)
    if number in (*_AWAY, *_CUT) or isinstance(error, OSError):
        return away(
            settings.address,
            said,
            "Check that MariaDB is up, that bind-address has this address, and that this "
            "machine may connect to it.",
        )
    return RemoteFailure(
        "MariaDB refuses a request",
        on=on,
        why=said,
        left=MADE_BEFORE,
        do="Check the provider: homeport doctor --provider NAME",
    )


def _read(error: Exception) -> tuple[int, str]:
    if len(error.args) == 2 and isinstance(error.args[0], int):
        return error.args[0], str(error.args[1])[:500]
    return 0, str(error)[:500]
