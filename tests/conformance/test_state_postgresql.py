"""What is special to a PostgreSQL server that is carried to another guest: while the source
serves the target follows it, and after the freeze it is a server of its own.

Two real servers on guests at two providers. Wherever it is broken off or killed it ends the
same, and taken back the source is as it was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import engine.state.postgresql
from engine.errors import NotReady, OutcomeUnknown, RemoteFailure
from engine.methods.place import Place
from engine.state import surveying
from engine.state.follower import facts_of
from engine.state.protocols import Ground, Settles, Side
from engine.state.standby import ClusterFacts
from tests.conformance.test_state_conformance import Mortal, psql
from tests.conformance.test_state_moves import Grounds, Move, ask, grounds, moved
from tests.integration.test_deploy_interrupted import Interrupted
from tests.quiet_work import Quiet

__all__ = ["grounds"]

pytestmark = pytest.mark.integration

CLUSTER = """\
DROP DATABASE IF EXISTS annex;
DROP ROLE IF EXISTS boatswain;
CREATE ROLE boatswain LOGIN PASSWORD 'canary-boatswain' VALID UNTIL '2031-01-01';
CREATE DATABASE annex OWNER boatswain;
ALTER ROLE boatswain IN DATABASE annex SET work_mem = '5MB';
"""
CLUSTER_SHOWN = """\
SELECT rolname, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'boatswain';
SELECT datname, datdba::regrole, datcollate FROM pg_database ORDER BY 1;
SELECT setconfig FROM pg_db_role_setting;
"""
LEFT = """\
SELECT rolname FROM pg_roles WHERE rolname ~ 'homeport';
SELECT slot_name FROM pg_replication_slots;
SELECT name, setting FROM pg_settings WHERE name IN ('wal_keep_size', 'primary_conninfo',
  'max_connections', 'port', 'listen_addresses');
"""


UNLOGGED = """\
CREATE UNLOGGED TABLE "Locks" (id serial PRIMARY KEY, word text);
INSERT INTO "Locks" (word) VALUES ('a'), ('b'), ('c');
SELECT setval('"Locks_id_seq"', 30);
"""
UNLOGGED_SHOWN = """\
SELECT count(*), (SELECT last_value FROM "Locks_id_seq") FROM "Locks"
"""


@dataclass
class Listening(Quiet):
    lines: list[str] = field(default_factory=list)

    def log(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def move(grounds: Grounds) -> Iterator[Move]:
    for move in moved(grounds, "postgresql"):
        move.here.make()
        yield move
        settle(move)


def seed(move: Move) -> Any:
    return move.here.kind.seed(move.source, move.target, move.passage)


def settle(move: Move) -> None:
    kind = move.here.kind
    assert isinstance(kind, Settles)
    kind.settle(move.source, move.target, move.passage)


def data(ground: Ground) -> Path:
    return Path(psql(ground, "SHOW data_directory"))


def own(ground: Ground) -> tuple[str, dict[str, bytes]]:
    """What a move must not change at a side: its settings and who may connect."""
    names = ("postgresql.conf", "pg_hba.conf", "postgresql.auto.conf")
    return psql(ground, LEFT), {name: (data(ground) / name).read_bytes() for name in names}


def test_what_is_written_while_it_is_copied_and_after_comes_over(move: Move) -> None:
    source, target = move.source.ground, move.target.ground
    psql(source, CLUSTER)
    psql(source, UNLOGGED, "harbour")
    before = own(source), own(target)
    assert seed(move).bytes > 1 << 20
    psql(source, "INSERT INTO no_key VALUES ('after the copy')", "harbour")
    psql(source, "SELECT nextval('ships_id_seq') FROM generate_series(1, 40)", "harbour")
    assert seed(move).bytes == 0
    assert psql(target, "SELECT pg_is_in_recovery()") == "t"
    move.here.change()
    wanted = move.here.shown()
    not_logged = psql(source, UNLOGGED_SHOWN, "harbour")

    move.bring()
    assert psql(target, "SELECT pg_is_in_recovery()") == "f"
    assert psql(target, UNLOGGED_SHOWN, "harbour") == not_logged == "3|30"
    assert move.there.shown() == wanted == move.here.shown()
    assert move.compare().level == 3
    assert psql(target, CLUSTER_SHOWN) == psql(source, CLUSTER_SHOWN)
    assert (own(source), own(target)) == before
    move.bring()
    settle(move)
    assert [path.name for path in data(target).parent.iterdir()] == ["main"]
    psql(target, "INSERT INTO no_key VALUES ('its own')", "harbour")
    with pytest.raises(RemoteFailure, match=r"table public\.no_key"):
        move.compare()


def test_cancelled_both_sides_are_as_they_were(move: Move) -> None:
    source, target = move.source.ground, move.target.ground
    psql(target, "COMMENT ON DATABASE postgres IS 'the target as it was'")
    psql(source, "ALTER SYSTEM SET wal_keep_size = '48MB'; SELECT pg_reload_conf();")
    before = own(source), own(target)
    seed(move)
    assert int(psql(source, "SELECT setting FROM pg_settings WHERE name = 'wal_keep_size'")) >= 64
    assert psql(source, "SELECT slot_name FROM pg_replication_slots") == ""
    for _ in range(2):
        settle(move)
    assert (own(source), own(target)) == before
    shown = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname='postgres'"
    assert psql(target, shown) == "the target as it was"
    assert [path.name for path in data(target).parent.iterdir()] == ["main"]
    psql(source, "ALTER SYSTEM RESET wal_keep_size; SELECT pg_reload_conf();")


def test_broken_off_at_any_command_it_ends_the_same(move: Move) -> None:
    psql(move.source.ground, UNLOGGED, "harbour")
    before = own(move.source.ground), own(move.target.ground)
    wanted = move.here.shown()
    for act in (seed, Move.bring, settle):
        for at in range(1, 60, 3):
            try:
                act(broken(move, at))
                break
            except OutcomeUnknown:
                continue
        else:
            raise AssertionError("it never came to an end")
    assert move.there.shown() == wanted
    assert move.compare().level == 3
    assert (own(move.source.ground), own(move.target.ground)) == before


def broken(move: Move, at: int) -> Move:
    """The same with shells at both sides that break at their n-th command."""

    def cut(place: Place) -> Place:
        shell: Any = Interrupted(place.shell, at, after=at % 2 == 0)  # type: ignore[arg-type]
        return replace(place, shell=shell)

    return with_places(move, cut)


def with_places(move: Move, change: Any) -> Move:
    source, target = (
        replace(side, ground=replace(side.ground, place=change(side.ground.place)))
        for side in (move.source, move.target)
    )
    places = {"source": source.ground.place, "target": target.ground.place}
    return replace(move, source=source, target=target, passage=replace(move.passage, **places))


def test_killed_at_any_moment_it_ends_the_same(move: Move) -> None:
    wanted = move.here.shown()
    for act in (seed, Move.bring, settle):
        seconds = 0.2
        while True:
            try:
                act(with_places(move, partial(mortal, seconds)))
                break
            except RemoteFailure:
                seconds *= 2
                assert seconds < 60, "it never came to an end"
    assert move.there.shown() == wanted
    assert move.compare().level == 3


def mortal(seconds: float, place: Place) -> Place:
    """With a shell whose programs are killed after so long."""
    shell: Any = Mortal(place.shell, seconds)
    return replace(place, shell=shell)


LARGE = """\
CREATE TABLE large (id int PRIMARY KEY, word text, gone int);
ALTER TABLE large DROP COLUMN gone;
INSERT INTO large SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 36000) n;
INSERT INTO large VALUES (0, (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 9999) n));
"""
HARMS = (
    "UPDATE large SET word = 'another' WHERE id = 30",
    "DELETE FROM large WHERE id = 30000",
    "UPDATE large SET word = reverse(word) WHERE id = 0",
    "INSERT INTO large VALUES (-1, 'more')",
    "CREATE TABLE copy AS SELECT * FROM large; TRUNCATE large;"
    " INSERT INTO large SELECT id, CASE id WHEN 17 THEN 'x' ELSE word END FROM copy;"
    " DROP TABLE copy",
)


def test_after_a_survey_all_that_was_written_since_is_compared(move: Move) -> None:
    """Whatever is written at either side after the survey is found, in blocks that were found the
    same before, too, and what the survey did not see yet."""
    source, target = move.source.ground, move.target.ground
    psql(source, LARGE, "harbour")
    heard = Listening()
    seed(with_places(move, lambda place: replace(place, work=heard)))
    assert "100 % of its large tables are compared already" in " ".join(heard.lines)
    psql(source, "DELETE FROM large WHERE id % 4000 = 1", "harbour")
    seed(move)
    psql(source, "UPDATE large SET word = 'late' WHERE id = 12345", "harbour")
    move.bring()
    left = surveying.left_to_read(move.source, move.target)
    assert left["public.large"]["rows"] > 20000, "most of it need not be read again"
    surveying.forget(move.source)
    assert surveying.left_to_read(move.source, move.target) == left, "it is asked once more"
    assert move.compare().level == 3

    for harm in HARMS:
        psql(target, harm, "harbour")
        with pytest.raises(RemoteFailure, match=r"public\.large"):
            move.compare()
        psql(source, harm, "harbour")
    assert move.compare().level == 3, "the same was done at both sides"


def test_damage_that_no_checksum_tells_is_found(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter of a row, and one of a long value, become others on the target's disk."""
    target = move.target.ground
    psql(move.source.ground, LARGE, "harbour")
    psql(move.source.ground, "VACUUM (FREEZE) large", "harbour")  # no page is logged once more
    with monkeypatch.context() as patched:
        patched.setattr(surveying, "survey", lambda *_: None)
        seed(move)
    top = data(target)
    files = [
        top / psql(target, f"SELECT pg_relation_filepath({table})", "harbour")
        for table in ("'large'", "(SELECT reltoastrelid FROM pg_class WHERE relname = 'large')")
    ]
    programs = psql(target, "SELECT setting FROM pg_config LIMIT 1")
    target.place.shell.run(("systemctl", "stop", "postgresql.service"))
    as_server = ("runuser", "-u", "postgres", "--")
    target.place.shell.run((*as_server, f"{programs}/pg_checksums", "--disable", "-D", str(top)))
    for file in files:
        content = bytearray(file.read_bytes())
        content[8000] ^= 1
        file.write_bytes(content)
    target.place.shell.run(("systemctl", "start", "postgresql.service"))
    heard = Listening()
    seed(with_places(move, lambda place: replace(place, work=heard)))
    assert re.search(r" 9[0-9] % of its large tables are compared", " ".join(heard.lines))
    move.bring()
    with pytest.raises(RemoteFailure, match=r"public\.large"):
        move.compare()
    psql(target, "UPDATE large SET word = word WHERE id = 0", "harbour")


def test_a_standby_that_fell_too_far_behind_begins_anew(move: Move) -> None:
    source, target = move.source.ground, move.target.ground
    seed(move)
    target.place.shell.run(("systemctl", "stop", "postgresql.service"))
    psql(source, "ALTER SYSTEM SET wal_keep_size = 0; SELECT pg_reload_conf();")
    for _ in range(4):
        psql(source, "INSERT INTO no_key VALUES ('x'); SELECT pg_switch_wal();", "harbour")
    psql(source, "CHECKPOINT; CHECKPOINT;")
    oldest = min(name for name in os.listdir(data(source) / "pg_wal") if len(name) == 24)
    assert oldest > "000000010000000000000003"
    assert seed(move).bytes > 1 << 20
    move.bring()
    assert move.compare().level == 3


def test_a_target_with_data_of_its_own_keeps_them_and_is_given_a_dump(move: Move) -> None:
    heard = Listening()
    psql(
        move.target.ground,
        "CREATE DATABASE elsewhere;\n\\connect elsewhere\nCREATE TABLE t (x int)",
    )
    try:
        listening = with_places(move, lambda place: replace(place, work=heard))
        assert seed(listening).bytes == 0
        assert "databases of its own: elsewhere" in " ".join(heard.lines)
        move.bring()
        assert move.compare().level == 3
        assert psql(move.target.ground, "SELECT count(*) FROM t", "elsewhere") == "0"
    finally:
        psql(move.target.ground, "DROP DATABASE elsewhere")


def test_an_older_target_is_refused_before_anything_is_begun(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lab has one version of PostgreSQL for all guests: the target's is said to be older."""
    before = own(move.source.ground), own(move.target.ground)

    def told(side: Side) -> ClusterFacts:
        found = facts_of(side)
        older = {"version": found.version - 10000} if side is move.target else {}
        return found.model_copy(update=older)

    monkeypatch.setattr(engine.state.postgresql, "facts_of", told)
    with pytest.raises(NotReady, match="older than the source's"):
        seed(move)
    assert (own(move.source.ground), own(move.target.ground)) == before


def test_the_key_opens_no_other_service(move: Move, grounds: Grounds) -> None:
    for words in (["homeport-connect", "postgresql"], ["homeport-connect", "../x"]):
        refused = ask(grounds, "op-1", *words)
        assert "does not open" in refused.stderr
        assert refused.status != 0
