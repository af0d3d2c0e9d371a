"""What every kind of state unit promises, on a guest with real servers.

Captured is all of it, verified is what was captured, restored is what it was; each verb may be
broken off at any command and repeated. What is special to a kind follows below.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from engine.errors import Conflict, NotFound, OutcomeUnknown, RemoteFailure
from engine.methods import apt
from engine.methods.place import Place
from engine.operations.steps.certificate import new_key
from engine.state.captures import Captures
from engine.state.certificates import troubles
from engine.state.programs import s3
from engine.state.protocols import Captured, Ground, HasBacklog, StateKind, Unit
from engine.state.registry import state_kind
from engine.state.s3 import bucket_of
from tests import s3_server
from tests.amqp import Amqp
from tests.conformance import state_ground
from tests.deployed import installation
from tests.integration.test_deploy_interrupted import Interrupted
from tests.lab_fixture import RunningLab
from tests.quiet_work import Quiet

pytestmark = [pytest.mark.integration, pytest.mark.real]
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def ground(lab: RunningLab) -> Iterator[Ground]:
    with installation(lab) as here, state_ground.ground(here) as made:
        yield made


def psql(ground: Ground, sql: str, database: str = "postgres") -> str:
    words = ["runuser", "-u", "postgres", "--", "psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1"]
    done = ground.place.shell.run([*words, "-d", database, "-f", "-"], input=sql.encode())
    return done.stdout.strip()


@dataclass
class World:
    """One kind with a unit of its own. make: fills it. change: makes it another. shown: what an
    application would find in it. damage: something in the capture at this path goes wrong."""

    kind: StateKind
    unit: Unit
    make: Callable[[], None]
    change: Callable[[], None]
    shown: Callable[[], Any]
    damage: Callable[[str, Captured], None]


def flip(path: str, _captured: Captured | None = None) -> None:
    """One bit of a file, in its middle."""
    file = Path(path)
    times = file.stat()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def files_world(ground: Ground) -> World:
    top = Path(ground.place.paths.data, "tree")

    def make() -> None:
        top.mkdir()
        (top / "kept").write_bytes(b"kept" * 5000)
        (top / "empty directory").mkdir()

    def change() -> None:
        (top / "kept").unlink()
        (top / "later").write_text("later")

    return World(
        state_kind("files"),
        Unit("tree", "files", str(top)),
        make,
        change,
        lambda: tree(top),
        lambda into, _: flip(f"{into}/tree/kept"),
    )


def sqlite_world(ground: Ground) -> World:
    path = Path(ground.place.paths.data, "numbers.db")

    def run(sql: str) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            database.executescript(sql)

    def shown() -> list[Any]:
        with closing(sqlite3.connect(path)) as database:
            return database.execute("SELECT * FROM numbers ORDER BY n").fetchall()

    return World(
        state_kind("sqlite"),
        Unit("numbers", "sqlite", str(path)),
        lambda: run(
            "PRAGMA journal_mode=WAL; CREATE TABLE numbers (n INTEGER PRIMARY KEY, word TEXT);"
            "INSERT INTO numbers VALUES (1, 'one'), (2, 'two');"
        ),
        lambda: run("DELETE FROM numbers WHERE n = 1; INSERT INTO numbers VALUES (3, 'three');"),
        shown,
        flip,
    )


POSTGRES = """\
CREATE ROLE reader NOLOGIN;
CREATE DATABASE harbour OWNER synapse TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\\connect harbour
CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE TABLE ships (id serial PRIMARY KEY, "Name" text UNIQUE, made timestamptz, weight float8);
ALTER TABLE ships OWNER TO synapse;
INSERT INTO ships ("Name", made, weight)
  SELECT 'ship ' || n, '2026-01-01'::timestamptz + n * interval '1 hour', n / 3.0
    FROM generate_series(1, 500) n;
CREATE TABLE "odd.name; --" (x int, "homeport row" bytea);
INSERT INTO "odd.name; --" VALUES (1, '\\xdeadbeef'), (NULL, NULL);
CREATE TABLE no_key (word text);
INSERT INTO no_key VALUES ('twice'), ('twice');
CREATE VIEW heavy AS SELECT * FROM ships WHERE weight > 100;
GRANT SELECT ON ships TO reader;
CREATE TABLE used_up (key text);
INSERT INTO used_up VALUES ('a'), ('b');
SELECT setval('ships_id_seq', 4711);
SELECT lo_from_bytea(4242, '\\x0102030405');
"""
POSTGRES_SHOWN = """\
SELECT count(*), sum(weight), min(made), md5(string_agg("Name", ',' ORDER BY id)) FROM ships;
SELECT count(*) FROM no_key; SELECT * FROM "odd.name; --" ORDER BY 1;
SELECT last_value, is_called FROM ships_id_seq; SELECT loid, data FROM pg_largeobject;
SELECT count(*) FROM heavy; SELECT has_table_privilege('reader', 'ships', 'SELECT');
SELECT pg_get_userbyid(datdba), datcollate, pg_encoding_to_char(encoding) FROM pg_database
 WHERE datname = 'harbour'; SELECT tableowner FROM pg_tables WHERE tablename = 'ships';
"""


def postgresql_world(ground: Ground) -> World:
    def make() -> None:
        psql(ground, "DROP DATABASE IF EXISTS harbour;\nDROP ROLE IF EXISTS reader;")
        psql(ground, POSTGRES)

    return World(
        state_kind("postgresql"),
        Unit("harbour", "postgresql", "harbour"),
        make,
        lambda: (
            psql(
                ground,
                "DELETE FROM ships WHERE id < 10; SELECT setval('ships_id_seq', 1);"
                "SELECT lo_unlink(4242); CREATE TABLE later (n int);",
                "harbour",
            )
            and None
        ),
        lambda: psql(ground, POSTGRES_SHOWN, "harbour"),
        flip,
    )


def mariadb(ground: Ground, sql: str, database: str = "mysql") -> str:
    words = ("mariadb", "--batch", "--skip-column-names", f"--database={database}")
    return ground.place.shell.run(words, input=sql.encode()).stdout.strip()


MARIADB = """\
CREATE DATABASE harbour CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
USE harbour;
CREATE TABLE ships (id int AUTO_INCREMENT PRIMARY KEY, `Name` varchar(80) UNIQUE,
  made timestamp(6) NULL, weight double, load_ float, note text) AUTO_INCREMENT = 4711;
INSERT INTO ships SELECT seq, CONCAT('ship ', seq), '2026-01-01' + INTERVAL seq HOUR, seq / 3,
  seq / 3, IF(seq % 2, 'Odd\\n\\\\', NULL) FROM seq_1_to_500;
CREATE TABLE ports (id int PRIMARY KEY, ship int, FOREIGN KEY (ship) REFERENCES ships (id));
INSERT INTO ports VALUES (1, 1), (2, 2);
CREATE TABLE `odd``name; --` (x int, `homeport row` blob, `ü` float,
  name char(4) CHARACTER SET latin1);
INSERT INTO `odd``name; --` VALUES (1, x'deadbeef00', 0.1, 'dün '), (NULL, NULL, NULL, NULL);
CREATE TABLE no_key (word text);
INSERT INTO no_key VALUES ('twice'), ('twice'), ('');
CREATE TABLE told (n int) WITH SYSTEM VERSIONING;
INSERT INTO told VALUES (1);
UPDATE told SET n = 2;
CREATE SEQUENCE numbers START WITH 100 CACHE 10;
DO NEXTVAL(numbers);
CREATE VIEW heavy AS SELECT * FROM harbour.ships WHERE weight > 100;
CREATE FUNCTION twice (n int) RETURNS int DETERMINISTIC RETURN 2 * n;
DELIMITER ;;
CREATE PROCEDURE sink (IN one int) BEGIN DELETE FROM ships WHERE id = one; END;;
DELIMITER ;
CREATE TRIGGER watching BEFORE UPDATE ON ports FOR EACH ROW SET NEW.ship = NEW.ship;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM no_key WHERE word = 'old';
CREATE USER reader@'%' IDENTIFIED BY 'canary-reader';
CREATE ROLE keeper;
GRANT SELECT ON harbour.* TO reader@'%';
GRANT UPDATE (note) ON harbour.ships TO keeper;
GRANT keeper TO reader@'%';
GRANT EXECUTE ON FUNCTION twice TO reader@'%';
"""
MARIADB_SHOWN = """\
SELECT COUNT(*), SUM(weight), SUM(CAST(load_ AS DOUBLE)), MIN(made),
  MD5(GROUP_CONCAT(Name, IFNULL(HEX(note), '-') ORDER BY id)) FROM ships;
SELECT COUNT(*) FROM no_key; SELECT x, HEX(`homeport row`) FROM `odd``name; --` ORDER BY 1;
SELECT n FROM told FOR SYSTEM_TIME ALL ORDER BY n; SELECT COUNT(*) FROM heavy;
SELECT next_not_cached_value FROM numbers; SELECT twice(4); SHOW GRANTS FOR reader@'%';
SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'harbour';
SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'harbour';
SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'harbour';
"""
MARIADB_NONE = """\
DROP DATABASE IF EXISTS harbour; DROP USER IF EXISTS reader@'%'; DROP ROLE IF EXISTS keeper;
"""


def mariadb_world(ground: Ground) -> World:
    installed(ground, "mariadb-server", "mariadbd")
    return World(
        state_kind("mariadb"),
        Unit("harbour", "mariadb", "harbour"),
        lambda: mariadb(ground, MARIADB_NONE + MARIADB) and None,
        lambda: (
            mariadb(
                ground,
                "DELETE FROM ships WHERE id BETWEEN 3 AND 9; DO SETVAL(numbers, 4000);"
                "CREATE OR REPLACE VIEW heavy AS SELECT * FROM ships WHERE weight > 120;"
                "CREATE TABLE later (n int);"
                "REVOKE SELECT ON harbour.* FROM reader@'%';",
                "harbour",
            )
            and None
        ),
        lambda: mariadb(ground, MARIADB_SHOWN, "harbour"),
        lambda into, _: flip(f"{into}/tables.sql"),
    )


def installed(ground: Ground, package: str, program: str) -> None:
    """The package is on the guest, where this machine has what the lab needs for it."""
    if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        pytest.skip(f"this machine has no {program}")
    apt.ensure_packages(ground.place, [package])


class Dovecot:
    """Mail of two users, whose maildirs are below one directory."""

    def __init__(self, ground: Ground) -> None:
        installed(ground, "dovecot-imapd", "dovecot")
        self._shell = ground.place.shell
        root = Path(ground.place.facts.root)
        self.mail = root / "var/vmail"
        users = "".join(f"{user}@ships.test:{{PLAIN}}canary::::::\n" for user in ("ada", "eve"))
        (root / "etc/dovecot/users").write_text(users)

    def command(self, *words: str, text: str = "", user: str = "ada") -> str:
        verb = 2 if words[0] in ("mailbox", "flags") else 1
        command = ("doveadm", *words[:verb], "-u", f"{user}@ships.test", *words[verb:])
        return f"printf %s {shlex.quote(text)} | {shlex.join(command)}"

    def run(self, *commands: str) -> str:
        return self._shell.run(("sh", "-ec", "\n".join(commands))).stdout

    def __call__(self, *words: str, text: str = "", user: str = "ada") -> str:
        return self.run(self.command(*words, text=text, user=user))

    def make(self) -> None:
        for user in self.mail.glob("*"):
            shutil.rmtree(user)
        do = self.command
        self.run(
            do("mailbox", "create", "-s", "Sent"),
            do("mailbox", "create", "D\u00fcnen"),
            *(do("save", text=f"Subject: {n}\n\nbody {n}\n") for n in range(5)),
            do("expunge", "mailbox", "INBOX", "uid", "2"),
            do("flags", "add", "\\Seen \\Flagged $Ship", "mailbox", "INBOX", "uid", "3"),
            do("save", "-m", "Sent", text="Subject: none"),
            do("save", text="Subject: eve's\n\n", user="eve"),
        )

    def change(self) -> None:
        do = self.command
        self.run(
            do("save", text="Subject: more\n\n"),
            do("flags", "remove", "\\Seen", "mailbox", "INBOX", "uid", "3"),
            do("mailbox", "unsubscribe", "Sent"),
        )

    def shown(self) -> str:
        about = ("mailbox", "status", "messages uidnext uidvalidity unseen", "*")
        read = ("fetch", "mailbox uid flags date.received text", "ALL")
        words = (about, read, ("mailbox", "list"), ("mailbox", "list", "-s"))
        both = [self.command(*each, user=user) for user in ("ada", "eve") for each in words]
        return self.run(*both).replace(" \\Recent", "").replace("\\Recent", "")


def maildir_world(ground: Ground) -> World:
    dovecot = Dovecot(ground)
    return World(
        state_kind("maildir"),
        Unit("mail", "maildir", str(dovecot.mail)),
        dovecot.make,
        dovecot.change,
        dovecot.shown,
        lambda into, _: flip(str(next(a_message(into)))),
    )


def a_message(into: str) -> Iterator[Path]:
    """The files of messages below a directory."""
    return (path for name in ("cur", "new") for path in Path(into).rglob(f"{name}/*"))


class Objects:
    """A bucket of its own for each guest, in one S3 server for all. The two providers know it
    by two names, so that objects are carried and not copied by the server."""

    def __init__(self, ground: Ground) -> None:
        host = "localhost" if "harbour-b" in ground.place.facts.root else "127.0.0.1"
        name = f"ships-{ground.place.facts.loopback.replace('.', '-')}"
        self.locator = f"http://{host}:{s3_server.port()}/{name}"
        self.bucket = s3.Bucket(bucket_of(Unit("objects", "s3", self.locator), ground))
        self._versions: list[tuple[str, str | None]] = []

    def put(self, key: str, content: bytes, *tags: str, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        about = {"headers": named, "tags": dict.fromkeys(tags, "yes & no")}
        self.bucket.put(key, about, iter([content]), len(content))

    def make(self) -> None:
        if not self.bucket.exists():
            self.bucket.read("PUT")
        for key in self.bucket.histories(False):
            self.bucket.remove(key)
        self.put("plain", b"plain" * 1000)
        self.put("d\u00fcnen/a b+c&d?.txt", b"odd", "kind", content_type="text/plain")
        self.put("empty", b"", x_amz_meta_owner="ada")
        self.put("told", b"told", cache_control="no-store", content_language="de")

    def change(self) -> None:
        self.bucket.remove("plain")
        self.put("empty", b"", x_amz_meta_owner="eve")
        self.put("later", b"later")

    def shown(self) -> dict[str, Any]:
        found = {}
        for key in self.bucket.histories(False):
            answer = self.bucket.ask("GET", key)
            found[key] = answer.read(), self.bucket.about(key, None, answer)
        return found


def s3_world(ground: Ground) -> World:
    objects = Objects(ground)
    return World(
        state_kind("s3"),
        Unit("objects", "s3", objects.locator),
        objects.make,
        objects.change,
        objects.shown,
        lambda into, _: flip(f"{into}/objects/3"),
    )


class RedisClient:
    def __init__(self, ground: Ground) -> None:
        self._address = (ground.place.facts.loopback, 6379)

    def __call__(self, *commands: str) -> str:
        lines = ["AUTH canary-redis-password", *commands, "QUIT"]
        with socket.create_connection(self._address, 10) as server:
            server.sendall("".join(f"{line}\r\n" for line in lines).encode())
            said = b""
            while chunk := server.recv(65536):
                said += chunk
        assert b"-ERR" not in said, said
        return said.decode()


def redis_world(ground: Ground) -> World:
    ask = RedisClient(ground)
    return World(
        state_kind("redis"),
        Unit("queue", "redis", "state.harbour-a.lab"),
        lambda: ask(
            "FLUSHALL", "SET word one", "RPUSH queue a b c", "HSET ship name Argo crew 50",
            "SADD ports x y z", "ZADD depth 1.5 a 2 b", "XADD log 1-1 k v",
            "SELECT 3", "SET other three", "EXPIRE other 100000",
        ) and None,
        lambda: ask("DEL word", "RPUSH queue d", "SELECT 3", "DEL other", "SET new 1") and None,
        lambda: ask(
            "GET word", "LRANGE queue 0 -1", "HGET ship name", "SCARD ports",
            "ZSCORE depth a", "XLEN log", "SELECT 3", "GET other", "DBSIZE",
        ),
        flip,
    )  # fmt: skip


class Queues:
    """A RabbitMQ with queues of several kinds, seen as an application sees it."""

    NAMES = ("jobs", "by priority", "brief", "until restarted")

    def __init__(self, ground: Ground) -> None:
        installed(ground, "rabbitmq-server", "rabbitmqctl")
        self.address = ground.place.facts.loopback

    def make(self) -> None:
        with Amqp(self.address) as server:
            server.exchange("news", "topic")
            server.queue("jobs")
            server.queue("by priority", x_max_priority=5)
            server.queue("brief", x_message_ttl=900_000)
            server.queue("until restarted", durable=False)
            server.bind("jobs", "news", "harbour.#")
            for name in self.NAMES:
                server.purge(name)
            for n in range(4):
                about: dict[str, Any] = {"headers": {"ship": "Argo"}, "message_id": f"m{n}"}
                about |= {"delivery_mode": 1 + n % 2, "timestamp": 1_700_000_000}
                server.publish("harbour.a", b"job %d" % n, "news", **about)
                server.publish("by priority", b"p%d" % n, priority=n % 2)
            server.publish("brief", b"soon", expiration="800000")
            server.publish("until restarted", b"large " * 40_000)

    def change(self) -> None:
        with Amqp(self.address) as server:
            server.get("jobs")
            server.publish("jobs", b"later")
            server.queue("later")

    def shown(self) -> Any:
        with Amqp(self.address) as server:
            return [server.messages(name) for name in self.NAMES]


def rabbitmq_world(ground: Ground) -> World:
    queues = Queues(ground)
    return World(
        state_kind("rabbitmq"),
        Unit("queues", "rabbitmq", "state"),
        queues.make,
        queues.change,
        queues.shown,
        lambda into, _: flip(f"{into}/messages"),
    )


def certificates_world(ground: Ground) -> World:
    """Of a mail server of the application's own, renewed by an ACME client beside it."""
    top = Path(ground.place.paths.data, "tls")

    def make() -> None:
        (top / "live").mkdir(parents=True)
        key = new_key()
        (top / "live/privkey.pem").write_text(key)
        (top / "live/privkey.pem").chmod(0o600)
        (top / "live/cert.pem").write_bytes(self_signed(key, "mail.ships.test"))
        (top / "live/fullchain.pem").symlink_to("cert.pem")
        (top / "account.json").write_text('{"kty": "EC", "crv": "P-256", "d": "canary"}')

    def change() -> None:
        key = new_key()
        (top / "live/privkey.pem").write_text(key)

    return World(
        state_kind("certificates"),
        Unit("own-tls", "certificates", str(top)),
        make,
        change,
        lambda: tree(top),
        lambda into, _: flip(f"{into}/tls/live/privkey.pem"),
    )


def volume_world(ground: Ground) -> World:
    """A raw image with holes, whose last block is not a whole one."""
    image = Path(ground.place.paths.data, "disk.raw")

    def make() -> None:
        with open(image, "wb") as file:
            file.truncate((5 << 20) + 4096)
            for at in (0, (3 << 20) + 17, (5 << 20) + 1000):
                file.seek(at)
                file.write(b"harbour " * 500)
        image.chmod(0o640)

    def change() -> None:
        with open(image, "r+b") as file:
            file.seek(2 << 20)
            file.write(b"later")

    def shown() -> Any:
        return image.read_bytes(), image.stat().st_mode

    return World(
        state_kind("volume"), Unit("disk", "volume", str(image)), make, change, shown, flip
    )


def timers_world(ground: Ground) -> World:
    """Two that ran, and one that never did."""
    directory = Path(ground.place.facts.root, "var/lib/systemd/timers")
    names = ("clean.timer", "mail@ada.timer", "never.timer")

    def ran(name: str, at: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"stamp-{name}").touch()
        os.utime(directory / f"stamp-{name}", ns=(at, at))

    def make() -> None:
        (directory / "stamp-never.timer").unlink(missing_ok=True)
        ran(names[0], 1_700_000_000_123_456_000)
        ran(names[1], 1_700_000_500_000_000_000)

    def change() -> None:
        ran(names[1], 1_700_086_900_000_000_000)
        ran(names[2], 1_700_086_900_000_000_000)

    def shown() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in directory.iterdir()}

    unit = Unit("regular-work", "timers", " ".join(names))
    return World(state_kind("timers"), unit, make, change, shown, flip)


def self_signed(key_pem: str, name: str, days: int = 30) -> bytes:
    key = load_pem_private_key(key_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    subject = x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), serial_number=7)
    builder = builder.not_valid_before(now - timedelta(days=90)).not_valid_after(
        now + timedelta(days=days)
    )
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM)


def secrets_world(ground: Ground) -> World:
    path = f"{ground.secrets_prefix}/seed"

    def damage(_into: str, captured: Captured) -> None:
        ground.secrets.delete(f"{ground.secrets_prefix}/{captured.facts['copy']}")

    return World(
        state_kind("secrets"),
        Unit("seed", "secrets", "seed"),
        lambda: ground.secrets.put(path, "canary-first"),
        lambda: ground.secrets.put(path, "canary-second"),
        lambda: ground.secrets.get(path),
        damage,
    )


WORLDS = {
    "files": files_world,
    "sqlite": sqlite_world,
    "postgresql": postgresql_world,
    "mariadb": mariadb_world,
    "redis": redis_world,
    "rabbitmq": rabbitmq_world,
    "maildir": maildir_world,
    "s3": s3_world,
    "certificates": certificates_world,
    "volume": volume_world,
    "timers": timers_world,
    "secrets": secrets_world,
}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, ground: Ground) -> Iterator[World]:
    made = WORLDS[request.param](ground)
    yield made
    if made.unit.kind in ("files", "sqlite", "certificates", "volume"):
        subprocess.run(["rm", "-rf", made.unit.locator], check=True)


@pytest.fixture
def into(ground: Ground) -> Iterator[str]:
    """A place for one unit of a capture."""
    directory = f"{ground.place.facts.root}/var/captured.part"
    Path(directory).mkdir(mode=0o700)
    yield f"{directory}/unit"
    subprocess.run(["rm", "-rf", directory], check=True)


def test_what_was_captured_comes_back_the_same(world: World, ground: Ground, into: str) -> None:
    world.make()
    before = world.shown()
    size = world.kind.measure(world.unit, ground)
    assert size.items > 0
    captured = world.kind.capture(world.unit, ground, into)
    world.kind.verify(world.unit, ground, into, captured)
    assert captured.items > 0
    assert world.shown() == before

    world.change()
    assert world.shown() != before
    assert world.kind.restore(world.unit, ground, into, captured)
    assert world.shown() == before
    assert not world.kind.restore(world.unit, ground, into, captured)


def test_what_waits_in_redis_is_counted_where_the_package_says_that_it_does(
    ground: Ground,
) -> None:
    ask, kind = RedisClient(ground), state_kind("redis")
    assert isinstance(kind, HasBacklog)
    ask(
        "FLUSHALL", "RPUSH queue:mail a b c", "RPUSH queue:push d", "RPUSH timeline e f",
        "ZADD retry 1.5 a 2 b", "SET word one", "XADD log 1-1 k v", "XADD log 1-2 k v",
        "XADD log 1-3 k v", "XADD unread 1-1 k v", "XGROUP CREATE log readers 0",
        "XREADGROUP GROUP readers one COUNT 2 STREAMS log >", "XACK log readers 1-1",
        "SELECT 3", "RPUSH queue:other g",
    )  # fmt: skip
    for queues, waiting in (
        ((), 0),
        (("queue:*",), 5),
        (("queue:*", "queue:mail", "retry", "word", "gone"), 7),
        (("log",), 2),  # one that is not confirmed, one that nobody has taken
        (("unread",), 1),
    ):
        unit = Unit("queue", "redis", "state", queues=queues)
        assert kind.backlog(unit, ground) == waiting


def test_a_damaged_capture_is_found_and_touches_nothing(
    world: World, ground: Ground, into: str
) -> None:
    world.make()
    captured = world.kind.capture(world.unit, ground, into)
    world.change()
    before = world.shown()
    world.damage(into, captured)
    with pytest.raises(RemoteFailure) as raised:
        world.kind.verify(world.unit, ground, into, captured)
    assert world.unit.id in raised.value.on
    with pytest.raises(RemoteFailure):
        world.kind.restore(world.unit, ground, into, captured)
    assert world.shown() == before


def test_a_group_is_captured_whole_or_not_at_all_wherever_it_is_broken_off(
    world: World, ground: Ground
) -> None:
    world.make()
    before = world.shown()

    def broken(at: int) -> Captures:
        shell: Any = Interrupted(ground.place.shell, at, after=at % 2 == 0)  # type: ignore[arg-type]
        return Captures(replace(ground, place=replace(ground.place, shell=shell)))

    whole = Captures(ground)
    manifest = None
    for at in range(1, 40):
        try:
            manifest = broken(at).capture("op.before", [world.unit], NOW)
            break
        except OutcomeUnknown:
            continue
    assert manifest is not None
    assert whole.manifest("op.before", manifest.checksum) == manifest

    world.change()
    for at in range(1, 40):
        try:
            broken(at).restore(manifest)
            break
        except OutcomeUnknown:
            continue
    assert world.shown() == before
    assert whole.remove("op.before")
    assert not whole.remove("op.before")
    with pytest.raises(NotFound):
        whole.manifest("op.before")


@dataclass
class Mortal:
    """A shell whose programs are killed after so many seconds."""

    shell: Any
    seconds: float

    def run(self, argv: Any, **more: Any) -> Any:
        words = list(argv)
        if "-I" in words:
            at = words.index("python3")
            words[at:at] = ["timeout", "-s", "KILL", f"{self.seconds:.2f}"]
        return self.shell.run(words, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shell, name)


ON_GUESTS = sorted(WORLDS.keys() - {"secrets", "maildir", "certificates", "rabbitmq"})
"""Mailboxes and certificates are restored by the program that restores files. What a killed
program leaves at work in RabbitMQ has a test of its own."""


@pytest.mark.parametrize("world", ON_GUESTS, indirect=True)
@pytest.mark.parametrize("seconds", [0.05, 0.12, 0.2, 0.35, 0.6])
def test_a_program_that_is_killed_while_it_restores_is_simply_run_again(
    world: World, ground: Ground, into: str, seconds: float
) -> None:
    world.make()
    before = world.shown()
    captured = world.kind.capture(world.unit, ground, into)
    world.change()
    mortal: Any = Mortal(ground.place.shell, seconds)
    with suppress(RemoteFailure):
        world.kind.restore(
            world.unit, replace(ground, place=replace(ground.place, shell=mortal)), into, captured
        )
    world.kind.restore(world.unit, ground, into, captured)
    assert world.shown() == before
    assert not world.kind.restore(world.unit, ground, into, captured)


# --- files ------------------------------------------------------------------------------


def tree(top: Path) -> dict[str, tuple[Any, ...]]:
    """All that a file can have, read by nothing of Homeport."""
    found: dict[str, tuple[Any, ...]] = {}
    inodes: dict[int, str] = {}
    for path in [top, *sorted(top.rglob("*"))]:
        status = path.lstat()
        name = os.fsencode(path.relative_to(top)).decode("latin-1")
        if stat.S_ISDIR(status.st_mode):
            held: object = None
        elif stat.S_ISLNK(status.st_mode):
            held = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            held = path.read_bytes()
        else:
            held = status.st_rdev
        attributes = {n: os.getxattr(path, n, follow_symlinks=False) for n in _attributes(path)}
        twin = None if stat.S_ISDIR(status.st_mode) else inodes.setdefault(status.st_ino, name)
        times = (status.st_mtime_ns, status.st_uid, status.st_gid)
        found[name] = (status.st_mode, *times, held, attributes, twin)
    return found


def _attributes(path: Path) -> list[str]:
    return [n for n in os.listxattr(path, follow_symlinks=False) if n != "security.selinux"]


def test_files_come_back_with_all_that_files_can_have(ground: Ground, into: str) -> None:
    top = Path(ground.place.paths.data, "every kind")
    top.mkdir(0o750)
    hostile = ("-rf", "a\nnew line", "quote\"'$HOME`id`", "*", "ends with space ", "\u00e4\u6f22")
    for name in hostile:
        (top / name).write_text(name)
    Path(os.fsdecode(os.fsencode(top) + b"/not utf-8 \xff\xfe")).write_text("bytes")
    (top / "one").write_text("linked")
    os.link(top / "one", top / "two")
    (top / "deep").mkdir(0o2770)
    os.link(top / "one", top / "deep" / "three")
    (top / "link").symlink_to("nowhere/at all")
    os.mkfifo(top / "pipe", 0o600)
    with (top / "sparse").open("wb") as file:
        file.seek(64 << 20)
        file.write(b"end")
    (top / "private").write_text("x")
    (top / "private").chmod(0o4711)
    (top / "cache").mkdir()
    (top / "cache" / "thumb").write_text("made anew")
    marked = True
    try:
        os.setxattr(top / "one", "user.origin", b"har\0bour")
    except OSError:
        marked = False
    if os.geteuid() == 0:
        os.chown(top / "private", 4711, 4712)
        os.lchown(top / "link", 4711, 4712)
    for number, path in enumerate(sorted(top.rglob("*"))):
        times = (1_700_000_000_123_456_789 + number, 1_700_000_000_123_456_789 + number)
        os.utime(path, ns=times, follow_symlinks=False)
    unit = Unit("every", "files", str(top), exclude=("cache",))
    kind = state_kind("files")
    before = tree(top)
    captured = kind.capture(unit, ground, into)
    kind.verify(unit, ground, into, captured)
    subprocess.run(["rm", "-rf", "--", str(top)], check=True)
    assert kind.restore(unit, ground, into, captured)
    after = tree(top)
    for name in ("cache", "cache/thumb"):
        assert name not in after
        del before[name]
    assert after == before
    assert (top / "sparse").stat().st_blocks * 512 < 1 << 20
    if not marked:
        pytest.skip("this file system has no user attributes; all else is as it should be")
    os.setxattr(top / "one", "user.origin", b"other")
    assert kind.restore(unit, ground, into, captured)
    assert tree(top) == before


def test_a_single_file_and_one_that_is_not_there(ground: Ground, into: str) -> None:
    path = Path(ground.place.paths.config, "users")
    unit, kind = Unit("users", "files", str(path)), state_kind("files")
    none = kind.capture(unit, ground, into)
    path.write_text("ada:x\n")
    path.chmod(0o640)
    captured = kind.capture(unit, ground, into)
    path.write_text("eve:x\n")
    assert kind.restore(unit, ground, into, captured)
    assert path.read_text() == "ada:x\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert kind.restore(unit, ground, into, none)
    assert not path.exists()


@pytest.mark.parametrize(
    "harm",
    [
        lambda at: (at / "kept").chmod(0o600),
        lambda at: os.utime(at / "kept", (1, 1)),
        lambda at: (at / "kept").unlink(),
        lambda at: (at / "more").write_text("more"),
        lambda at: os.truncate(at / "kept", 100),
    ],
    ids=["mode", "time", "missing", "more", "short"],
)
def test_any_difference_of_a_captured_tree_is_found(
    ground: Ground, into: str, harm: Callable[[Path], None]
) -> None:
    world = files_world(ground)
    world.make()
    captured = world.kind.capture(world.unit, ground, into)
    harm(Path(into, "tree"))
    with pytest.raises(RemoteFailure) as raised:
        world.kind.verify(world.unit, ground, into, captured)
    assert "differs" in raised.value.why
    subprocess.run(["rm", "-rf", world.unit.locator], check=True)


# --- databases --------------------------------------------------------------------------


def test_sqlite_is_taken_whole_under_a_writer_with_its_log(ground: Ground, into: str) -> None:
    """Pairs are written in one transaction each: a capture never holds half of one."""
    path = Path(ground.place.paths.data, "busy.db")
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.execute("CREATE TABLE pairs (n INTEGER, half TEXT)")
    database.commit()
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30)) as own:
            number = 0
            while not stop.is_set():
                with own:
                    own.execute("INSERT INTO pairs VALUES (?, 'left')", (number,))
                    own.execute("INSERT INTO pairs VALUES (?, 'right')", (number,))
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    kind, unit = state_kind("sqlite"), Unit("busy", "sqlite", str(path))
    try:
        while not Path(f"{path}-wal").exists() or Path(f"{path}-wal").stat().st_size < 200_000:
            assert writer.is_alive()
        captured = kind.capture(unit, ground, into)
    finally:
        stop.set()
        writer.join()
        database.close()
    kind.verify(unit, ground, into, captured)
    assert captured.items > 0
    Path(f"{path}-wal").write_bytes(b"what a crash left")
    assert kind.restore(unit, ground, into, captured)
    with closing(sqlite3.connect(path)) as again:
        pairs = "SELECT count(*), count(DISTINCT n), count(*) % 2 FROM pairs"
        rows, numbers, odd = again.execute(pairs).fetchone()
    assert (rows, odd) == (captured.items, 0)
    assert rows == 2 * numbers
    path.unlink()


def test_postgresql_is_taken_of_one_moment_and_empties_what_is_used_up(
    ground: Ground, into: str
) -> None:
    world = postgresql_world(ground)
    world.make()
    unit = replace(world.unit, empty=("used_up",))
    captured = world.kind.capture(unit, ground, into)
    psql(ground, "DROP TABLE no_key; INSERT INTO used_up VALUES ('c');", "harbour")
    assert world.kind.restore(unit, ground, into, captured)
    assert psql(ground, "SELECT count(*) FROM used_up", "harbour") == "0"
    assert psql(ground, "SELECT count(*) FROM no_key", "harbour") == "2"
    assert not world.kind.restore(unit, ground, into, captured)
    left = psql(ground, "SELECT datname FROM pg_database WHERE datname LIKE '%homeport%'")
    assert left == ""


def test_postgresql_makes_the_roles_anew_that_a_database_needs(ground: Ground, into: str) -> None:
    world = postgresql_world(ground)
    world.make()
    before = world.shown()
    captured = world.kind.capture(world.unit, ground, into)
    psql(ground, "DROP DATABASE harbour;\nDROP ROLE reader;")
    assert world.kind.restore(world.unit, ground, into, captured)
    assert world.shown() == before


PAIRS = """\
CREATE TABLE pairs (n int, half varchar(5), weight float);
DELIMITER ;;
CREATE PROCEDURE write_pairs ()
BEGIN
  DECLARE n INT DEFAULT 0;
  WHILE EXISTS (SELECT 1 FROM go_on) DO
    START TRANSACTION;
    INSERT INTO pairs VALUES (n, 'left', n / 3);
    INSERT INTO pairs VALUES (n, 'right', n / 3);
    COMMIT;
    SET n = n + 1;
  END WHILE;
END;;
DELIMITER ;
CREATE TABLE go_on (n int);
INSERT INTO go_on VALUES (1);
"""


def test_mariadb_is_taken_of_one_moment_under_a_writer(ground: Ground, into: str) -> None:
    """Pairs are written in one transaction each: a capture never holds half of one."""
    installed(ground, "mariadb-server", "mariadbd")
    mariadb(ground, f"{MARIADB_NONE} CREATE DATABASE harbour; USE harbour;\n{PAIRS}")
    program = f"{ground.place.facts.root}/usr/bin/mariadb"
    writer = subprocess.Popen([program, "--database=harbour", "--execute=CALL write_pairs()"])
    kind, unit = state_kind("mariadb"), Unit("harbour", "mariadb", "harbour")
    try:
        while int(mariadb(ground, "SELECT COUNT(*) FROM pairs", "harbour")) < 200:
            assert writer.poll() is None
        captured = kind.capture(unit, ground, into)
        assert writer.poll() is None
    finally:
        mariadb(ground, "DELETE FROM go_on", "harbour")
        writer.wait()
    assert captured.items % 2 == 1  # pairs, and the row that lets the writer go on
    assert kind.restore(unit, ground, into, captured)
    halves = "SELECT COUNT(*), COUNT(DISTINCT n) * 2 FROM pairs"
    rows, doubled = mariadb(ground, halves, "harbour").split("\t")
    assert rows == doubled == str(captured.items - 1)


def test_mariadb_empties_what_is_used_up_and_makes_accounts_anew(ground: Ground, into: str) -> None:
    world = mariadb_world(ground)
    world.make()
    before = world.shown()
    unit = replace(world.unit, empty=("no_key",))
    captured = world.kind.capture(unit, ground, into)
    mariadb(ground, MARIADB_NONE)
    assert world.kind.restore(unit, ground, into, captured)
    assert mariadb(ground, "SELECT COUNT(*) FROM no_key", "harbour") == "0"
    mariadb(ground, "INSERT INTO no_key VALUES ('twice'), ('twice'), ('')", "harbour")
    assert world.shown() == before
    left = "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '%homeport%'"
    assert mariadb(ground, left) == "0"


def test_a_wrong_key_to_a_bucket_is_told_without_the_key(ground: Ground) -> None:
    world = s3_world(ground)
    app = replace(ground.place.app, read_secret=lambda name: f"canary-wrong-{name}")
    other = replace(ground, place=replace(ground.place, app=app))
    with pytest.raises(RemoteFailure) as raised:
        world.kind.measure(world.unit, other)
    assert "403" in raised.value.why
    assert "canary" not in repr(raised.value)


def test_a_copy_of_a_deployment_does_not_reach_for_its_bucket(ground: Ground, into: str) -> None:
    world = s3_world(ground)
    world.make()
    captured = world.kind.capture(world.unit, ground, into)
    world.change()
    before = world.shown()
    other = replace(ground.place, app=replace(ground.place.app, deployment="state001"))
    with pytest.raises(Conflict):
        world.kind.restore(world.unit, replace(ground, place=other), into, captured)
    assert world.shown() == before
    elsewhere = replace(world.unit, locator=f"{world.unit.locator}-copy")
    assert world.kind.restore(elsewhere, replace(ground, place=other), into, captured)
    assert world.kind.measure(elsewhere, ground).items == captured.items


def test_no_secret_is_in_what_lies_on_the_guest(ground: Ground, into: str) -> None:
    world = secrets_world(ground)
    world.make()
    Captures(ground).capture("op.before", [world.unit], NOW)
    captures = ground.place.paths.captures
    assert stat.S_IMODE(Path(captures).stat().st_mode) == 0o700
    found = subprocess.run(["grep", "-r", "canary-first", captures], check=False).returncode
    assert found == 1
    Captures(ground).remove("op.before")
    listed = ground.secrets.list(ground.secrets_prefix)
    assert listed == [f"{ground.secrets_prefix}/seed"]


def test_a_database_of_many_tables(ground: Ground, into: str) -> None:
    psql(ground, "DROP DATABASE IF EXISTS harbour;\nCREATE DATABASE harbour OWNER synapse;")
    tables = "".join(f"CREATE TABLE table_{n} (n int); " for n in range(300))
    psql(ground, tables, "harbour")
    kind, unit = state_kind("postgresql"), Unit("harbour", "postgresql", "harbour")
    captured = kind.capture(unit, ground, into)
    kind.verify(unit, ground, into, captured)
    psql(ground, "INSERT INTO table_7 VALUES (1)", "harbour")
    assert kind.restore(unit, ground, into, captured)
    assert psql(ground, "SELECT count(*) FROM table_7", "harbour") == "0"


# --- certificates -------------------------------------------------------------------------


def test_a_copy_under_another_name_knows_when_its_timers_ran(ground: Ground, into: str) -> None:
    """One that is new since the capture keeps its stamp, for nothing is known of it."""
    other = Place.of(ground.place.shell, replace(ground.place.app, name="other"), Quiet())
    stamps = Path(ground.place.facts.root, "var/lib/systemd/timers")
    stamps.mkdir(parents=True, exist_ok=True)
    for name, at in (("state-mail", 1_700_000_000), ("other-new", 1_700_000_007)):
        (stamps / f"stamp-homeport-{name}.timer").touch()
        os.utime(stamps / f"stamp-homeport-{name}.timer", (at, at))
    kind = state_kind("timers")
    captured = kind.capture(Unit("work", "timers", "homeport-state-mail.timer"), ground, into)
    copy = Unit("work", "timers", "homeport-other-mail.timer homeport-other-new.timer")
    assert kind.restore(copy, replace(ground, place=other), into, captured)
    assert not kind.restore(copy, replace(ground, place=other), into, captured)
    found = {path.name: path.stat().st_mtime for path in stamps.glob("stamp-homeport-other-*")}
    assert found == {
        "stamp-homeport-other-mail.timer": 1_700_000_000,
        "stamp-homeport-other-new.timer": 1_700_000_007,
    }


def test_what_is_wrong_with_certificates_is_said(ground: Ground) -> None:
    top = Path(ground.place.paths.data, "many")
    top.mkdir()
    try:
        key = new_key()
        (top / "good.pem").write_bytes(key.encode() + self_signed(key, "good.test"))
        (top / "old.pem").write_bytes(key.encode() + self_signed(key, "old.test", days=-1))
        (top / "alone.pem").write_bytes(self_signed(new_key(), "alone.test"))
        kind = state_kind("certificates")
        captured = kind.capture(Unit("many", "certificates", str(top)), ground, f"{top}.copy")
        pairs = captured.facts["pairs"]["certificates"]
        assert pairs["good.pem"]["keys"] == ["good.pem", "old.pem"]
        assert pairs["good.pem"]["names"] == ["good.test"]
        told = list(troubles({**captured.facts["pairs"], "now": time.time()}))
        assert [line.partition(" (")[0] for line in told] == ["alone.pem", "old.pem"]
        assert "has no key that fits it" in told[0]
        assert "ran out on" in told[1]
        assert "PRIVATE" not in str(captured.facts)
    finally:
        subprocess.run(["rm", "-rf", top, f"{top}.copy", f"{top}.copy.listing"], check=True)
