"""The connection check of a MariaDB server: what is missing, and the line that mends it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.backends.databases.mariadb.rights import (
    EVERYWHERE,
    PATTERN,
    READ,
    on_databases,
    on_everything,
    reading,
)
from engine.backends.databases.mariadb.session import Connection, Session
from engine.model.provider import Check, CheckStatus

_OLDEST = (10, 5)
"""Since then a database can bear a comment, which is where the mark is."""
_FEW = 10
_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>\S+) TO ")


def check_mariadb(session: Session) -> list[Check]:
    """It answers, can be written to, gives the account its rights, and has connections to spare.
    Makes nothing."""
    with session.open("the server's state", writes=False) as connection:
        grants = [str(row[0]) for row in connection.rows("SHOW GRANTS FOR CURRENT_USER()")]
        return [
            _version(session, connection),
            _rights(session.settings.user, grants),
            _room(connection),
        ]


def missing(user: str, grants: Iterable[str]) -> list[tuple[str, str]]:
    """Each right that lacks, in words, and the statement that grants it. grants: as SHOW GRANTS
    writes them."""
    held = [(m["where"], m["what"], line) for line in grants if (m := _GRANT.match(line))]
    if any(where == "*.*" and what.startswith("ALL") for where, what, _ in held):
        return []
    return [*_missing(user, held)]


def _missing(user: str, held: list[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    globally = ", ".join(what for where, what, _ in held if where == "*.*")
    if any(right not in globally for right in EVERYWHERE):
        yield " and ".join(EVERYWHERE), on_everything(user)
    own = [
        line for where, what, line in held if where == f"`{PATTERN}`.*" and what.startswith("ALL")
    ]
    if not any("WITH GRANT OPTION" in line for line in own):
        yield f"all on {PATTERN}, to pass on", on_databases(user)
    for table in READ:
        if not any(where == f"`mysql`.`{table}`" for where, _, _ in held):
            yield f"SELECT on mysql.{table}", reading(user, table)


def _version(session: Session, connection: Connection) -> Check:
    title = "MariaDB answers"
    row = connection.one("SELECT VERSION(), @@read_only")
    assert row is not None
    version, read_only = str(row[0]), bool(int(row[1]))
    found = f"version {version.partition('-')[0]} at {session.settings.address}"
    if "MariaDB" not in version:
        do = "Homeport knows MariaDB; another server that speaks its protocol is not supported."
        return _line(title, CheckStatus.FAIL, f"{found}, which is not MariaDB", do)
    if read_only:
        do = "Name the primary in the provider's settings; this one cannot be written to."
        return _line(title, CheckStatus.FAIL, f"{found}, which is read only", do)
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < _OLDEST:
        do = "Update MariaDB to 10.5 or newer: Homeport marks what it makes by comments."
        return _line(title, CheckStatus.FAIL, found, do)
    return _line(title, CheckStatus.PASS, found)


def _rights(user: str, grants: list[str]) -> Check:
    title = f"Rights of the account {user}"
    lacking = missing(user, grants)
    if lacking:
        do = "As root:\n" + "\n".join(statement for _, statement in lacking)
        return _line(title, CheckStatus.FAIL, f"it lacks {'; '.join(w for w, _ in lacking)}", do)
    if any(line.startswith("GRANT ALL PRIVILEGES ON *.*") for line in grants):
        do = "It needs less: see the README's section on databases."
        return _line(title, CheckStatus.WARN, "it may do everything", do)
    return _line(title, CheckStatus.PASS, f"accounts, and databases called {PATTERN}")


def _room(connection: Connection) -> Check:
    title = "Connections that are free"
    used = connection.one("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
    most = connection.one("SELECT @@max_connections")
    assert used is not None
    assert most is not None
    free = int(most[0]) - int(used[1])
    if free < _FEW:
        do = "Raise max_connections: every application holds several."
        return _line(title, CheckStatus.WARN, f"{max(free, 0)}", do)
    return _line(title, CheckStatus.PASS, f"{free}")


def _line(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service="databases", title=title, status=status, found=found, do=do)
