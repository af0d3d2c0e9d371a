"""What our back-ends for databases and DNS add to the client libraries' own calls: the same
statements and requests made by psycopg, PyMySQL and octoDNS alone. (Buckets have no library
below them.)"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from octodns.processor.base import BaseProcessor
from octodns.record import Record
from octodns.zone import Zone
from octodns_powerdns import PowerDnsProvider

from engine.backends.databases.mariadb.service import open_backend as open_mariadb
from engine.backends.databases.postgresql.service import open_backend as open_postgresql
from engine.backends.dns.octodns_backend import open_backend as open_dns
from engine.backends.protocols import DnsRecord
from engine.backends.registry import BackendEnvironment
from engine.model.provider import ProviderProfile
from engine.password_hashes import native_hash, scram_verifier
from engine.paths import Paths
from tests.bench.side_by_side import row
from tests.conformance.database_worlds import (
    HOST,
    REFERENCE,
    MariaWorld,
    PostgresWorld,
    database_world,
)
from tests.conformance.dns_worlds import ZONE, powerdns
from tests.conformance.doubles import MemoryLeases

OWNER, NAME, PASSWORD = "hp-ab12cd34-dep00001", "hp_bench_dep00001_x1y2", "canary-bench-password"
CALLS = 3


def measure() -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="hp-bench-") as name:
        here = Path(name)
        return [_postgresql(here), _mariadb(here), _dns(here)]


def _environment(here: Path, secrets: dict[str, str]) -> BackendEnvironment:
    return BackendEnvironment(
        ProviderProfile(name="home", zone="test.lab", backends={}),
        "ab12cd34",
        Paths(here, here, here),
        secrets.__getitem__,
        MemoryLeases(),
    )


def _postgresql(here: Path) -> dict[str, str]:
    with database_world(PostgresWorld) as world:
        ours = open_postgresql(_environment(here, {REFERENCE: world.password}), world.settings)
        way: dict[str, Any] = {"host": HOST, "port": world.port, "user": "homeport"}
        way |= {"password": world.password, "dbname": "postgres", "autocommit": True}
        way |= {"sslmode": "verify-full", "sslrootcert": str(world.directory / "ca.pem")}
        mark, looks = "bench", "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE"
        known = "SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE"

        def peer() -> None:
            with psycopg.connect(**way) as line:
                line.execute(f"{known} datname = %s", (NAME,)).fetchone()
                line.execute(f"{looks} rolname = %s", (NAME,)).fetchone()
                with line.transaction():
                    verifier = scram_verifier(PASSWORD, bytes(16))
                    line.execute(f"CREATE ROLE {NAME} LOGIN PASSWORD '{verifier}'")
                    line.execute(f"COMMENT ON ROLE {NAME} IS '{mark}'")
                    line.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", (NAME,))
                    line.execute(f"GRANT {NAME} TO CURRENT_USER")
                line.execute(f"{known} datname = %s", (NAME,)).fetchone()
                line.execute(
                    f"CREATE DATABASE {NAME} OWNER {NAME} TEMPLATE template0 ENCODING 'UTF8' "
                    "LC_COLLATE 'C' LC_CTYPE 'C'"
                )
                with line.transaction():
                    line.execute(f"COMMENT ON DATABASE {NAME} IS '{mark}'")
                    line.execute(f"REVOKE ALL ON DATABASE {NAME} FROM PUBLIC")
            with psycopg.connect(**way) as line:
                line.execute(f"{known} datname = %s", (NAME,)).fetchone()
                line.execute(f"{looks} rolname = %s", (NAME,)).fetchone()
                line.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", (NAME,))
                line.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
                line.execute(f"DROP ROLE IF EXISTS {NAME}")

        def homeport() -> None:
            assert ours.ensure(OWNER, NAME, PASSWORD)
            assert ours.drop(OWNER)

        return row("PostgreSQL: a database made and dropped", homeport, peer, CALLS)


def _mariadb(here: Path) -> dict[str, str]:
    with database_world(MariaWorld) as world:
        ours = open_mariadb(_environment(here, {REFERENCE: world.password}), world.settings)
        trust = ssl.create_default_context(cadata=world.ca_pem)
        way: dict[str, Any] = {"host": HOST, "port": world.port, "user": "homeport"}
        way |= {"password": world.password, "autocommit": True, "ssl": trust}
        words = f"IDENTIFIED BY PASSWORD '{native_hash(PASSWORD)}' REQUIRE SSL"
        comment = "SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
        accounts = "SELECT Host, Priv FROM mysql.global_priv WHERE User = %s"

        def said(*statements: str) -> None:
            line = pymysql.connect(**way)
            for statement in statements:
                with line.cursor() as cursor:
                    cursor.execute(statement)
                    cursor.fetchall()
            line.close()

        seen, known = comment.replace("%s", f"'{NAME}'"), accounts.replace("%s", f"'{NAME}'")
        account = f"`{NAME}`@`%`"
        marked = comment.replace("WHERE SCHEMA_NAME = %s", "WHERE SCHEMA_COMMENT = 'bench'")

        def peer() -> None:
            said(
                seen,
                known,
                f"SELECT 1 FROM mysql.db WHERE User = '{NAME}' AND Db IN ('{NAME}', 'other')",  # noqa: S608
                f"CREATE DATABASE `{NAME}` CHARACTER SET utf8mb4 COMMENT = 'bench'",
                f"CREATE USER IF NOT EXISTS {account} {words}",
                f"ALTER USER {account} {words} ACCOUNT UNLOCK",
                f"GRANT ALL PRIVILEGES ON `{NAME.replace('_', chr(92) + '_')}`.* TO {account}",
            )
            said(
                marked,
                known,
                f"DROP USER IF EXISTS {account}",
                "DO 0",  # in the place of KILL USER, which fails for a user that is gone
                f"DROP DATABASE IF EXISTS `{NAME}`",
            )

        def homeport() -> None:
            assert ours.ensure(OWNER, NAME, PASSWORD)
            assert ours.drop(OWNER)

        return row("MariaDB: a database made and dropped", homeport, peer, CALLS)


class _Editing(BaseProcessor):  # type: ignore[misc]
    """Some records of one zone are these, and nothing is looked at."""

    def __init__(self, wanted: dict[tuple[str, str], str]) -> None:
        super().__init__("bench")
        self._wanted = wanted

    def process_source_and_target_zones(
        self, desired: Any, existing: Any, target: Any, lenient: bool = False
    ) -> tuple[Any, Any]:
        edited = existing.copy()
        present = {(record.name, record._type): record for record in existing.records}
        for (name, kind), value in self._wanted.items():
            if value:
                data = {"type": kind, "ttl": 300, "value": value}
                edited.add_record(Record.new(edited, name, data), replace=True)
            elif (name, kind) in present:
                edited.remove_record(present[name, kind])
        return edited, existing


def _dns(here: Path) -> dict[str, str]:
    """A record with its mark, made and removed: each is planned, planned again and applied in two
    steps, and the zone is read for every plan."""
    with powerdns() as world:
        ours = open_dns(_environment(here, world.secrets), world.settings)
        arguments = {**world.settings["args"], "api_key": world.secrets["secret:dns-key"]}
        bare = PowerDnsProvider("bench", **arguments)
        record = DnsRecord(f"cal.{ZONE}", "A", ("192.0.2.1",))
        mark = f"heritage=homeport,owner={OWNER},types=A"

        def homeport() -> None:
            for desired in ([record], []):
                plan = ours.plan(OWNER, desired)
                assert plan.changes
                ours.apply(plan, desired)

        def planned(wanted: dict[tuple[str, str], str]) -> Any:
            return bare.plan(Zone(f"{ZONE}.", []), processors=[_Editing(wanted)])

        def peer() -> None:
            name, its_mark = ("cal", "A"), ("_homeport.cal", "TXT")
            for steps in (
                ({its_mark: mark}, {name: "192.0.2.1"}),
                ({name: ""}, {its_mark: ""}),
            ):
                whole = {**steps[0], **steps[1]}
                planned(whole)
                planned(whole)
                for step in steps:
                    bare.apply(planned(step))

        return row("DNS: a record made and removed", homeport, peer, CALLS)
