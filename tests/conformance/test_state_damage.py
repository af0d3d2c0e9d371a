"""Whatever goes wrong with carried state is found before anybody relies on it.

Each kind is carried once between two guests with real servers; then one thing after the other
is damaged at the target, as a disk, a program or a person may damage it, and `compare` has to
name it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RemoteFailure
from engine.state.files import open_kind as open_files
from engine.state.programs import s3
from engine.state.protocols import Ground, ReadsAhead
from engine.state.s3 import BucketKind
from tests.conformance.test_state_conformance import (
    Dovecot,
    Objects,
    RedisClient,
    mariadb,
    psql,
)
from tests.conformance.test_state_moves import Grounds, Move, grounds, moved

__all__ = ["grounds"]

pytestmark = pytest.mark.integration


def found(move: Move) -> str:
    """What `compare` names; empty where it holds both sides for the same."""
    try:
        move.compare()
    except RemoteFailure as failure:
        return failure.why
    return ""


@pytest.fixture(scope="module")
def files(grounds: Grounds) -> Iterator[Move]:
    for move in moved(grounds, "files"):
        every_kind_of_file(Path(move.source.unit.locator))
        for side in (move.source, move.target):
            place = side.ground.place
            place.directory(place.paths.base, "0755", "root:root")
        yield move


@pytest.fixture(scope="module")
def sqlite(grounds: Grounds) -> Iterator[Move]:
    for move in moved(grounds, "sqlite"):
        with closing(sqlite3.connect(move.source.unit.locator)) as database:
            database.executescript(SQLITE)
        yield move


@pytest.fixture(scope="module")
def postgresql(grounds: Grounds) -> Iterator[Move]:
    """Carried, with a copy of the database at either side to begin anew from."""
    for move in moved(grounds, "postgresql"):
        psql(move.source.ground, POSTGRESQL)
        move.bring()
        for side in (move.source, move.target):
            keep(side.ground)
        yield move
        for side in (move.source, move.target):
            psql(side.ground, "DROP DATABASE harbour_kept; DROP DATABASE harbour;")
            for role in ("keeper", "reader"):
                psql(side.ground, f"DROP ROLE IF EXISTS {role};")


@pytest.fixture(scope="module")
def redis(grounds: Grounds) -> Iterator[Move]:
    yield from moved(grounds, "redis")


# --- files ----------------------------------------------------------------------------------

ACL = "system.posix_acl_access"


def every_kind_of_file(top: Path) -> None:
    (top / "deep" / "er").mkdir(parents=True)
    (top / "hollow").mkdir()
    (top / "word").write_bytes(bytes(range(256)) * 4000)
    for name in ("one", "another"):
        (top / name).write_text("the same in both")
        os.utime(top / name, (1_600_000_000, 1_600_000_000))
    os.link(top / "word", top / "deep" / "word too")
    (top / "nothing").touch()
    (top / "to word").symlink_to("word")
    os.mkfifo(top / "pipe")
    (top / os.fsdecode(b"not utf-8 \xff")).write_text("odd")
    (top / "deep" / "new\nline").write_text("odd")
    (top / "caf\u00e9").write_text("composed")
    with (top / "sparse").open("wb") as file:
        file.truncate(8 << 20)
    (top / "program").write_text("#!/bin/sh\n")
    (top / "program").chmod(0o755)
    with suppress(OSError):
        os.setxattr(top / "one", "user.origin", b"har\0bour")
        os.setxattr(top / "hollow", "user.origin", b"harbour")
    with suppress(OSError):
        os.setxattr(top / "program", ACL, acl(4711, 7))


def acl(user: int, rights: int) -> bytes:
    """rwx for the owner, `rights` for one user beside; as acl(5) has it in the attribute."""
    nobody = 0xFFFFFFFF
    entries = [(1, 7, nobody), (2, rights, user), (4, 5, nobody), (16, 7, nobody), (32, 5, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def quietly(path: Path, change: Callable[[Path], object]) -> None:
    """The change, with the times as they were before it."""
    times = path.stat()
    change(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def put(path: Path, at: int, data: bytes) -> None:
    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(data)

    quietly(path, change)


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    """Another thing under the same name, in a directory whose time is as before."""

    def change(_parent: Path) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)

    quietly(path.parent, change)


def unlinked(path: Path) -> None:
    """A file of its own instead of one more name."""
    copy = path.with_name("copy")

    def change(_parent: Path) -> None:
        shutil.copy2(path, copy)
        copy.rename(path)

    quietly(path.parent, change)


def joined(path: Path, other: Path) -> None:
    """One file under two names instead of two with the same content."""

    def change(_parent: Path) -> None:
        path.unlink()
        os.link(other, path)

    quietly(path.parent, change)


def renamed(path: Path, name: str) -> None:
    quietly(path.parent, lambda parent: path.rename(parent / name))


@dataclass(frozen=True)
class Harm:
    """do: to the tree at the target. named: what the error says. needs: root, or a file system
    that has such a thing. mends: rsync takes it back in its next pass."""

    do: Callable[[Path], object]
    named: str
    needs: str = ""
    mends: bool = True


FILES = {
    "bit": Harm(lambda at: put(at / "word", 100_000, b"\xa1"), "word"),
    "bit in the first byte": Harm(lambda at: put(at / "word", 0, b"\x01"), "word"),
    "bit in a hole": Harm(lambda at: put(at / "sparse", 5 << 20, b"\x01"), "sparse"),
    "short": Harm(
        lambda at: quietly(at / "word", lambda path: os.truncate(path, 1_023_999)), "word"
    ),
    "emptied": Harm(lambda at: quietly(at / "one", lambda path: os.truncate(path, 0)), "one"),
    "longer": Harm(
        lambda at: quietly(at / "nothing", lambda path: path.write_bytes(b"\0")), "nothing"
    ),
    "file lost": Harm(lambda at: quietly(at, lambda path: (path / "one").unlink()), "one"),
    "directory lost": Harm(
        lambda at: quietly(at, lambda path: (path / "hollow").rmdir()), "hollow"
    ),
    "file more": Harm(lambda at: quietly(at, lambda path: (path / "more").touch()), "more"),
    "name that is not utf-8 lost": Harm(
        lambda at: (at / os.fsdecode(b"not utf-8 \xff")).unlink(), "not utf-8"
    ),
    "name with a new line lost": Harm(
        lambda at: quietly(at / "deep", lambda path: (path / "new\nline").unlink()), "line"
    ),
    "name decomposed": Harm(lambda at: renamed(at / "caf\u00e9", "cafe\u0301"), "caf"),
    "hard link lost": Harm(lambda at: unlinked(at / "deep" / "word too"), "word"),
    "hard link more": Harm(lambda at: joined(at / "one", at / "another"), "one", mends=False),
    "link leads elsewhere": Harm(
        lambda at: replaced(at / "to word", lambda path: path.symlink_to("one")), "to word"
    ),
    "link became a file": Harm(
        lambda at: replaced(at / "to word", lambda path: shutil.copy2(at / "word", path)),
        "to word",
    ),
    "pipe became a file": Harm(lambda at: replaced(at / "pipe", lambda path: path.touch()), "pipe"),
    "directory became a file": Harm(
        lambda at: replaced(at / "hollow", lambda path: path.touch()), "hollow"
    ),
    "mode": Harm(lambda at: (at / "word").chmod(0o600), "word"),
    "set-uid": Harm(lambda at: (at / "program").chmod(0o4755), "program"),
    "mode of a directory": Harm(lambda at: (at / "hollow").chmod(0o700), "hollow"),
    "mode of the top": Harm(lambda at: at.chmod(0o700), "mode"),
    "owner": Harm(lambda at: os.chown(at / "word", 4711, -1), "word", "root"),
    "group": Harm(lambda at: os.chown(at / "word", -1, 4711), "word", "root"),
    "owner of a link": Harm(lambda at: os.lchown(at / "to word", 4711, 4711), "to word", "root"),
    "time": Harm(lambda at: os.utime(at / "word", (1, 1)), "word"),
    "time by a nanosecond": Harm(
        lambda at: os.utime(at / "one", ns=(0, 1_600_000_000_000_000_001)), "one"
    ),
    "time of a directory": Harm(lambda at: os.utime(at / "hollow", (1, 1)), "hollow"),
    "attribute lost": Harm(lambda at: os.removexattr(at / "one", "user.origin"), "one", "user"),
    "attribute changed": Harm(
        lambda at: os.setxattr(at / "one", "user.origin", b"har\0BOUR"), "one", "user"
    ),
    "attribute more": Harm(lambda at: os.setxattr(at / "word", "user.new", b""), "word", "user"),
    "attribute of a directory lost": Harm(
        lambda at: os.removexattr(at / "hollow", "user.origin"), "hollow", "user"
    ),
    "access list lost": Harm(lambda at: os.removexattr(at / "program", ACL), "program", "acl"),
    "access list for another": Harm(
        lambda at: os.setxattr(at / "program", ACL, acl(4712, 7)), "program", "acl"
    ),
    "access list with other rights": Harm(
        lambda at: os.setxattr(at / "program", ACL, acl(4711, 5)), "program", "acl"
    ),
    "all of it": Harm(lambda at: shutil.rmtree(at), "nothing"),
}


@pytest.mark.parametrize("name", FILES)
def test_damage_to_files_is_found_and_mended(files: Move, name: str) -> None:
    harm, here, there = (
        FILES[name],
        Path(files.source.unit.locator),
        Path(files.target.unit.locator),
    )
    files.bring(thorough=True)
    needed(harm, here)
    # What was read ahead is not read again, and hides nothing.
    replace(open_files(), settled=0.0).read_ahead(files.source, files.target)
    assert found(files) == ""
    harm.do(there)
    assert harm.named in found(files)
    if harm.mends:
        files.bring(thorough=True)
    else:
        shutil.rmtree(there)
        files.bring()
    assert found(files) == ""


def needed(harm: Harm, here: Path) -> None:
    if harm.needs == "root" and os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    if harm.needs == "user" and "user.origin" not in os.listxattr(here / "one"):
        pytest.skip("this file system has no user attributes")
    if harm.needs == "acl" and ACL not in os.listxattr(here / "program"):
        pytest.skip("this file system has no access lists")


# --- SQLite ---------------------------------------------------------------------------------

SQLITE = """\
PRAGMA journal_mode=WAL;
CREATE TABLE ships (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, weight REAL);
INSERT INTO ships (name, weight) VALUES ('Argo', 1.5), ('Beagle', 2.5), ('Calypso', 3.5);
CREATE TABLE loose (held);
INSERT INTO loose VALUES (1), ('1'), (x'31'), (NULL), (''), (1.0), ('twice'), ('twice');
CREATE TABLE "odd ""name; --" (n);
INSERT INTO "odd ""name; --" VALUES (7);
CREATE INDEX by_weight ON ships (weight);
CREATE VIEW heavy AS SELECT * FROM ships WHERE weight > 2;
CREATE TRIGGER kept AFTER DELETE ON loose BEGIN SELECT 1; END;
PRAGMA user_version = 42;
"""
SQLITE_HARM = {
    "row lost": ("DELETE FROM ships WHERE id = 2", "ships"),
    "row more": ("INSERT INTO loose VALUES ('more')", "loose"),
    "row of twins lost": (
        "DELETE FROM loose WHERE rowid = (SELECT max(rowid) FROM loose)",
        "loose",
    ),
    "value": ("UPDATE ships SET weight = 1.5000001 WHERE id = 1", "ships"),
    "values swapped": (
        "UPDATE ships SET weight = CASE id WHEN 1 THEN 2.5 ELSE 1.5 END WHERE id < 3",
        "ships",
    ),
    "number became a text": ("UPDATE loose SET held = '1' WHERE typeof(held) = 'integer'", "loose"),
    "number became a float": ("UPDATE loose SET held = 1.0 WHERE held IS 1", "loose"),
    "bytes became a text": ("UPDATE loose SET held = '1' WHERE typeof(held) = 'blob'", "loose"),
    "null became empty": ("UPDATE loose SET held = '' WHERE held IS NULL", "loose"),
    "table lost": ('DROP TABLE "odd ""name; --"', "schema"),
    "table more": ("CREATE TABLE later (n)", "schema"),
    "index lost": ("DROP INDEX by_weight", "schema"),
    "index became another": (
        "DROP INDEX by_weight; CREATE INDEX by_weight ON ships (name)",
        "schema",
    ),
    "view lost": ("DROP VIEW heavy", "schema"),
    "trigger lost": ("DROP TRIGGER kept", "schema"),
    "stale sequence": ("UPDATE sqlite_sequence SET seq = 1", "sqlite_sequence"),
    "version": ("PRAGMA user_version = 41", "user_version"),
}
SQLITE_FILE_HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit": (lambda path: in_sqlite(path, b"Calypso", b"Calypsn"), ""),
    "short": (lambda path: os.truncate(path, path.stat().st_size - 4096), ""),
    "no database": (lambda path: put(path, 0, b"\0" * 100), ""),
    "lost": (lambda path: path.unlink(), "target"),
    "mode": (lambda path: path.chmod(0o604), "mode"),
    "owner": (lambda path: os.chown(path, 4711, 4711), "owner"),
}


def in_sqlite(path: Path, before: bytes, after: bytes) -> None:
    at = path.read_bytes().index(before)
    put(path, at, after)


@pytest.mark.parametrize("name", SQLITE_HARM)
def test_damage_to_an_sqlite_database_is_found(sqlite: Move, name: str) -> None:
    sql, named = SQLITE_HARM[name]
    sqlite.bring()
    assert found(sqlite) == ""
    with closing(sqlite3.connect(sqlite.target.unit.locator)) as database:
        database.executescript(sql + ";")
    assert named in found(sqlite)


@pytest.mark.parametrize("name", SQLITE_FILE_HARM)
def test_damage_to_the_file_of_an_sqlite_database_is_found(sqlite: Move, name: str) -> None:
    if name == "owner" and os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    do, named = SQLITE_FILE_HARM[name]
    sqlite.bring()
    do(Path(sqlite.target.unit.locator))
    why = found(sqlite)
    assert why
    assert named in why
    Path(sqlite.target.unit.locator).unlink(missing_ok=True)
    sqlite.bring()
    assert found(sqlite) == ""


def test_a_mode_of_an_sqlite_file_is_mended(sqlite: Move) -> None:
    path = Path(sqlite.target.unit.locator)
    path.unlink(missing_ok=True)
    sqlite.bring()
    path.chmod(0o604)
    sqlite.bring(thorough=True)
    assert found(sqlite) == ""


# --- PostgreSQL -----------------------------------------------------------------------------

POSTGRESQL = """\
CREATE ROLE reader NOLOGIN;
CREATE ROLE keeper NOLOGIN;
CREATE DATABASE harbour OWNER synapse TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\\connect harbour
CREATE EXTENSION vector;
CREATE SCHEMA "odd ""schema";
CREATE TABLE "odd ""schema"."t; --" (n int);
INSERT INTO "odd ""schema"."t; --" VALUES (1), (NULL);
CREATE TYPE flag AS ENUM ('red', 'green');
CREATE TABLE ships (id serial PRIMARY KEY, "Name" text UNIQUE, made timestamptz, weight float8,
    colour flag DEFAULT 'red', length numeric CHECK (length > 0), note text, data bytea);
INSERT INTO ships ("Name", made, weight, length, note, data)
  SELECT 'ship ' || n, '2026-01-01'::timestamptz + n * interval '1 hour', n / 3.0, n + 0.10, '',
    '\\x00ff' FROM generate_series(1, 300) n;
CREATE TABLE ports (id int PRIMARY KEY, ship int REFERENCES ships);
INSERT INTO ports SELECT n, n FROM generate_series(1, 20) n;
CREATE TABLE no_key (word text);
INSERT INTO no_key VALUES ('twice'), ('twice'), ('once');
CREATE TABLE parts (n int) PARTITION BY RANGE (n);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
INSERT INTO parts VALUES (3);
CREATE UNLOGGED TABLE fleeting (n int);
INSERT INTO fleeting VALUES (1);
CREATE VIEW heavy AS SELECT * FROM ships WHERE weight > 50;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM ships;
CREATE INDEX by_weight ON ships (weight);
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER watching BEFORE UPDATE ON ports FOR EACH ROW EXECUTE FUNCTION watch();
ALTER TABLE ports ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ports USING (ship > 0);
COMMENT ON TABLE ships IS 'what floats';
GRANT SELECT ON ships TO reader;
GRANT USAGE ON SCHEMA "odd ""schema" TO reader;
GRANT UPDATE (weight) ON ships TO keeper;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;
SELECT setval('ships_id_seq', 4711);
SELECT lo_from_bytea(4242, '\\x0102030405');
SELECT lo_from_bytea(4243, '\\x');
"""


def keep(ground: Ground) -> None:
    psql(ground, "CREATE DATABASE harbour_kept OWNER synapse TEMPLATE harbour;")


def anew(ground: Ground) -> None:
    psql(
        ground,
        "DROP DATABASE IF EXISTS harbour WITH (FORCE);\n"
        "CREATE DATABASE harbour OWNER synapse TEMPLATE harbour_kept;",
    )


POSTGRESQL_HARM = {
    "row lost": ("DELETE FROM ships WHERE id = 77", "ships"),
    "row more": ("INSERT INTO ports VALUES (4711, 1)", "ports"),
    "row of twins lost": (
        "DELETE FROM no_key WHERE ctid = (SELECT min(ctid) FROM no_key WHERE word = 'twice')",
        "no_key",
    ),
    "row lost, another twice": (
        "DELETE FROM no_key WHERE word = 'once'; INSERT INTO no_key VALUES ('twice')",
        "no_key",
    ),
    "all rows lost": ("TRUNCATE ports", "ports"),
    "row of a partition lost": ("DELETE FROM parts", "parts"),
    "row of an unlogged table lost": ("DELETE FROM fleeting", "fleeting"),
    "row of an odd table lost": ('DELETE FROM "odd ""schema"."t; --" WHERE n IS NULL', "odd"),
    "value by its last digit": ("UPDATE ships SET weight = weight + 1e-15 WHERE id = 1", "ships"),
    "time by a microsecond": (
        "UPDATE ships SET made = made + interval '1 microsecond' WHERE id = 5",
        "ships",
    ),
    "scale of a number": ("UPDATE ships SET length = 1.1 WHERE id = 1", "ships"),
    "empty became null": ("UPDATE ships SET note = NULL WHERE id = 9", "ships"),
    "bytes": ("UPDATE ships SET data = '\\x00fe' WHERE id = 9", "ships"),
    "values swapped": (
        "UPDATE ships SET weight = CASE id WHEN 1 THEN 2 ELSE 1 END / 3.0::float8 WHERE id < 3",
        "ships",
    ),
    "stale sequence": ("SELECT setval('ships_id_seq', 300)", "ships_id_seq"),
    "sequence not called": ("SELECT setval('ships_id_seq', 4711, false)", "ships_id_seq"),
    "sequence steps otherwise": ("ALTER SEQUENCE ships_id_seq INCREMENT 2", "schema"),
    "sequence lost": ("ALTER TABLE ships ALTER id DROP DEFAULT; DROP SEQUENCE ships_id_seq", ""),
    "large object lost": ("SELECT lo_unlink(4242)", "large objects"),
    "empty large object lost": ("SELECT lo_unlink(4243)", "large objects"),
    "large object changed": ("SELECT lo_put(4242, 2, '\\x04')", "large objects"),
    "large object short": (
        "SELECT lo_truncate(lo_open(4242, 131072), 4)",
        "large objects",
    ),
    "large object given away": ("ALTER LARGE OBJECT 4242 OWNER TO reader", "large objects"),
    "extension lost": ("DROP EXTENSION vector", "extension"),
    "extension of another version": (
        "UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'vector'",
        "extension",
    ),
    "table lost": ("DROP TABLE no_key", "relation"),
    "table more": ("CREATE TABLE later (n int)", "relation"),
    "column lost": ("ALTER TABLE ships DROP note CASCADE", ""),
    "column of another type": ("ALTER TABLE fleeting ALTER n TYPE bigint", "schema"),
    "column sorted otherwise": (
        'DROP VIEW heavy; ALTER TABLE ships ALTER "Name" TYPE text COLLATE "POSIX";'
        "CREATE VIEW heavy AS SELECT * FROM ships WHERE weight > 50;"
        "ALTER VIEW heavy OWNER TO postgres",
        "schema",
    ),
    "column must not be null": ("ALTER TABLE ships ALTER weight SET NOT NULL", "schema"),
    "default lost": ("ALTER TABLE ships ALTER colour DROP DEFAULT", "schema"),
    "default of another value": ("ALTER TABLE ships ALTER colour SET DEFAULT 'green'", "schema"),
    "index lost": ("DROP INDEX by_weight", ""),
    "index of another column": (
        "DROP INDEX by_weight; CREATE INDEX by_weight ON ships (made)",
        "schema",
    ),
    "check lost": ("ALTER TABLE ships DROP CONSTRAINT ships_length_check", ""),
    "foreign key lost": ("ALTER TABLE ports DROP CONSTRAINT ports_ship_fkey", ""),
    "trigger off": ("ALTER TABLE ports DISABLE TRIGGER watching", "schema"),
    "trigger lost": ("DROP TRIGGER watching ON ports", ""),
    "row security off": ("ALTER TABLE ports DISABLE ROW LEVEL SECURITY", "schema"),
    "policy lost": ("DROP POLICY own ON ports", "schema"),
    "view means another": (
        "CREATE OR REPLACE VIEW heavy AS SELECT * FROM ships WHERE weight > 51",
        "schema",
    ),
    "function means another": (
        "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 3 * n'",
        "schema",
    ),
    "value of a type more": ("ALTER TYPE flag ADD VALUE 'blue'", "schema"),
    "comment lost": ("COMMENT ON TABLE ships IS NULL", "schema"),
    "owner of a table": ("ALTER TABLE no_key OWNER TO keeper", ""),
    "grant lost": ("REVOKE SELECT ON ships FROM reader", "schema"),
    "grant on a column lost": ("REVOKE UPDATE (weight) ON ships FROM keeper", ""),
    "grant on a schema lost": ('REVOKE USAGE ON SCHEMA "odd ""schema" FROM reader', "schema"),
    "grant more": ("GRANT ALL ON ships TO PUBLIC", "schema"),
    "grant on new tables lost": (
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM reader",
        "schema",
    ),
    "materialised view empty": ("REFRESH MATERIALIZED VIEW counted WITH NO DATA", ""),
    "materialised view lost": ("DROP MATERIALIZED VIEW counted", ""),
}


@pytest.mark.parametrize("name", POSTGRESQL_HARM)
def test_damage_to_a_postgresql_database_is_found(postgresql: Move, name: str) -> None:
    sql, named = POSTGRESQL_HARM[name]
    anew(postgresql.target.ground)
    psql(postgresql.target.ground, f"BEGIN; {sql}; COMMIT;", "harbour")
    why = found(postgresql)
    assert why
    assert named in why


def test_the_copy_that_damage_begins_from_is_the_same(postgresql: Move) -> None:
    anew(postgresql.target.ground)
    assert found(postgresql) == ""


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C'", "collate"),
        ("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'", "ctype"),
        ("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'", "encoding"),
    ],
    ids=["collation", "character types", "encoding"],
)
def test_the_same_rows_in_a_database_of_another_kind_are_found(
    postgresql: Move, words: str, named: str
) -> None:
    ground = postgresql.target.ground
    anew(ground)
    copied = (
        "set -o pipefail; runuser -u postgres -- pg_dump -Fc harbour_kept |"
        " runuser -u postgres -- pg_restore -d harbour"
    )
    psql(ground, "DROP DATABASE harbour WITH (FORCE);")
    psql(ground, f"CREATE DATABASE harbour OWNER synapse TEMPLATE template0 {words};")
    ground.place.shell.run(("bash", "-c", copied))
    assert named in found(postgresql)


OUTSIDE = {
    "owner of the database": ("ALTER DATABASE harbour OWNER TO keeper", "owner", ""),
    "attribute of a role": (
        "ALTER ROLE reader CREATEDB",
        "role reader",
        "ALTER ROLE reader NOCREATEDB",
    ),
    "membership in a role": ("GRANT reader TO keeper", "membership", "REVOKE reader FROM keeper"),
    "setting of the database": (
        "ALTER DATABASE harbour SET statement_timeout = '7s'",
        "settings",
        "",
    ),
    "setting of a role in the database": (
        "ALTER ROLE synapse IN DATABASE harbour SET search_path = 'odd'",
        "settings",
        "",
    ),
    "grant on the database": ("REVOKE CONNECT ON DATABASE harbour FROM PUBLIC", "rights", ""),
}
"""Of the server, about the database; and what takes it back where a new database does not."""


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_the_server_says_about_a_database_is_compared(postgresql: Move, name: str) -> None:
    sql, named, back = OUTSIDE[name]
    anew(postgresql.target.ground)
    psql(postgresql.target.ground, f"{sql};")
    try:
        assert named in found(postgresql)
    finally:
        if back:
            psql(postgresql.target.ground, f"{back};")


def test_a_database_that_is_lost_is_found_and_brought_again(postgresql: Move) -> None:
    psql(postgresql.target.ground, "DROP DATABASE harbour WITH (FORCE);")
    assert "target" in found(postgresql)
    postgresql.bring()
    assert found(postgresql) == ""


def test_a_function_that_means_another_is_mended(postgresql: Move) -> None:
    anew(postgresql.target.ground)
    sql, _ = POSTGRESQL_HARM["function means another"]
    psql(postgresql.target.ground, f"{sql};", "harbour")
    postgresql.bring(thorough=True)
    assert found(postgresql) == ""


# --- MariaDB --------------------------------------------------------------------------------

MARIADB_HARM = {
    "row lost": ("DELETE FROM ports WHERE id = 2", "ports", "INSERT INTO ports VALUES (2, 2)"),
    "row more": (
        "INSERT INTO no_key VALUES ('more')",
        "no_key",
        "DELETE FROM no_key WHERE word = 'more'",
    ),
    "row of twins lost": (
        "DELETE FROM no_key WHERE word = 'twice' LIMIT 1",
        "no_key",
        "INSERT INTO no_key VALUES ('twice')",
    ),
    "empty became null": (
        "UPDATE no_key SET word = NULL WHERE word = ''",
        "no_key",
        "UPDATE no_key SET word = '' WHERE word IS NULL",
    ),
    "letter of another case": (
        "UPDATE no_key SET word = 'TWICE' WHERE word = 'twice' LIMIT 1",
        "no_key",
        "UPDATE no_key SET word = 'twice' WHERE BINARY word = 'TWICE'",
    ),
    "space at the end": (
        "UPDATE ships SET `Name` = 'ship 7 ' WHERE id = 7",
        "ships",
        "UPDATE ships SET `Name` = 'ship 7' WHERE id = 7",
    ),
    "value by its last digit": (
        "UPDATE ships SET weight = weight + 1e-15 WHERE id = 1",
        "ships",
        "UPDATE ships SET weight = id / 3 WHERE id = 1",
    ),
    "float by its last digit": (
        "UPDATE ships SET load_ = load_ + 0.00000005 WHERE id = 1",
        "ships",
        "UPDATE ships SET load_ = CAST(id / 3 AS DOUBLE) WHERE id = 1",
    ),
    "time by a microsecond": (
        "UPDATE ships SET made = made + INTERVAL 1 MICROSECOND WHERE id = 5",
        "ships",
        "UPDATE ships SET made = made - INTERVAL 1 MICROSECOND WHERE id = 5",
    ),
    "bytes": (
        "UPDATE `odd``name; --` SET `homeport row` = x'deadbeef01' WHERE x = 1",
        "odd",
        "UPDATE `odd``name; --` SET `homeport row` = x'deadbeef00' WHERE x = 1",
    ),
    "values swapped": (
        "UPDATE ports SET ship = 3 - ship",
        "ports",
        "UPDATE ports SET ship = 3 - ship",
    ),
    "past of a row changed": (
        "DELETE HISTORY FROM told",
        "told",
        "SET system_versioning_insert_history = 1;"
        "INSERT INTO told (n, row_start, row_end) SELECT * FROM elsewhere.told_kept WHERE n = 1",
    ),
    "stale sequence": ("DO SETVAL(numbers, 500)", "numbers", None),
    "stale automatic number": (
        "ALTER TABLE ships AUTO_INCREMENT = 5000",
        "ships",
        "ALTER TABLE ships AUTO_INCREMENT = 4711",
    ),
    "table lost": (
        "RENAME TABLE no_key TO elsewhere.no_key",
        "no_key",
        "RENAME TABLE elsewhere.no_key TO no_key",
    ),
    "table more": ("CREATE TABLE later (n int)", "later", "DROP TABLE later"),
    "column of another type": (
        "ALTER TABLE ports ADD more bigint",
        "ports",
        "ALTER TABLE ports DROP more",
    ),
    "column sorted otherwise": (
        "ALTER TABLE no_key MODIFY word text COLLATE utf8mb4_bin",
        "table no_key",
        "ALTER TABLE no_key MODIFY word text",
    ),
    "index lost": (
        "ALTER TABLE ships DROP INDEX `Name`",
        "table ships",
        "ALTER TABLE ships ADD UNIQUE INDEX `Name` (`Name`)",
    ),
    "foreign key lost": (
        "ALTER TABLE ports DROP FOREIGN KEY ports_ibfk_1",
        "table ports",
        "ALTER TABLE ports ADD CONSTRAINT ports_ibfk_1 FOREIGN KEY (ship) REFERENCES ships (id)",
    ),
    "collation of the database": (
        "ALTER DATABASE harbour COLLATE utf8mb4_bin",
        "collation",
        "ALTER DATABASE harbour COLLATE utf8mb4_unicode_ci",
    ),
    "character set of the database": (
        "ALTER DATABASE harbour CHARACTER SET latin1",
        "charset",
        "ALTER DATABASE harbour CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    ),
    "view means another": (
        "CREATE OR REPLACE VIEW heavy AS SELECT * FROM harbour.ships WHERE weight > 101",
        "view heavy",
        "CREATE OR REPLACE VIEW heavy AS SELECT * FROM harbour.ships WHERE weight > 100",
    ),
    "function means another": (
        "CREATE OR REPLACE FUNCTION twice (n int) RETURNS int DETERMINISTIC RETURN 3 * n",
        "function twice",
        None,
    ),
    "procedure lost": ("DROP PROCEDURE sink", "procedure sink", None),
    "trigger lost": ("DROP TRIGGER watching", "trigger", None),
    "event off": ("ALTER EVENT nightly DISABLE", "event nightly", "ALTER EVENT nightly ENABLE"),
    "grant lost": (
        "REVOKE SELECT ON harbour.* FROM reader@'%'",
        "reader",
        "GRANT SELECT ON harbour.* TO reader@'%'",
    ),
    "grant on a column lost": (
        "REVOKE UPDATE (note) ON ships FROM keeper",
        "keeper",
        "GRANT UPDATE (note) ON ships TO keeper",
    ),
    "grant more": (
        "GRANT DELETE ON ports TO reader@'%'",
        "reader",
        "REVOKE DELETE ON ports FROM reader@'%'",
    ),
    "grant for everywhere": (
        "GRANT PROCESS ON *.* TO reader@'%'",
        "reader",
        "REVOKE PROCESS ON *.* FROM reader@'%'",
    ),
    "role lost": ("REVOKE keeper FROM reader@'%'", "keeper", "GRANT keeper TO reader@'%'"),
    "another may read": (
        "CREATE USER eve; GRANT SELECT ON harbour.* TO eve",
        "eve",
        "DROP USER eve",
    ),
    "password of another": (
        "ALTER USER reader@'%' IDENTIFIED BY 'canary-other'",
        "reader",
        "ALTER USER reader@'%' IDENTIFIED BY 'canary-reader'",
    ),
    "all of it": ("DROP DATABASE harbour", "target", None),
}
"""What is done, what is named, and what takes it back; None where it is brought over anew."""


@pytest.fixture(scope="module")
def mariadb_move(grounds: Grounds) -> Iterator[Move]:
    for move in moved(grounds, "mariadb"):
        move.here.make()
        move.bring()
        ask = "SELECT n, row_start, row_end FROM harbour.told FOR SYSTEM_TIME ALL"
        made = f"CREATE DATABASE elsewhere; CREATE TABLE elsewhere.told_kept AS {ask};"
        mariadb(move.target.ground, made)
        yield move
        mariadb(move.target.ground, "DROP DATABASE elsewhere;")


@pytest.mark.parametrize("name", MARIADB_HARM)
def test_damage_to_a_mariadb_database_is_found(mariadb_move: Move, name: str) -> None:
    sql, named, back = MARIADB_HARM[name]
    target = mariadb_move.target.ground
    mariadb(target, f"{sql};", "harbour")
    try:
        assert named in found(mariadb_move)
    finally:
        if back is None:
            mariadb_move.bring(thorough=True)
        else:
            mariadb(target, f"{back};", "harbour")


def test_no_damage_to_a_mariadb_database_is_left(mariadb_move: Move) -> None:
    """Each of the above was taken back, so none was found in place of another."""
    assert found(mariadb_move) == ""


# --- mailboxes ------------------------------------------------------------------------------


@dataclass(frozen=True)
class MailHarm:
    """do: to the directory of a user's mail at the target, or by Dovecot there."""

    do: Callable[[Path, Dovecot], object]
    named: str = "ada"


def message(at: Path, number: int) -> Path:
    """The file of the inbox's message; they are named in the order of their arrival."""
    return sorted(a_message_of(at), key=lambda path: path.name)[number]


def a_message_of(at: Path) -> Iterator[Path]:
    return (path for name in ("cur", "new") for path in (at / name).iterdir())


def rewritten(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


MAIL_HARM = {
    "bit of a message": MailHarm(lambda at, _: put(message(at, 0), 3, b"\x01"), "INBOX"),
    "message lost": MailHarm(lambda at, _: message(at, 1).unlink(), "INBOX"),
    "message more": MailHarm(lambda _, ask: ask("save", text="Subject: more"), "INBOX"),
    "message short": MailHarm(lambda at, _: os.truncate(message(at, 0), 15), ""),
    "flag lost": MailHarm(
        lambda _, ask: ask("flags", "remove", "\\Seen", "mailbox", "INBOX", "uid", "3"), "INBOX"
    ),
    "flag more": MailHarm(
        lambda _, ask: ask("flags", "add", "\\Answered", "mailbox", "INBOX", "uid", "4"), "INBOX"
    ),
    "keyword means another": MailHarm(
        lambda at, _: rewritten(at / "dovecot-keywords", "$Ship", "$Boat"), "INBOX"
    ),
    "day of arrival": MailHarm(lambda at, _: os.utime(message(at, 0), (1, 1)), "arrived"),
    "numbers valid with another": MailHarm(
        lambda _, ask: ask("mailbox", "update", "--uid-validity", "77", "INBOX"), "INBOX"
    ),
    "next number": MailHarm(
        lambda _, ask: ask("mailbox", "update", "--min-next-uid", "99", "INBOX"), "INBOX"
    ),
    "subscription lost": MailHarm(
        lambda _, ask: ask("mailbox", "unsubscribe", "Sent"), "subscribed"
    ),
    "empty mailbox lost": MailHarm(
        lambda _, ask: ask("mailbox", "delete", "D\u00fcnen"), "D\u00fcnen"
    ),
    "mailbox more": MailHarm(lambda _, ask: ask("mailbox", "create", "More"), "More"),
    "all of a user": MailHarm(lambda at, _: shutil.rmtree(at), ""),
}


@pytest.fixture(scope="module")
def mail(grounds: Grounds) -> Iterator[Move]:
    for move in moved(grounds, "maildir"):
        move.here.make()
        yield move


@pytest.mark.parametrize("name", MAIL_HARM)
def test_damage_to_mailboxes_is_found_and_mended(mail: Move, name: str) -> None:
    harm, top = MAIL_HARM[name], Path(mail.target.unit.locator)
    mail.bring(thorough=True)
    assert found(mail) == ""
    harm.do(top / "ships.test/ada/Maildir", Dovecot(mail.target.ground))
    why = found(mail)
    assert why
    assert harm.named in why


def test_mailboxes_are_the_same_after_the_last_damage(mail: Move) -> None:
    mail.bring(thorough=True)
    assert found(mail) == ""


# --- buckets --------------------------------------------------------------------------------

BUCKET_HARM: dict[str, tuple[Callable[[Objects], object], str]] = {
    "bit": (lambda at: at.put("plain", b"plaiN" + b"plain" * 999), "plain"),
    "short": (lambda at: at.put("plain", b"plain"), "plain"),
    "object lost": (lambda at: at.bucket.remove("empty"), "empty"),
    "object more": (lambda at: at.put("more", b""), "more"),
    "object of another case": (lambda at: at.put("Plain", b"plain" * 1000), "Plain"),
    "metadata lost": (lambda at: at.put("empty", b""), "empty"),
    "metadata changed": (lambda at: at.put("empty", b"", x_amz_meta_owner="eve"), "empty"),
    "header lost": (lambda at: at.put("told", b"told", content_language="de"), "told"),
    "type changed": (
        lambda at: at.put("d\u00fcnen/a b+c&d?.txt", b"odd", "kind", content_type="text/html"),
        "nen/a b",
    ),
    "tag lost": (
        lambda at: at.put("d\u00fcnen/a b+c&d?.txt", b"odd", content_type="text/plain"),
        "nen/a b",
    ),
    "tag more": (
        lambda at: at.put(
            "d\u00fcnen/a b+c&d?.txt", b"odd", "kind", "more", content_type="text/plain"
        ),
        "nen/a b",
    ),
    "all of it": (lambda at: [at.bucket.remove(key) for key in at.bucket.histories(False)], ""),
}


@pytest.fixture(scope="module")
def bucket(grounds: Grounds) -> Iterator[Move]:
    for move in moved(grounds, "s3"):
        move.here.make()
        for side in (move.source, move.target):
            place = side.ground.place
            place.directory(place.paths.base, "0755", "root:root")
        yield move


@pytest.mark.parametrize("name", BUCKET_HARM)
def test_damage_to_a_bucket_is_found_and_mended(bucket: Move, name: str) -> None:
    do, named = BUCKET_HARM[name]
    bucket.bring(thorough=True)
    kind = bucket.here.kind
    assert isinstance(kind, ReadsAhead)
    kind.read_ahead(bucket.source, bucket.target)
    assert found(bucket) == ""
    do(Objects(bucket.target.ground))
    why = found(bucket)
    assert why
    assert named in why


def test_what_was_read_ahead_of_a_bucket_is_not_read_again(bucket: Move) -> None:
    bucket.bring(thorough=True)
    kind = bucket.here.kind
    assert isinstance(kind, BucketKind)
    kind.settle(bucket.source, bucket.target, bucket.passage)
    whole = 2 * kind.measure(bucket.source.unit, bucket.source.ground).bytes
    assert kind.read_ahead(bucket.source, bucket.target) == whole
    assert kind.read_ahead(bucket.source, bucket.target) == 0
    Objects(bucket.source.ground).put("empty", b"now", x_amz_meta_owner="ada")
    assert kind.read_ahead(bucket.source, bucket.target) == 3
    assert "empty" in found(bucket)


def test_objects_come_over_though_others_come_and_go_meanwhile(bucket: Move) -> None:
    here, over = Objects(bucket.source.ground), threading.Event()
    kind = bucket.here.kind
    assert isinstance(kind, ReadsAhead)

    def stir() -> None:
        for number in itertools.count():
            key = f"stirred/{number % 30}"
            if number % 3:
                here.put(key, b"x" * (number % 1000), x_amz_meta_at=str(number))
            else:
                here.bucket.remove(key)
            if over.is_set():
                return

    with ThreadPoolExecutor(1) as beside:
        stirring = beside.submit(stir)
        try:
            for _ in range(3):
                kind.seed(bucket.source, bucket.target, bucket.passage)
                kind.read_ahead(bucket.source, bucket.target)
        finally:
            over.set()
        stirring.result()
    bucket.bring()
    assert found(bucket) == ""


def test_a_large_object_comes_over_in_parts(bucket: Move) -> None:
    here, there = Objects(bucket.source.ground), Objects(bucket.target.ground)
    content = bytes(range(256)) * (36 << 12)
    here.put("large", content, "tag", x_amz_meta_owner="ada")
    assert bucket.bring().bytes >= len(content)
    assert there.shown()["large"][0] == content
    assert "-" in there.bucket.histories(False)["large"][0]["etag"]
    assert found(bucket) == ""
    assert bucket.bring().items == 0
    # As slowly as it is told to, whatever number of connections there is.
    for objects in (here, there):
        objects.bucket.remove("large")
    for number in range(4):
        here.put(f"part/{number}", content[: 256 << 10])
    began = time.monotonic()
    kind, slowly = bucket.here.kind, replace(bucket.passage, limit=512)
    assert kind.seed(bucket.source, bucket.target, slowly).bytes == 1 << 20
    assert time.monotonic() - began > 1.9
    assert found(bucket) == ""


VERSION_HARM: dict[str, Callable[[Objects, list[dict[str, Any]]], object]] = {
    "version lost": lambda at, has: at.bucket.remove("kept", has[0]["version"]),
    "deletion forgotten": lambda at, has: at.bucket.remove("kept", has[2]["version"]),
    "version more": lambda at, has: at.put("kept", b"fourth"),
    "deleted": lambda at, has: at.bucket.remove("kept"),
}


def test_versions_come_over_in_their_order_and_damage_to_them_is_found(bucket: Move) -> None:
    here, there = Objects(bucket.source.ground), Objects(bucket.target.ground)
    bucket.bring()
    s3.set_versioning(here.bucket, "Enabled")
    assert "versioning" in found(bucket)
    for content in (b"first", b"second", b"", b"third"):
        here.put("kept", content, "tag") if content else here.bucket.remove("kept")
    for harm in VERSION_HARM.values():
        bucket.bring()
        assert found(bucket) == ""
        harm(there, there.bucket.histories(True)["kept"])
        assert "kept" in found(bucket)
    bucket.bring()
    assert found(bucket) == ""
    assert bucket.bring().items == 0


# --- Redis ----------------------------------------------------------------------------------

REDIS = (
    "FLUSHALL", "SET word one", "SET short-lived x EX 100000", "RPUSH queue a b c d",
    "HSET ship name Argo crew 50", "SADD ports x y z", "ZADD depth 1.5 a 2 b",
    "XADD log 1-1 k v", "XADD log 2-1 k w", "XGROUP CREATE log workers 0",
    "XREADGROUP GROUP workers ada COUNT 1 STREAMS log >", "SELECT 3", "SET other three",
)  # fmt: skip
REDIS_HARM = {
    "value": ("SET word onf",),
    "key lost": ("DEL word",),
    "key more": ("SET more 1",),
    "key became another type": ("DEL word", "RPUSH word one"),
    "entry of a queue lost": ("LPOP queue",),
    "queue in another order": ("RPOPLPUSH queue queue",),
    "field lost": ("HDEL ship crew",),
    "member lost": ("SREM ports y",),
    "score": ("ZADD depth 1.25 a",),
    "entry of a stream lost": ("XDEL log 1-1",),
    "key of another database lost": ("SELECT 3", "DEL other"),
    "key in another database": ("MOVE word 5",),
    "all of it": ("FLUSHALL",),
    "expiry lost": ("PERSIST short-lived",),
    "expiry more": ("EXPIRE word 100000",),
    "expiry far too soon": ("EXPIRE short-lived 100",),
    "expiry too late": ("EXPIRE short-lived 100060",),
    "readers of a stream lost": ("XGROUP DESTROY log workers",),
    "readers begin elsewhere": ("XGROUP SETID log workers 0",),
    "entry that is being worked on lost": ("XACK log workers 1-1",),
    "last number of a stream": ("XSETID log 9-9",),
}


@pytest.mark.parametrize("name", REDIS_HARM)
def test_damage_to_redis_is_found(redis: Move, name: str) -> None:
    ask = RedisClient(redis.target.ground)
    RedisClient(redis.source.ground)(*REDIS)
    ask("FLUSHALL")
    redis.bring()
    assert found(redis) == ""
    ask(*REDIS_HARM[name])
    assert "database" in found(redis)


def test_an_expiry_that_was_lost_is_mended(redis: Move) -> None:
    RedisClient(redis.source.ground)(*REDIS)
    ask = RedisClient(redis.target.ground)
    ask("FLUSHALL")
    redis.bring()
    ask(*REDIS_HARM["expiry lost"])
    redis.bring(thorough=True)
    assert found(redis) == ""
