"""A PostgreSQL database that goes to a server of another major: row by row while it serves.

PostgreSQL 16 at the source, 18 at the target, on guests at two providers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from engine.errors import RemoteFailure
from engine.state.protocols import Ground
from tests.conformance.test_state_conformance import psql
from tests.conformance.test_state_moves import Grounds, Move, grounds, moved
from tests.conformance.test_state_postgresql import (
    UNLOGGED,
    UNLOGGED_SHOWN,
    Listening,
    mortal,
    seed,
    settle,
    with_places,
)

__all__ = ["grounds"]

pytestmark = pytest.mark.integration

MORE = """\
CREATE SCHEMA "Hold"; ALTER SCHEMA "Hold" OWNER TO synapse;
CREATE TABLE "Hold"."Ca'rgo" (ship int REFERENCES ships (id), told json, half int
  GENERATED ALWAYS AS (ship / 2) STORED, PRIMARY KEY (ship));
ALTER TABLE "Hold"."Ca'rgo" OWNER TO synapse;
ALTER TABLE "Hold"."Ca'rgo" ENABLE ROW LEVEL SECURITY;
INSERT INTO "Hold"."Ca'rgo" SELECT n, '{"n": 1}' FROM generate_series(20, 120) n;
CREATE TABLE log (at int, word text) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (100);
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (100) TO (200);
INSERT INTO log SELECT n, 'w' || n FROM generate_series(1, 150) n;
CREATE MATERIALIZED VIEW "Counted" AS SELECT count(*) FROM no_key;
CREATE MATERIALIZED VIEW twice AS SELECT 2 * count FROM "Counted";
CREATE MATERIALIZED VIEW unread AS SELECT 1 WITH NO DATA;
ALTER TABLE used_up REPLICA IDENTITY NOTHING;
CREATE ROLE mate; SELECT lo_from_bytea(4243, '\\x07'); ALTER LARGE OBJECT 4243 OWNER TO mate;
GRANT SELECT ON LARGE OBJECT 4242 TO reader;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not here'; END $$;
"""
WRITTEN = """\
UPDATE no_key SET word = 'once' WHERE ctid = (SELECT min(ctid) FROM no_key);
DELETE FROM used_up WHERE key = 'a';
UPDATE log SET at = 120 WHERE at = 7;
UPDATE "Hold"."Ca'rgo" SET told = '{"n": 2}' WHERE ship < 30;
INSERT INTO ships ("Name") VALUES ('late');
REFRESH MATERIALIZED VIEW "Counted"; REFRESH MATERIALIZED VIEW twice;
"""
SHOWN = """\
SELECT word FROM no_key ORDER BY 1; SELECT key FROM used_up; SELECT count(*) FROM log_2;
SELECT sum(half), min(told::text) FROM "Hold"."Ca'rgo"; SELECT * FROM twice;
SELECT lomowner::regrole, lomacl FROM pg_largeobject_metadata ORDER BY oid;
SELECT relname, relreplident FROM pg_class WHERE relname IN ('used_up', 'no_key') ORDER BY 1;
"""
LEFT = """\
SELECT rolname FROM pg_roles WHERE rolname ~ 'homeport';
SELECT slot_name FROM pg_replication_slots;
SELECT subname FROM pg_subscription;
SELECT datname FROM pg_database WHERE datname ~ 'homeport';
SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size';
"""


@pytest.fixture(scope="module")
def apart(grounds: Grounds) -> Grounds:
    """The source lets rows be replicated, and the target's server is a newer one."""
    source, target, _ = grounds
    psql(source, "ALTER SYSTEM SET wal_level = logical;")
    source.place.shell.run(("systemctl", "restart", "postgresql.service"))
    make_newer(target)
    return grounds


def make_newer(ground: Ground) -> None:
    """The guest has PostgreSQL 18 in the place of 16."""
    root = Path(ground.place.facts.root)
    old, new = (root / f"usr/lib/postgresql/{major}/bin" for major in (16, 18))
    programs = old.resolve().parent.parent / "pginstall18/bin"
    if not programs.exists():
        pytest.skip("the package of PostgreSQL does not have another major")
    new.parent.mkdir()
    new.symlink_to(programs)
    before, data = (root / f"var/lib/postgresql/{major}/main" for major in (16, 18))
    ground.place.shell.run(("systemctl", "stop", "postgresql.service"))
    data.mkdir(parents=True, mode=0o700)
    os.chown(data, before.stat().st_uid, before.stat().st_gid)
    initdb = (str(new / "initdb"), "-D", str(data), "--username=postgres", "--no-sync")
    words = ("--auth-local=trust", "--auth-host=scram-sha-256", "--locale=C.UTF-8")
    ground.place.shell.run(("runuser", "-u", "postgres", "--", *initdb, "--encoding=UTF8", *words))
    for name in ("postgresql.conf", "pg_hba.conf"):
        (data / name).write_bytes((before / name).read_bytes())
    scripts = [*(root / "usr/bin").iterdir(), root / "usr/lib/systemd/system/postgresql.service"]
    for script in scripts:
        text = script.read_bytes() if script.is_file() and not script.is_symlink() else b""
        changed = text.replace(bytes(old.resolve()), bytes(programs))
        changed = changed.replace(bytes(old), bytes(new)).replace(bytes(before), bytes(data))
        if changed != text:
            script.write_bytes(changed)
    ground.place.shell.run(("systemctl", "daemon-reload"))
    ground.place.shell.run(("systemctl", "start", "postgresql.service"))
    assert psql(ground, "SHOW server_version").startswith("18")
    psql(ground, "CREATE ROLE synapse LOGIN")


@pytest.fixture
def move(apart: Grounds) -> Iterator[Move]:
    for move in moved(apart, "postgresql"):
        move.here.make()
        psql(move.source.ground, MORE, "harbour")
        yield move
        settle(move)
        for side in (move.source, move.target):
            psql(side.ground, "DROP DATABASE IF EXISTS harbour; DROP ROLE IF EXISTS mate;")


def settled(move: Move) -> tuple[str, str, bytes]:
    """What a move must leave as it was."""
    source, target = move.source.ground, move.target.ground
    hba = Path(psql(source, "SHOW hba_file")).read_bytes()
    return psql(source, LEFT), psql(target, LEFT), hba


def test_rows_come_over_while_they_are_written_and_all_else_after_the_freeze(move: Move) -> None:
    source = move.source.ground
    psql(source, UNLOGGED, "harbour")
    before, identities = settled(move), psql(source, SHOWN, "harbour").splitlines()[-2:]
    heard = Listening()
    told = with_places(move, lambda place: replace(place, work=heard))
    assert seed(told).bytes > 1 << 20
    assert any("row by row: PostgreSQL 16 at the source, 18" in line for line in heard.lines)
    psql(source, WRITTEN, "harbour")
    assert seed(move).bytes == 0
    move.here.change()
    psql(source, "SELECT nextval('ships_id_seq') FROM generate_series(1, 40)", "harbour")

    # DDL in `change`: the schema is another one, so that it begins anew.
    assert seed(told).bytes > 1 << 20
    assert any("the schema was changed" in line for line in heard.lines)
    wanted, unlogged = move.here.shown(), psql(source, UNLOGGED_SHOWN, "harbour")
    move.bring()
    assert move.there.shown() == wanted
    assert psql(move.target.ground, SHOWN, "harbour") == psql(source, SHOWN, "harbour")
    assert psql(source, SHOWN, "harbour").splitlines()[-2:] == identities
    assert psql(move.target.ground, UNLOGGED_SHOWN, "harbour") == unlogged
    assert move.compare().level == 2
    move.bring()
    settle(move)
    assert settled(move) == before
    psql(move.target.ground, "UPDATE no_key SET word = 'damaged'", "harbour")
    with pytest.raises(RemoteFailure, match=r"table public\.no_key"):
        move.compare()


def test_changed_in_the_last_moment_it_is_dumped(move: Move) -> None:
    before = settled(move)
    seed(move)
    psql(move.source.ground, "ALTER TABLE no_key ADD COLUMN late int DEFAULT 3", "harbour")
    wanted = move.here.shown()
    move.bring()
    assert move.there.shown() == wanted
    assert psql(move.target.ground, "SELECT sum(late) FROM no_key", "harbour") == "6"
    assert settled(move) == before


def test_cancelled_nothing_is_left_at_either_side(move: Move) -> None:
    before, shown = settled(move), psql(move.source.ground, SHOWN, "harbour")
    seed(move)
    assert psql(move.source.ground, "SELECT count(*) FROM pg_replication_slots") == "1"
    for _ in range(2):
        settle(move)
    assert settled(move) == before
    assert psql(move.source.ground, SHOWN, "harbour") == shown


def test_killed_at_any_moment_it_ends_the_same(move: Move) -> None:
    before, wanted = settled(move), move.here.shown()
    for act in (seed, Move.bring, settle):
        seconds = 0.4
        while True:
            try:
                act(with_places(move, partial(mortal, seconds)))
                break
            except RemoteFailure:
                seconds *= 1.7
                assert seconds < 60, "it never came to an end"
    assert move.there.shown() == wanted
    assert move.compare().level == 2
    assert settled(move) == before


def test_what_rows_cannot_carry_is_dumped_and_the_log_says_why(move: Move) -> None:
    source = move.source.ground
    psql(source, "CREATE TABLE told (word json)", "harbour")
    heard = Listening()
    seed(with_places(move, lambda place: replace(place, work=heard)))
    assert re.search("dumped and restored .*told has no key and rows", " ".join(heard.lines))
    move.bring()
    assert move.compare().level == 2
