"""Real DNS servers, each with an empty zone, for the conformance suite of the dns backend.

Every server is started by the test in a directory of its own, on a free loopback port. What
"somebody else" does in the zone is done by dnspython, without any code of Homeport's.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import dns.zone
import pytest

ZONE = "shared.test"
REVERSE = ("2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
"""Zones of the addresses for documentation (RFC 5737, RFC 3849), with the same key."""
ZONES = (ZONE, *REVERSE)
KEY_NAME = "homeport-key"
KEY = base64.b64encode(b"a key of thirty-two bytes, no more"[:32]).decode()
WRONG_KEY = base64.b64encode(b"another key of thirty-two bytes.."[:32]).decode()
API_KEY = "canary-api-key"
HOST = "127.0.0.1"
STARTUP = 60.0


@dataclass
class DnsWorld:
    """One running server. settings: of the driver, as a profile has them."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    settings: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    wrong_secrets: dict[str, str] = field(default_factory=dict)

    def records(self, of: str = ZONE) -> set[tuple[str, str, str]]:
        """Everything in the zone but the SOA: (name, type, ttl and value)."""
        transfer = dns.query.xfr(
            HOST, of, port=self.port, keyring=_keyring(), timeout=5, relativize=False
        )
        zone = dns.zone.from_xfr(transfer, relativize=False)
        return {
            (name.to_text(), dns.rdatatype.to_text(rdata.rdtype), f"{ttl} {rdata.to_text()}")
            for name, ttl, rdata in zone.iterate_rdatas()
            if rdata.rdtype != dns.rdatatype.SOA
        }

    def somebody_adds(self, name: str, rdtype: str, *values: str, ttl: int = 600) -> None:
        update = dns.update.UpdateMessage(self._zone_of(name), keyring=_keyring())
        update.replace(f"{name}.", ttl, rdtype, *values)
        self._send(update)

    def somebody_removes(self, name: str, rdtype: str) -> None:
        update = dns.update.UpdateMessage(self._zone_of(name), keyring=_keyring())
        update.delete(f"{name}.", rdtype)
        self._send(update)

    def _zone_of(self, name: str) -> str:
        return next(zone for zone in (self.settings["zone"], *ZONES) if name.endswith(zone))

    def clear(self) -> None:
        """Back to the zones' own name servers."""
        for zone in ZONES:
            update = dns.update.UpdateMessage(zone, keyring=_keyring())
            for name, rdtype, _ in self.records(zone):
                if (name, rdtype) not in {(f"{zone}.", "NS"), (f"ns.{ZONE}.", "A")}:
                    update.delete(name, rdtype)
            if update.update:
                self._send(update)

    def _send(self, update: dns.update.UpdateMessage) -> None:
        answer = dns.query.tcp(update, HOST, port=self.port, timeout=5)
        assert answer.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(answer.rcode())


def _keyring() -> Any:
    return dns.tsigkeyring.from_text({KEY_NAME: ("hmac-sha256", KEY)})


def rfc2136_settings(port: int) -> dict[str, Any]:
    return {
        "class": "octodns_bind.Rfc2136Provider",
        "zone": ZONE,
        "args": {
            "host": HOST,
            "port": port,
            "key_name": KEY_NAME,
            "key_algorithm": "hmac-sha256",
            "timeout": 5,
        },
        "secret_args": {"key_secret": "secret:dns-key"},
        "authoritative": [f"{HOST}:{port}"],
        "verify_seconds": 10,
    }


@contextmanager
def lab_name_server() -> Iterator[DnsWorld]:
    with _directory() as directory:
        port = free_port()
        key = {"name": KEY_NAME, "algorithm": "hmac-sha256", "secret": KEY}
        (directory / "names.json").write_text(json.dumps({"zones": dict.fromkeys(ZONES, key)}))
        argv = [sys.executable, "-m", "engine.lab.names", "--dir", str(directory)]
        with _running([*argv, "--host", HOST, "--port", str(port)], directory, port) as process:
            yield _rfc2136_world("lab", port, process)


@contextmanager
def bind(zone: str = ZONE) -> Iterator[DnsWorld]:
    """zone: the one that its settings name; there beside the others."""
    program = _need("named", "bind9")
    zones = dict.fromkeys((zone, *ZONES))
    with _directory() as directory:
        port = free_port()
        for each in zones:
            (directory / each).write_text(_zone_text(each))
        (directory / "named.conf").write_text(
            f'key "{KEY_NAME}" {{ algorithm hmac-sha256; secret "{KEY}"; }};\n'
            f'options {{ directory "{directory}"; pid-file none; session-keyfile none;\n'
            f'  lock-file none; managed-keys-directory "{directory}"; recursion no;\n'
            f"  listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};\n"
            "  dnssec-validation no; notify no; };\n"
            "controls {};\n"
            + "".join(
                f'zone "{each}" {{ type primary; file "{directory}/{each}";\n'
                f'  allow-transfer {{ key "{KEY_NAME}"; }};\n'
                f'  update-policy {{ grant "{KEY_NAME}" zonesub ANY; }}; }};\n'
                for each in zones
            )
        )
        argv = [program, "-c", str(directory / "named.conf"), "-g", "-n", "1"]
        with _running(argv, directory, port) as process:
            world = _rfc2136_world("bind", port, process)
            world.settings["zone"] = zone
            yield world


@contextmanager
def knot() -> Iterator[DnsWorld]:
    program = _need("knotd", "knot")
    with _directory() as directory:
        port = free_port()
        for zone in ZONES:
            (directory / f"{zone}.zone").write_text(_zone_text(zone))
        (directory / "knot.conf").write_text(
            f"server:\n  rundir: {directory}\n  listen: {HOST}@{port}\n"
            f"database:\n  storage: {directory}\n"
            f"key:\n  - id: {KEY_NAME}\n    algorithm: hmac-sha256\n    secret: {KEY}\n"
            f"acl:\n  - id: ours\n    key: {KEY_NAME}\n    action: [update, transfer]\n"
            + "zone:\n"
            + "".join(
                f"  - domain: {zone}\n    storage: {directory}\n    acl: ours\n"
                "    zonefile-load: difference-no-serial\n    journal-content: all\n"
                for zone in ZONES
            )
        )
        argv = [program, "-c", str(directory / "knot.conf")]
        with _running(argv, directory, port) as process:
            yield _rfc2136_world("knot", port, process)


@contextmanager
def powerdns() -> Iterator[DnsWorld]:
    """Driven through its HTTP API, by another octoDNS provider than the rest."""
    program = _need("pdns_server", "pdns-server pdns-backend-sqlite3")
    schema = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
    if not schema.exists():
        pytest.skip("needs the apt package pdns-backend-sqlite3")
    pytest.importorskip("octodns_powerdns", reason="needs the package octodns-powerdns")
    with _directory() as directory:
        port, api_port = free_port(), free_port()
        _make_powerdns_database(directory, schema)
        (directory / "pdns.conf").write_text(
            f"launch=gsqlite3\ngsqlite3-database={directory}/pdns.sqlite3\n"
            f"gsqlite3-pragma-foreign-keys=yes\nlocal-address={HOST}\nlocal-port={port}\n"
            f"api=yes\napi-key={API_KEY}\nwebserver=yes\nwebserver-address={HOST}\n"
            f"webserver-port={api_port}\nwebserver-allow-from=127.0.0.0/8\n"
            # A primary looks now and then for what secondaries were not told yet, and writes what
            # it told. SQLite refuses one of two writers: operations try again, these tests do not.
            f"socket-dir={directory}\nprimary=no\ndnsupdate=yes\n"
            "allow-dnsupdate-from=127.0.0.0/8\nallow-axfr-ips=127.0.0.0/8\n"
            "cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\n"
            "consistent-backends=yes\n"
        )
        argv = [program, f"--config-dir={directory}", "--daemon=no", "--guardian=no"]
        with _running(argv, directory, port) as process:
            _await(api_port, process, directory)
            yield DnsWorld(
                "powerdns",
                port,
                process,
                {
                    "class": "octodns_powerdns.PowerDnsProvider",
                    "zone": ZONE,
                    "args": {"host": HOST, "port": api_port, "scheme": "http", "timeout": 5},
                    "secret_args": {"api_key": "secret:dns-key"},
                    "authoritative": [f"{HOST}:{port}"],
                    "verify_seconds": 10,
                },
                {"secret:dns-key": API_KEY},
                {"secret:dns-key": "not-the-api-key"},
            )


def _make_powerdns_database(directory: Path, schema: Path) -> None:
    import sqlite3

    database = sqlite3.connect(directory / "pdns.sqlite3")
    with database:
        database.executescript(schema.read_text())
        for number, zone in enumerate(ZONES, 1):
            database.execute("INSERT INTO domains (name, type) VALUES (?, 'MASTER')", (zone,))
            rows = [
                (number, zone, "SOA", f"ns.{ZONE} hostmaster.{ZONE} 1 3600 600 604800 5"),
                (number, zone, "NS", f"ns.{ZONE}"),
                (number, f"ns.{ZONE}", "A", HOST),
            ]
            database.executemany(
                "INSERT INTO records (domain_id, name, type, content, ttl, auth)"
                " VALUES (?, ?, ?, ?, 60, 1)",
                rows if zone == ZONE else rows[:2],
            )
        database.execute(
            "INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, 'hmac-sha256', ?)",
            (KEY_NAME, KEY),
        )
        for kind in ("TSIG-ALLOW-AXFR", "TSIG-ALLOW-DNSUPDATE"):
            database.execute(
                "INSERT INTO domainmetadata (domain_id, kind, content)"
                " SELECT id, ?, ? FROM domains",
                (kind, KEY_NAME),
            )
    database.close()


def _rfc2136_world(name: str, port: int, process: subprocess.Popen[bytes]) -> DnsWorld:
    return DnsWorld(
        name,
        port,
        process,
        rfc2136_settings(port),
        {"secret:dns-key": KEY},
        {"secret:dns-key": WRONG_KEY},
    )


def _zone_text(zone: str) -> str:
    """Those of addresses have their name server in another one."""
    of = ZONE if zone in REVERSE else zone
    text = (
        f"{zone}. 60 IN SOA ns.{of}. hostmaster.{of}. 1 3600 600 604800 5\n"
        f"{zone}. 60 IN NS ns.{of}.\n"
    )
    return text + f"ns.{of}. 60 IN A {HOST}\n" if of == zone else text


def free_port() -> int:
    """A port that is free for both UDP and TCP at this moment."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((HOST, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((HOST, port))
            except OSError:
                continue
            return port


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hp-dns-") as name:
        yield Path(name)


@contextmanager
def _running(argv: Sequence[str], directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _await(port, process, directory)
        yield process
    finally:
        process.kill()
        process.wait()


def _await(port: int, process: subprocess.Popen[bytes], directory: Path) -> None:
    deadline = time.monotonic() + STARTUP
    while time.monotonic() < deadline:
        assert process.poll() is None, (directory / "server.log").read_text()[-2000:]
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError((directory / "server.log").read_text()[-2000:])


def _need(program: str, package: str) -> str:
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"needs {program}: apt-get install {package}")
    return found


WORLDS = {"lab": lab_name_server, "bind": bind, "knot": knot, "powerdns": powerdns}
