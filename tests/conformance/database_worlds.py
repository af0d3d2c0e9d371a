"""Real database servers behind TLS, for tests to make databases on: PostgreSQL and MariaDB.

What their owner does is done as the superuser; Homeport's own account has the rights that the
README tells to give, by the very statements that the refusals show.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from engine.backends.databases.mariadb import rights as maria_rights
from engine.backends.databases.postgresql import rights as postgres_rights
from engine.backends.databases.settings import MariaSettings, PostgresSettings
from tests.conformance.dns_worlds import free_port
from tests.conformance.openbao_world import make_tls
from tests.database_server import programs
from tests.deployed import wait_until

HOST = "127.0.0.1"
REFERENCE = "secret:providers/home/databases"
_NOBODY = 65534
"""Neither server runs as root; any other user will do."""
Row = tuple[Any, ...]


@dataclass
class DatabaseWorld:
    """A server that can be stopped, started and frozen, and its owner."""

    directory: Path
    port: int
    ca_pem: str
    password: str = field(default_factory=lambda: f"canary-{secrets.token_hex(8)}")
    root_password: str = field(default_factory=lambda: secrets.token_hex(8))
    process: subprocess.Popen[bytes] | None = None
    component = ""

    @property
    def settings(self) -> dict[str, Any]:
        """What the user writes into the provider's profile."""
        return {
            "host": HOST,
            "port": self.port,
            "password_ref": REFERENCE,
            "ca_pem": self.ca_pem,
        }

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def argv(self) -> list[str]:
        raise NotImplementedError

    def set_up_script(self) -> str:
        """What the README tells its owner to do."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Once, while it runs."""
        raise NotImplementedError

    def admin(self, statement: str, database: str = "") -> list[Row]:
        raise NotImplementedError

    def login(self, user: str, password: str, statement: str, database: str) -> list[Row]:
        """As somebody on a guest would connect."""
        raise NotImplementedError

    def objects(self) -> dict[str, list[Row]]:
        """All databases and accounts of the server, as its owner sees them."""
        raise NotImplementedError

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.directory,
                user=_NOBODY if os.geteuid() == 0 else None,
            )
        wait_until(self._answers, 60)

    def stop(self) -> None:
        """At once, as a crash would."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def signal(self, number: signal.Signals) -> None:
        """To the server and all processes that it has."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def _answers(self) -> bool:
        try:
            self.admin("SELECT 1")
        except (psycopg.OperationalError, pymysql.Error):
            assert self.process is None or self.process.poll() is None, self.log.read_text()
            return False
        return True


class PostgresWorld(DatabaseWorld):
    component = "postgresql"

    def argv(self) -> list[str]:
        found = programs()
        assert found is not None
        words = [str(found / "postgres"), "-D", str(self.directory / "data"), "-p", str(self.port)]
        for name, value in {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": str(self.directory / "server.pem"),
            "ssl_key_file": str(self.directory / "server.key"),
            "fsync": "off",
            "max_connections": "40",
            "log_statement": "all",
        }.items():
            words += ["-c", f"{name}={value}"]
        return words

    def make_cluster(self) -> None:
        found = programs()
        if found is None:
            pytest.skip("needs PostgreSQL: apt-get install postgresql")
        (self.directory / "root").write_text(self.root_password)
        words = [str(found / "initdb"), "-D", str(self.directory / "data"), "-U", "root"]
        words += ["-A", "scram-sha-256", f"--pwfile={self.directory / 'root'}", "--no-sync"]
        words += ["--locale=C.UTF-8", "-E", "UTF8"]
        _as_nobody(self.directory, words)

    def set_up_script(self) -> str:
        return postgres_rights.set_up_script(PostgresSettings(**self.settings))

    def prepare(self) -> None:
        for statement in self.set_up_script().splitlines():
            if not statement.startswith("\\password"):
                self.admin(statement)
        self.admin(f"ALTER ROLE homeport PASSWORD '{self.password}'")

    def admin(self, statement: str, database: str = "postgres") -> list[Row]:
        return self.login("root", self.root_password, statement, database or "postgres")

    def login(self, user: str, password: str, statement: str, database: str) -> list[Row]:
        with self._connected(user, password, database) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def _connected(self, user: str, password: str, database: str) -> Any:
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=str(self.directory / "ca.pem"),
            autocommit=True,
        )

    def objects(self) -> dict[str, list[Row]]:
        wanted = {
            "databases": "SELECT datname, datacl::text, shobj_description(oid, 'pg_database') "
            "FROM pg_database ORDER BY 1",
            "roles": "SELECT rolname, rolcanlogin, shobj_description(oid, 'pg_authid') "
            "FROM pg_roles ORDER BY 1",
            "members": "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members "
            "ORDER BY 1, 2",
        }
        with self._connected("root", self.root_password, "postgres") as connection:
            return {name: list(connection.execute(text)) for name, text in wanted.items()}


class MariaWorld(DatabaseWorld):
    component = "mariadb"

    def argv(self) -> list[str]:
        return [
            *(_mariadbd(), "--no-defaults", f"--datadir={self.directory / 'data'}"),
            *(f"--port={self.port}", f"--bind-address={HOST}"),
            *(f"--socket={self.directory / 'socket'}", f"--pid-file={self.directory / 'pid'}"),
            *(f"--ssl-cert={self.directory / 'server.pem'}",),
            *(f"--ssl-key={self.directory / 'server.key'}",),
            *("--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"),
            *("--max-connections=40", "--general-log", f"--general-log-file={self.log}"),
            *("--skip-name-resolve", "--performance-schema=OFF"),
        ]

    def make_cluster(self) -> None:
        if not _mariadbd() or not shutil.which("mariadb-install-db"):
            pytest.skip("needs MariaDB: apt-get install mariadb-server")
        words = ["mariadb-install-db", "--no-defaults", f"--datadir={self.directory / 'data'}"]
        words += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _as_nobody(self.directory, words)

    def set_up_script(self) -> str:
        return maria_rights.set_up_script(MariaSettings(**self.settings))

    def prepare(self) -> None:
        for statement in self.set_up_script().splitlines():
            self.admin(statement.replace("the password", self.password))

    def admin(self, statement: str, database: str = "") -> list[Row]:
        return self._run(statement, unix_socket=str(self.directory / "socket"), user="root")

    def login(self, user: str, password: str, statement: str, database: str) -> list[Row]:
        trust = ssl.create_default_context(cadata=self.ca_pem)
        way: dict[str, Any] = {"host": HOST, "port": self.port, "ssl": trust}
        return self._run(statement, user=user, password=password, database=database, **way)

    def _run(self, statement: str, **way: Any) -> list[Row]:
        connection = pymysql.connect(autocommit=True, **way)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def objects(self) -> dict[str, list[Row]]:
        return {
            "databases": self.admin(
                "SELECT SCHEMA_NAME, SCHEMA_COMMENT FROM information_schema.SCHEMATA ORDER BY 1"
            ),
            "accounts": self.admin("SELECT User, Host FROM mysql.global_priv ORDER BY 1, 2"),
            "grants": self.admin("SELECT User, Host, Db FROM mysql.db ORDER BY 1, 2, 3"),
        }


def _mariadbd() -> str:
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin") or ""


def _as_nobody(directory: Path, words: list[str]) -> None:
    done = subprocess.run(
        words,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        user=_NOBODY if os.geteuid() == 0 else None,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def database_world(kind: type[PostgresWorld | MariaWorld]) -> Iterator[DatabaseWorld]:
    directory = Path(tempfile.mkdtemp(prefix="hp-db-"))
    world = kind(directory, free_port(), make_tls(directory))
    (directory / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        for path in (directory, *directory.iterdir()):
            os.chown(path, _NOBODY, _NOBODY)
    try:
        world.make_cluster()
        world.start()
        world.prepare()
        yield world
    finally:
        world.stop()
        shutil.rmtree(directory, ignore_errors=True)
