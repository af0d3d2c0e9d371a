"""What every kind of state unit promises when it is carried from one guest to another.

Real servers on two guests at two providers; the target's guest reads from the source's over
SSH. Everything is brought over, every damage on the way is found, and each verb may be broken
off at any command and repeated. What is special to a kind follows below.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import OutcomeUnknown, RemoteFailure, Unreachable
from engine.guests.protocols import GuestTarget
from engine.methods.place import Place
from engine.state.passage import GuestPassage
from engine.state.protocols import Ground, Side
from tests.conformance import state_ground
from tests.conformance.test_state_conformance import (
    MARIADB_NONE,
    WORLDS,
    World,
    mariadb,
    psql,
    tree,
)
from tests.deployed import installation
from tests.integration.test_deploy_interrupted import Interrupted
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration
Grounds = tuple[Ground, Ground, GuestTarget]
OTHER_KEY = Path(__file__).with_name("other_host_key.pub")


@pytest.fixture(scope="module")
def grounds(lab: RunningLab) -> Iterator[Grounds]:
    with installation(lab) as here, state_ground.both_grounds(here) as both:
        yield both


def passage_between(grounds: Grounds, name: str = "op-1", **more: Any) -> GuestPassage:
    source, target, way = grounds
    return GuestPassage(name, source.place, target.place, way, **more)


@dataclass
class Move:
    """One kind's unit at both sides."""

    here: World
    there: World
    source: Side
    target: Side
    passage: GuestPassage

    def bring(self, **more: Any) -> Any:
        return self.here.kind.delta(self.source, self.target, self.passage, **more)

    def compare(self) -> Any:
        return self.here.kind.compare(self.source, self.target)


def moved(grounds: Grounds, kind: str) -> Iterator[Move]:
    source, target, _ = grounds
    here, there = WORLDS[kind](source), WORLDS[kind](target)
    passage = passage_between(grounds)
    passage.open([here.unit.locator])
    yield Move(here, there, Side(here.unit, source), Side(there.unit, target), passage)
    passage.close()
    for world in (here, there):
        if kind in ("files", "sqlite", "certificates", "volume"):
            subprocess.run(["rm", "-rf", world.unit.locator], check=True)
    if kind == "postgresql":
        for ground in (source, target):
            psql(ground, "DROP DATABASE IF EXISTS harbour;\nDROP ROLE IF EXISTS reader;")
    if kind == "mariadb":
        for ground in (source, target):
            mariadb(ground, MARIADB_NONE)


@pytest.fixture(params=WORLDS)
def move(request: pytest.FixtureRequest, grounds: Grounds) -> Iterator[Move]:
    yield from moved(grounds, request.param)


@pytest.fixture
def files(grounds: Grounds) -> Iterator[Move]:
    yield from moved(grounds, "files")


@pytest.fixture
def database(grounds: Grounds) -> Iterator[Move]:
    yield from moved(grounds, "postgresql")


def test_all_of_it_comes_over_and_the_source_stays_as_it_is(move: Move) -> None:
    move.here.make()
    before = move.here.shown()
    move.here.kind.seed(move.source, move.target, move.passage)
    moved = move.bring()
    assert moved.items >= 0
    assert move.there.shown() == before == move.here.shown()
    assert move.compare().level >= 2

    move.here.change()
    changed = move.here.shown()
    move.bring()
    assert move.there.shown() == changed
    assert move.compare().items > 0


def test_what_is_not_the_same_is_found(move: Move) -> None:
    if move.here.unit.kind == "secrets":
        pytest.skip("both providers of the lab keep secrets in one store")
    move.here.make()
    move.bring()
    move.there.change()
    with pytest.raises(RemoteFailure) as raised:
        move.compare()
    assert move.here.unit.id in raised.value.on


def test_broken_off_anywhere_it_ends_the_same(move: Move) -> None:
    move.here.make()
    wanted = move.here.shown()
    for at in range(1, 60):
        try:
            broken(move, at).bring()
            break
        except OutcomeUnknown:
            continue
    else:
        raise AssertionError("it never came to an end")
    assert move.there.shown() == wanted
    move.compare()


def broken(move: Move, at: int) -> Move:
    """The same with shells of which the target's breaks at a command."""

    def cut(place: Place) -> Place:
        shell: Any = Interrupted(place.shell, at, after=at % 2 == 0)  # type: ignore[arg-type]
        return replace(place, shell=shell)

    ground = move.target.ground
    target = replace(move.target, ground=replace(ground, place=cut(ground.place)))
    passage = replace(move.passage, target=cut(move.passage.target))
    return replace(move, target=target, passage=passage)


# --- files --------------------------------------------------------------------------------


def odd_tree(top: Path) -> None:
    top.mkdir()
    (top / "word").write_text("word\n" * 1000)
    os.link(top / "word", top / "the same")
    (top / "below").mkdir(mode=0o750)
    for name in ("with space", "-n", "new\nline", "star*[x]?", "\udcff-not-utf8", "quote'\"$(x)"):
        (top / "below" / name).write_text(f"content of {name!r}")
    (top / "to word").symlink_to("word")
    (top / "dangling").symlink_to("nowhere")
    with open(top / "sparse", "wb") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"in the middle")
    os.setxattr(top / "word", "user.mime", b"text/plain")
    (top / "locked").write_text("x")
    (top / "locked").chmod(0o400)
    os.utime(top / "below", ns=(1, 1_600_000_000_123_456_789))


def test_odd_trees_come_over_whole(files: Move) -> None:
    top, there = Path(files.source.unit.locator), Path(files.target.unit.locator)
    odd_tree(top)
    files.bring()
    assert tree(there) == tree(top)
    assert (there / "sparse").stat().st_blocks * 512 < 8 << 20
    assert (there / "word").stat().st_ino == (there / "the same").stat().st_ino
    assert files.compare().items == len(tree(top))


def test_a_second_pass_moves_what_changed_and_removes_what_is_gone(files: Move) -> None:
    top, there = Path(files.source.unit.locator), Path(files.target.unit.locator)
    odd_tree(top)
    first = files.bring()
    assert first.bytes > 5000
    assert files.bring().bytes == 0
    (top / "word").write_text("another\n")
    (top / "dangling").unlink()
    (there / "too much").write_text("x")
    assert 0 < files.bring().bytes < 100
    assert tree(there) == tree(top)


def test_what_is_excluded_is_not_brought_over_and_not_removed(files: Move) -> None:
    top, there = Path(files.source.unit.locator), Path(files.target.unit.locator)
    excluded = ("cache", "odd*[name]")
    source, target = (
        replace(side, unit=replace(side.unit, exclude=excluded))
        for side in (files.source, files.target)
    )
    for name in ("cache", "odd*[name]", "odd-n-not", "kept"):
        (top / name).mkdir(parents=True)
        (top / name / "file").write_text(name)
    (there / "cache").mkdir(parents=True)
    (there / "cache/own").write_text("own")
    files.here.kind.delta(source, target, files.passage)
    assert sorted(p.name for p in there.iterdir()) == ["cache", "kept", "odd-n-not"]
    assert (there / "cache/own").read_text() == "own"
    files.here.kind.compare(source, target)


FILE_DAMAGES: dict[str, Callable[[Path], None]] = {
    "bit": lambda top: flipped(top / "word"),
    "truncated": lambda top: os.truncate(top / "word", 4000),
    "attribute": lambda top: os.removexattr(top / "word", "user.mime"),
    "link": lambda top: relinked(top / "the same"),
    "mode": lambda top: (top / "locked").chmod(0o640),
    "time": lambda top: os.utime(top / "word", ns=(1, 1)),
    "lost": lambda top: (top / "below" / "-n").unlink(),
    "too much": lambda top: (top / "more").write_text("x") and None,
    "symbolic link": lambda top: retargeted(top / "to word"),
}


def test_every_damage_to_files_is_found_and_mended(files: Move) -> None:
    odd_tree(Path(files.source.unit.locator))
    files.bring()
    for name, damage in FILE_DAMAGES.items():
        damage(Path(files.target.unit.locator))
        with pytest.raises(RemoteFailure, match="not what is at the source"):
            files.compare()
        files.bring(thorough=True)
        assert files.compare().level == 2, name


def flipped(file: Path) -> None:
    times, data = file.stat(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    with open(file, "r+b") as opened:
        opened.write(data)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def relinked(name: Path) -> None:
    subprocess.run(["cp", "-a", "--", name, f"{name}.copy"], check=True)
    os.rename(f"{name}.copy", name)


def retargeted(link: Path) -> None:
    link.unlink()
    link.symlink_to("elsewhere")


def test_a_single_file_and_one_that_is_not_there(files: Move) -> None:
    top, there = Path(files.source.unit.locator), Path(files.target.unit.locator)
    top.write_text("one file")
    there.mkdir()
    files.bring()
    assert there.read_text() == "one file"
    files.compare()
    top.unlink()
    files.bring()
    assert not there.exists()
    files.compare()


# --- databases ------------------------------------------------------------------------------


DAMAGES = (
    ("UPDATE ships SET weight = weight + 0.001 WHERE id = 9", "table public.ships hash"),
    ("DELETE FROM ships WHERE id = 7", "table public.ships hash"),
    ("DELETE FROM no_key WHERE ctid = (SELECT min(ctid) FROM no_key)", "table public.no_key"),
    ("SELECT setval('ships_id_seq', 12)", "sequence public.ships_id_seq"),
    ('ALTER TABLE no_key ALTER word TYPE text COLLATE "POSIX"', "schema"),
    ("REVOKE SELECT ON ships FROM reader", "role reader"),
    ("DROP VIEW heavy", "objects"),
    ("SELECT lo_put(4242, 0, '\\x09')", "large objects hash"),
    ("SELECT lo_unlink(4242)", "large objects count"),
)
"""What goes wrong in a database, one after the other, and what of it is named: each comes before
those of the lines above where parts are told in the order of their names."""


def test_every_damage_to_a_database_is_found(database: Move) -> None:
    database.here.make()
    database.bring()
    assert database.compare().level == 3
    for sql, named in DAMAGES:
        psql(database.target.ground, f"{sql};", "harbour")
        with pytest.raises(RemoteFailure) as raised:
            database.compare()
        assert named in raised.value.why, sql
    database.bring()
    database.compare()


def test_sqlite_rows_of_any_type_are_compared(grounds: Grounds) -> None:
    for move in moved(grounds, "sqlite"):
        path = Path(move.source.unit.locator)
        with closing(sqlite3.connect(path)) as opened, opened:
            opened.execute('CREATE TABLE "odd ""name" (a, b)')
            rows = [(1, "1"), (1.0, b"1"), (None, "\x00"), ("ü", 2**60)]
            opened.executemany('INSERT INTO "odd ""name" VALUES (?, ?)', rows)
            opened.execute("PRAGMA user_version = 7")
        move.bring()
        move.compare()
        with closing(sqlite3.connect(move.target.unit.locator)) as opened, opened:
            opened.execute("UPDATE \"odd \"\"name\" SET a = '1' WHERE a = 1 AND b = '1'")
        with pytest.raises(RemoteFailure, match="not what is at the source"):
            move.compare()


# --- volumes ------------------------------------------------------------------------------


def flip_at(path: Path, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def test_of_a_volume_only_changed_blocks_come_over_and_every_flipped_bit_is_found(
    grounds: Grounds,
) -> None:
    for move in moved(grounds, "volume"):
        here, there = Path(move.source.unit.locator), Path(move.target.unit.locator)
        move.here.make()
        os.truncate(here, 80 << 20)
        kind = move.here.kind
        assert kind.seed(move.source, move.target, move.passage).bytes == 3 << 20
        assert there.stat().st_blocks * 512 < 16 << 20, "holes stay holes"
        assert kind.seed(move.source, move.target, move.passage).bytes == 0
        flip_at(here, 70 << 20)
        assert move.bring().bytes == 1 << 20
        move.compare()
        for at in ((70 << 20) + 3, (80 << 20) - 1, 0):
            flip_at(there, at)
            with pytest.raises(RemoteFailure, match=f"from {at // (64 << 20) * 64} MiB"):
                move.compare()
        assert move.bring().bytes == 3 << 20
        os.truncate(there, 64 << 20)
        with pytest.raises(RemoteFailure, match="not what is at the source"):
            move.compare()


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two block devices; the second is larger."""
    found: list[str] = []
    for number, size in enumerate((4 << 20, 6 << 20)):
        image = tmp_path / f"disk-{number}"
        image.write_bytes(os.urandom(size))
        asked = subprocess.run(
            ["losetup", "--find", "--show", image], capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            found.append(asked.stdout.strip())
    try:
        if len(found) < 2:
            pytest.skip("this machine lets nobody attach a loop device")
        yield found[0], found[1]
    finally:
        for device in found:
            subprocess.run(["losetup", "--detach", device], check=True)


def test_a_device_comes_onto_a_larger_one_and_never_onto_one_that_is_too_small(
    grounds: Grounds, devices: tuple[str, str]
) -> None:
    for move in moved(grounds, "volume"):
        small, large = (replace(move.source.unit, locator=device) for device in devices)
        move.passage.open(list(devices))
        there = replace(move, source=replace(move.source, unit=small),
                        target=replace(move.target, unit=large))  # fmt: skip
        assert there.bring().bytes == 4 << 20
        there.compare()
        flip_at(Path(devices[1]), 3 << 20)
        with pytest.raises(RemoteFailure, match="from 0 MiB"):
            there.compare()
        back = replace(move, source=replace(move.source, unit=large),
                       target=replace(move.target, unit=small))  # fmt: skip
        with pytest.raises(RemoteFailure, match="attach a larger volume"):
            back.bring()


def test_a_link_in_the_place_of_an_image_opens_nothing(grounds: Grounds) -> None:
    for move in moved(grounds, "volume"):
        Path(move.source.unit.locator).symlink_to("/etc/passwd")
        with pytest.raises(RemoteFailure):
            move.bring()
        assert not Path(move.target.unit.locator).exists()


# --- the way --------------------------------------------------------------------------------


def ask(grounds: Grounds, name: str, *words: str) -> Any:
    """What the target's guest gets with the key of a passage."""
    place = grounds[1].place
    config = f"{place.paths.passage(name)}/ssh_config"
    return place.shell.run(("ssh", "-F", config, "source", *words), check=False)


def test_the_key_opens_what_it_was_made_for_and_nothing_else(grounds: Grounds) -> None:
    source = grounds[0].place
    allowed, secret = Path(source.paths.data, "mine"), Path(source.paths.data, "not-mine")
    for path in (allowed, secret):
        path.write_text("content")
    passage = passage_between(grounds, "op-2")
    passage.open([str(allowed)])
    try:
        target = f"{grounds[1].place.paths.data}/came"
        passage.pull(str(allowed), target)
        assert Path(target).read_text() == "content"
        with pytest.raises(RemoteFailure, match="does not open"):
            passage.pull(str(secret), target)
        with pytest.raises(RemoteFailure, match="does not open"):
            passage.pull(f"{source.paths.data}/../state/not-mine", target)
        for words in (["id"], [], ["rsync", "--server", ".", "/tmp"], ["cat", str(allowed)]):
            assert ask(grounds, "op-2", *words).status != 0
        evil = ["rsync", "--server", "--sender", "--log-file=/tmp/x", "-re.L", ".", str(allowed)]
        assert "does not let" in ask(grounds, "op-2", *evil).stderr
    finally:
        passage.close()
    assert ask(grounds, "op-2", "homeport-passage").status != 0


def test_through_this_machine_where_the_source_is_not_reached_straight(grounds: Grounds) -> None:
    source, target, way = grounds
    content, came = Path(source.place.paths.data, "far"), f"{target.place.paths.data}/far"
    content.write_bytes(os.urandom(1 << 20))
    # From an address that the target's guest does not have nobody is reached.
    facts = replace(target.place.facts, address="192.0.2.1")
    cut_off = GuestPassage("op-5", source.place, replace(target.place, facts=facts), way)
    passage = cut_off.open([str(content)])
    try:
        assert passage.relay
        passage.pull(str(content), came)
        assert Path(came).read_bytes() == content.read_bytes()
        # Another host at the end of the line is not believed there, either.
        known = Path(target.place.paths.passage("op-5"), "known_hosts")
        known.write_text(f"source {OTHER_KEY.read_text()}")
        content.write_text("other")
        with pytest.raises(RemoteFailure, match=r"HOST IDENTIFICATION|key verification"):
            passage.pull(str(content), came)
    finally:
        passage.close()


def test_a_passage_is_opened_and_closed_as_often_as_one_likes(grounds: Grounds) -> None:
    source, target, _ = grounds
    keys = Path(source.place.facts.root, "root/.ssh/authorized_keys")
    before = keys.read_text()
    passage = passage_between(grounds, "op-3")
    for _ in range(2):
        passage.open([])
    assert keys.read_text().count("homeport-op-3") == 1
    private = Path(target.place.paths.passage("op-3"), "key")
    assert private.stat().st_mode & 0o077 == 0
    for _ in range(2):
        passage.close()
    assert keys.read_text() == before
    assert not private.parent.exists()
    assert not Path(source.place.paths.passage("op-3")).exists()


def test_another_host_key_is_not_believed(grounds: Grounds) -> None:
    source, target, way = grounds
    other = replace(way, host_keys=tuple(OTHER_KEY.open()))
    passage = GuestPassage("op-4", source.place, target.place, other)
    with pytest.raises(Unreachable, match="does not get to"):
        passage.open([])
    passage.close()
