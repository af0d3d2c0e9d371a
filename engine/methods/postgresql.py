"""The guest's own PostgreSQL: a role and a database for the application, made once.

SQL goes to psql by standard input, as the server's own superuser on its local socket. The
password is never in it (`engine.password_hashes`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.errors import InvalidInput, RemoteFailure
from engine.guests.protocols import Completed
from engine.methods import systemd
from engine.methods.in_turn import Command, written
from engine.methods.place import Place
from engine.password_hashes import scram_verifier

DEBIAN_PACKAGE = "postgresql"
DEBIAN_CLIENT = "postgresql-client"
"""With the database on a server of the provider: for dumps, and to bring them back."""
UNIT = "postgresql.service"
PORT = 5432
SECRET = "postgresql-password"
_START_SECONDS = 60.0
TRIES = 4
"""Commands of `login_tried`."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CONNECTION_FAILED = 2
"""psql's exit status where it could not connect."""


@dataclass(frozen=True)
class Database:
    """Collation C: what sorts the same on every machine can be moved between machines, and
    Synapse asks for it."""

    name: str
    username: str

    @classmethod
    def of(cls, application: str) -> Database:
        """Names for an application's database and role."""
        name = application.replace("-", "_")
        if not _NAME.fullmatch(name):
            raise InvalidInput("this cannot name a database", on=application)
        return cls(name, name)


def ensure_postgresql(place: Place, random_salt: Callable[[int], bytes]) -> None:
    """The installed server runs and has the application's role and database."""
    systemd.enable(place, UNIT)
    with place.work.spent("application-start"):
        systemd.start(place, UNIT)
        _wait_until_ready(place)
    database = Database.of(place.app.package.id)
    verifier = scram_verifier(place.app.read_secret(SECRET), random_salt(16))
    _must(place, setup_input(database, verifier), "the database cannot be made", "PostgreSQL")


def login_allowed(place: Place, *, allowed: bool) -> Command:
    """May the application's role open connections? Where not, those it has are ended."""
    return _sql(_of_role(place) + (ALLOW if allowed else REFUSE))


def _of_role(place: Place) -> str:
    return f"\\set role '{Database.of(place.app.package.id).username}'\n"


def databases(place: Place) -> list[tuple[str, str, int]]:
    """Name, owner and bytes of every database but the server's own."""
    done = _psql(place, DATABASES)
    if done.status != 0:
        raise RemoteFailure(
            "the databases cannot be listed", on=place.facts.address, why=done.stderr.strip()
        )
    fields = (line.split("|") for line in done.stdout.splitlines() if line)
    return [("|".join(name), owner, int(size)) for *name, owner, size in fields]


def login_tried(place: Place) -> tuple[Command, ...]:
    """A connection of the application's role, with its password, and the question whether the
    role may have one."""
    database = Database.of(place.app.package.id)
    passfile = f"{place.paths.base}/proof-passfile"
    password = place.app.read_secret(SECRET).replace("\\", "\\\\").replace(":", "\\:")
    words = (
        *("psql", "-X", "-w", "-h", place.facts.loopback, "-p", str(PORT)),
        *("-U", database.username, "-d", database.name),
        *("-c", "CREATE TEMPORARY TABLE homeport_proof ()"),
    )
    return (
        written(passfile, f"*:*:*:*:{password}\n".encode(), mode=0o600),
        Command(words, env={"PGPASSFILE": passfile}, may_fail=True),
        Command(("rm", "-f", "--", passfile)),
        replace(_sql(_of_role(place) + CAN_LOGIN), may_fail=True),
    )


def is_refused(tried: Sequence[Completed]) -> bool:
    """What came of `login_tried`."""
    _, login, _, role = tried
    return login.status != 0 and role.status == 0 and role.stdout.strip() == "f"


ALLOW = 'ALTER ROLE :"role" LOGIN;\n'
REFUSE = """\
ALTER ROLE :"role" NOLOGIN;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :'role' \\g /dev/null
"""
CAN_LOGIN = "SELECT rolcanlogin FROM pg_roles WHERE rolname = :'role';\n"

DATABASES = """\
SELECT datname, pg_get_userbyid(datdba), pg_database_size(oid) FROM pg_database
 WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1;
"""

SETUP = """\
SELECT format('CREATE ROLE %I LOGIN', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
ALTER ROLE :"role" LOGIN PASSWORD :'verifier';
SELECT format(
         'CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' '
         || 'LC_COLLATE ''C'' LC_CTYPE ''C''', :'database', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec
"""
"""Idempotent, and constant: what it works on are psql's own variables."""


def setup_input(database: Database, verifier: str) -> str:
    """Input of psql: the variables, then the constant SQL. The names are checked, and the
    verifier has base64, `$` and `:` only."""
    variables = {"role": database.username, "database": database.name, "verifier": verifier}
    return "".join(f"\\set {name} '{value}'\n" for name, value in variables.items()) + SETUP


def _must(place: Place, sql: str, failed: str, on: str) -> None:
    done = _psql(place, sql)
    if done.status != 0:
        raise RemoteFailure(
            failed,
            on=f"{on} at {place.facts.address}",
            why=done.stderr.strip()[-1000:],
            do="Look at the server's log on the guest (journalctl -u postgresql), then retry.",
        )


def _psql(place: Place, sql: str) -> Completed:
    command = _sql(sql)
    return place.run(*command.argv, data=command.data, check=False)


def _sql(sql: str) -> Command:
    # Started in a directory that the server's user may enter, or psql would complain.
    command = ("runuser", "-u", "postgres", "--", "psql", "-X", "-q", "-A", "-t")
    options = ("-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "-")
    return Command((*command, *options), sql.encode())


def _wait_until_ready(place: Place) -> None:
    """The server that psql meets answers, and on the port that applications are told."""
    deadline = time.monotonic() + _START_SECONDS
    while (done := _psql(place, "SHOW port;")).status == _CONNECTION_FAILED:
        if time.monotonic() > deadline:
            raise systemd.unit_failed(place, UNIT, done.stderr.strip())
        time.sleep(0.2)
    port = done.stdout.strip()
    if done.status == 0 and port != str(PORT):
        raise RemoteFailure(
            "PostgreSQL on the guest does not listen where it should",
            on=place.facts.address,
            why=f"it listens on port {port} instead of {PORT}: when it was installed, another "
            "server had that port",
            left="no database was made",
            do="See `pg_lsclusters` on the guest, remove the other server or correct the port "
            "in postgresql.conf and restart PostgreSQL, then retry.",
        )
