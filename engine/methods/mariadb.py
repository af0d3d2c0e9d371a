"""The guest's own MariaDB: an account and a database for the application, made once.

SQL goes to the client by standard input, as the server's own root on its local socket. The
password is never in it (`engine.password_hashes`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import InvalidInput, RemoteFailure
from engine.guests.protocols import Completed
from engine.methods import systemd
from engine.methods.in_turn import Command, written
from engine.methods.place import Place
from engine.password_hashes import native_hash

DEBIAN_PACKAGE = "mariadb-server"
DEBIAN_CLIENT = "mariadb-client"
UNIT = "mariadb.service"
PORT = 3306
SECRET = "mariadb-password"
_HOST = "127.0.0.0/255.0.0.0"
"""Applications connect to the guest's loopback, which is another address in the lab."""
_START_SECONDS = 60.0
TRIES = 3
"""Commands of `login_tried`."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LOCKED = "ERROR 4151 "
"""What the client says where an account is locked (ER_ACCOUNT_HAS_BEEN_LOCKED)."""


@dataclass(frozen=True)
class Database:
    name: str
    username: str

    @classmethod
    def of(cls, application: str) -> Database:
        """Names for an application's database and account."""
        name = application.replace("-", "_")
        if not _NAME.fullmatch(name):
            raise InvalidInput("this cannot name a database", on=application)
        return cls(name, name)

    @property
    def account(self) -> str:
        """As SQL has it; the name has nothing in it that must be quoted otherwise."""
        return f"`{self.username}`@`{_HOST}`"


def ensure_mariadb(place: Place) -> None:
    """The installed server runs and has the application's account and database."""
    systemd.enable(place, UNIT)
    with place.work.spent("application-start"):
        systemd.start(place, UNIT)
        _wait_until_ready(place)
    database = Database.of(place.app.package.id)
    known_by = native_hash(place.app.read_secret(SECRET))
    _must(place, setup_input(database, known_by), "the database cannot be made")


def login_allowed(place: Place, *, allowed: bool) -> Command:
    """May the application's account open connections? Where not, those it has are ended."""
    database = Database.of(place.app.package.id)
    word = "UNLOCK" if allowed else "LOCK"
    ended = "" if allowed else f"KILL USER '{database.username}';\n"
    return _sql(f"ALTER USER {database.account} ACCOUNT {word};\n{ended}")


def login_tried(place: Place) -> tuple[Command, ...]:
    """A connection of the application's account, with its password."""
    database = Database.of(place.app.package.id)
    options = f"{place.paths.base}/proof.cnf"
    password = place.app.read_secret(SECRET).replace("\\", "\\\\").replace('"', '\\"')
    words = (
        *("mariadb", f"--defaults-file={options}", "--protocol=tcp"),
        *(f"--host={place.facts.loopback}", f"--port={PORT}", f"--user={database.username}"),
        *(f"--database={database.name}", "--execute=DO 0"),
    )
    return (
        written(options, f'[client]\npassword="{password}"\n'.encode(), mode=0o600),
        Command(words, may_fail=True),
        Command(("rm", "-f", "--", options)),
    )


def is_refused(tried: Sequence[Completed]) -> bool:
    """What came of `login_tried`."""
    _, login, _ = tried
    return login.status != 0 and _LOCKED in login.stderr


def setup_input(database: Database, known_by: str) -> str:
    """Idempotent. The names are checked, and the hash has hexadecimal digits only."""
    return f"""\
CREATE DATABASE IF NOT EXISTS `{database.name}` CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS {database.account};
ALTER USER {database.account} IDENTIFIED BY PASSWORD '{known_by}' ACCOUNT UNLOCK;
GRANT ALL PRIVILEGES ON `{database.name}`.* TO {database.account};
"""


def _must(place: Place, sql: str, failed: str) -> None:
    done = _client(place, sql)
    if done.status != 0:
        raise RemoteFailure(
            failed,
            on=f"MariaDB at {place.facts.address}",
            why=done.stderr.strip()[-1000:],
            do="Look at the server's log on the guest (journalctl -u mariadb), then retry.",
        )


def _client(place: Place, sql: str) -> Completed:
    command = _sql(sql)
    return place.run(*command.argv, data=command.data, check=False)


def _sql(sql: str) -> Command:
    return Command(("mariadb", "--batch", "--skip-column-names"), sql.encode())


def _wait_until_ready(place: Place) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while (done := _client(place, "DO 0;\n")).status != 0:
        if time.monotonic() > deadline:
            raise systemd.unit_failed(place, UNIT, done.stderr.strip())
        time.sleep(0.2)
