"""A first bringing over: `programs.fill` at one end, sender and reader at the other, with SSH
stood in for by a script that carries their words, as quickly or as slowly as is told."""

from __future__ import annotations

import base64
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine.state.programs
from engine.state.programs import fill, source
from tests.unit.test_passage_reader import settled

PIECE = 4 << 20
PROGRAMS = Path(engine.state.programs.__file__).parent
LINE = """\
#!{python}
import os, subprocess, sys, threading, time
asked = " ".join("'" + word + "'" for word in sys.argv[4:])
sender = [sys.executable, "-I", {sender!r}, {allowed!r}]
environment = os.environ | {{"SSH_ORIGINAL_COMMAND": asked}}
out = subprocess.PIPE if {damaged} else None
end = subprocess.Popen(sender, stdin=subprocess.PIPE, stdout=out, env=environment)

def carry():
    for line in sys.stdin.buffer:
        time.sleep({delay})
        end.stdin.write(line)
        end.stdin.flush()
    end.stdin.close()

threading.Thread(target=carry, daemon=True).start()
at = 0
while out and (data := bytearray(os.read(end.stdout.fileno(), 65536))):
    if at <= {damaged} < at + len(data):
        data[{damaged} - at] ^= 4
    at += len(data)
    os.write(1, data)
os._exit(end.wait())
"""


class Way:
    """damaged: which byte of each connection does not arrive as it was sent; 0 for none."""

    def __init__(self, top: Path, delay: float = 0.01, damaged: int = 0) -> None:
        self.source, self.target, self.journal = top / "source", top / "target", top / "journal"
        allowed = {
            "paths": [str(self.source)],
            "desk": str(top / "desk"),
            "reader": str(PROGRAMS / "reader.py"),
            "sudo": False,
        }
        (top / "allowed.json").write_text(json.dumps(allowed))
        ssh = top / "bin" / "ssh"
        ssh.parent.mkdir()
        words = {"sender": str(PROGRAMS / "sender.py"), "allowed": str(top / "allowed.json")}
        ssh.write_text(LINE.format(python=sys.executable, delay=delay, damaged=damaged, **words))
        ssh.chmod(0o755)
        self.environment = os.environ | {"PATH": f"{ssh.parent}:{os.environ['PATH']}"}

    def begin(self, limit: int = 0, exclude: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        task = {
            "config": "none",
            "source": str(self.source),
            "target": str(self.target),
            "exclude": list(exclude),
            "limit": limit,
            "journal": str(self.journal),
        }
        running = subprocess.Popen(
            [sys.executable, "-I", "-c", source("fill")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )
        assert running.stdin is not None
        running.stdin.write(json.dumps(task).encode())
        running.stdin.close()
        running.stdin = None
        return running

    def fill(self, **more: Any) -> dict[str, int]:
        out, errors = self.begin(**more).communicate(timeout=120)
        result = [line for line in out.decode().splitlines() if line.startswith("homeport-result:")]
        assert result, errors.decode()
        found: dict[str, int] = json.loads(base64.b64decode(result[0].split()[1]))
        return found


@pytest.fixture
def way(tmp_path: Path) -> Way:
    made = Way(tmp_path)
    made.source.mkdir()
    (made.source / "large").write_bytes(random.Random(1).randbytes(2 * PIECE + 12345))
    (made.source / "below").mkdir()
    for number, name in enumerate(("one", "new\nline", "\udcff-not-utf8", "-n", "quote'\"$(x)")):
        (made.source / "below" / name).write_text(f"content {number}\n" * 10_000)
    (made.source / "small").write_text("small")
    with (made.source / "hollow").open("wb") as file:
        file.truncate(3 * PIECE)
        file.seek(PIECE + 4096)
        file.write(b"in the middle")
    os.link(made.source / "large", made.source / "the same")
    (made.source / "to one").symlink_to("below/one")
    files = [path for path in made.source.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in files:
        os.utime(path, ns=(1, 1_600_000_000_123_456_789))
    settled(*files)
    return made


def content(top: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(top)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in top.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_content_and_times_arrive_whatever_the_names(way: Way) -> None:
    moved = way.fill()
    wanted = content(way.source)
    linked = "the same" if "large" in content(way.target) else "large"
    del wanted[linked]
    assert content(way.target) == wanted
    assert moved["items"] == len(wanted)
    assert moved["left"], "two links"
    assert (way.target / "hollow").stat().st_blocks * 512 < PIECE
    assert not way.journal.exists()
    assert Path(f"{way.journal}.done").exists()


@pytest.fixture
def plain(tmp_path: Path) -> Way:
    """Many small files and a large one, with all that a filling brings of them."""
    made = Way(tmp_path)
    made.source.mkdir(mode=0o750)
    (made.source / "large").write_bytes(random.Random(1).randbytes(2 * PIECE + 12345))
    for number in range(1200):
        below = made.source / f"{number % 7}" / "below"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number}").write_bytes(b"x" * number)
        (below / f"{number}").chmod(0o600 + number % 64)
    (made.source / "empty").mkdir(mode=0o2751)
    if os.geteuid() == 0:
        os.chown(made.source / "0" / "below" / "0", 4321, 1234)
        (made.source / "0" / "below" / "0").chmod(0o6755)
    for directory in sorted(made.source.rglob("*"), reverse=True):
        if directory.is_dir():
            os.utime(directory, ns=(1, 1_600_000_000_123_456_789))
    settled(*(path for path in made.source.rglob("*") if path.is_file()))
    return made


def described(top: Path) -> dict[str, tuple[int, ...]]:
    return {
        str(path.relative_to(top)): (each.st_mode, each.st_uid, each.st_gid, each.st_mtime_ns)
        for path in [top, *top.rglob("*")]
        for each in [path.stat()]
    }


def test_plain_files_and_directories_arrive_with_all_they_have(plain: Way) -> None:
    plain.target.mkdir()
    moved = plain.fill()
    assert not moved["left"], "so that rsync need not look at them at once"
    assert content(plain.target) == content(plain.source)
    assert described(plain.target) == described(plain.source)


def test_what_the_target_gives_to_new_files_is_not_kept(plain: Way) -> None:
    """Nor what the umask of whoever runs it takes away."""
    plain.target.mkdir()
    if os.geteuid() == 0:
        os.chown(plain.target, 0, 4321)
    plain.target.chmod(0o2775)
    moved = plain.fill()
    assert not moved["left"]
    assert described(plain.target) == described(plain.source)


def test_whoever_looks_on_meanwhile_sees_no_more_than_at_the_source(plain: Way) -> None:
    plain.source.chmod(0o700)
    running = plain.begin(limit=2000)
    while running.poll() is None:
        if plain.target.exists():
            assert plain.target.stat().st_mode & 0o077 == 0
        time.sleep(0.02)
    running.communicate()
    assert content(plain.target) == content(plain.source)


@pytest.mark.parametrize("name", ["attributes", "socket", "link", "existing"])
def test_what_a_filling_does_not_bring_is_told(plain: Way, name: str) -> None:
    file = plain.source / "1" / "below" / "1"
    if name == "attributes":
        file.chmod(0o644)
        os.setxattr(file, "user.mime", b"text/plain")
        settled(file)
    elif name == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(file.with_name("socket")))
    elif name == "link":
        file.with_name("link").symlink_to("1")
    else:
        plain.target.mkdir()
        (plain.target / "mine").write_text("mine")
    assert plain.fill()["left"]
    if name == "attributes":
        there = (plain.target / "1" / "below" / "1").stat()
        assert there.st_mode & 0o077 == 0, "until rsync brings who else may read it"


def test_what_is_there_stays_as_it_is_and_no_link_is_followed(way: Way, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    way.target.mkdir()
    (way.target / "below").symlink_to(elsewhere)
    (way.target / "large").symlink_to(elsewhere / "large")
    (way.target / "hollow").write_text("mine")
    way.fill()
    assert list(elsewhere.iterdir()) == []
    assert (way.target / "hollow").read_text() == "mine"


def test_what_is_excluded_is_not_brought(way: Way) -> None:
    way.fill(exclude=("below", "large"))
    assert not (way.target / "below").exists()
    assert not (way.target / "large").exists()


def test_a_single_file(tmp_path: Path) -> None:
    way = Way(tmp_path)
    way.source.write_bytes(random.Random(2).randbytes(4 * PIECE + 7))
    settled(way.source)
    assert way.fill() == {"items": 1, "bytes": 4 * PIECE + 7, "left": False}
    assert way.target.read_bytes() == way.source.read_bytes()
    assert way.target.stat().st_mtime_ns == way.source.stat().st_mtime_ns


@pytest.mark.parametrize("name", ["../out", "a/../../out", "..", "/out/x", "a//b", "./a", "a/"])
def test_no_name_that_the_source_tells_leads_out_of_the_target(tmp_path: Path, name: str) -> None:
    tree = fill.Tree(str(tmp_path / "target"))
    for act in (tree.create, tree.again, tree.directory):
        with pytest.raises(SystemExit):
            os.close(act(name))
    assert not (tmp_path / "out").exists()


def killed_in_the_middle(way: Way) -> int:
    """A filling of one large file, killed when some of its pieces were there: how many."""
    way.source.mkdir()
    (way.source / "large").write_bytes(bytes(range(256)) * (12 * PIECE // 256))
    settled(way.source / "large")
    running = way.begin(limit=40_000)
    while not way.journal.exists() or len(way.journal.read_text().splitlines()) < 5:
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.communicate()
    return len(way.journal.read_text().splitlines()) - 2


def test_killed_it_goes_on_with_the_pieces_that_are_missing(tmp_path: Path) -> None:
    way = Way(tmp_path)
    there = killed_in_the_middle(way)
    assert 3 <= there < 12
    wrong = (way.target / "large").stat().st_mtime_ns != (way.source / "large").stat().st_mtime_ns
    assert wrong, "rsync would hold it for whole"
    moved = way.fill()
    assert (12 - there - 1) * PIECE <= moved["bytes"] <= (12 - there) * PIECE
    assert content(way.target) == content(way.source)


def test_after_a_crash_of_the_guest_nothing_is_taken_for_there(tmp_path: Path) -> None:
    way = Way(tmp_path)
    killed_in_the_middle(way)
    lines = way.journal.read_text().splitlines()
    way.journal.write_text("\n".join(["another boot", *lines[1:], ""]))
    assert way.fill()["bytes"] == 0, "it is rsync's, which compares it by its checksums"
    assert content(way.target) != content(way.source)


def test_a_source_that_refuses_leaves_all_of_it_to_rsync(way: Way) -> None:
    way.source = way.source / "below"
    assert way.fill() == {"items": 0, "bytes": 0, "left": True}
    assert not Path(f"{way.journal}.done").exists()


@pytest.mark.parametrize("size", [40_000, 400_000, 12_000_000])
@pytest.mark.parametrize("openssl", [True, False])
def test_damage_on_the_way_is_found_and_what_is_damaged_does_not_stay(
    tmp_path: Path, size: int, openssl: bool
) -> None:
    way = Way(tmp_path, damaged=700_000)
    if not openssl:
        (tmp_path / "reader.py").write_text(source("reader").replace("libcrypto.so.3", "none.so"))
        allowed = json.loads((tmp_path / "allowed.json").read_text())
        allowed["reader"] = str(tmp_path / "reader.py")
        (tmp_path / "allowed.json").write_text(json.dumps(allowed))
    way.source.mkdir()
    for number in range(24_000_000 // size):
        (way.source / f"{number}").write_bytes(random.Random(number).randbytes(size))
    settled(*way.source.iterdir())
    assert way.fill()["left"], "rsync brings what is damaged"
    wanted, found = content(way.source), content(way.target)
    whole = {name for name, (mtime, _) in found.items() if mtime == wanted[name][0]}
    assert all(found[name] == wanted[name] for name in whole)
    assert 0 < len(wanted.keys() - whole) <= 2 * (1_100_000 // size + 1)


@pytest.mark.parametrize(("cores", "small", "large"), [(1, 1, 1), (2, 2, 1), (3, 2, 1), (8, 2, 2)])
def test_small_files_are_made_by_as_many_as_there_are_cores(
    cores: int, small: int, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    one = fill.Wanted("small", 4096, 0, 0, 4096, True)
    piece = fill.Wanted("large", 4 * PIECE, 0, 0, PIECE, False)
    assert fill.near([[one, one], [one], [piece]]) == small
    assert fill.near([[one], [piece], [piece]]) == large


@given(st.lists(st.integers(0, PIECE), max_size=2000))
def test_requests_hold_all_that_is_wanted_in_its_order(sizes: list[int]) -> None:
    wanted = [fill.Wanted(str(n), size, 0, 0, size, True) for n, size in enumerate(sizes)]
    made = fill.requests(wanted)
    assert [each for request in made for each in request] == wanted
    assert all(sum(each.length for each in request) <= 1 << 20 for request in made if request[1:])
    assert not any(fill.is_large(each) for request in made if request[1:] for each in request)
    assert all(0 < len(request) <= 512 for request in made)
