"""What the target's guest gets from the reader at the source, and what it does not."""

from __future__ import annotations

import grp
import hashlib
import json
import os
import pwd
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state.programs import reader, source


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with ways out of it, and something beside it."""
    top = tmp_path / "tree"
    (top / "deep").mkdir(parents=True)
    (top / "deep" / "word").write_text("word\n" * 5000)
    (top / "to word").symlink_to("deep/word")
    (top / "out").symlink_to(tmp_path)
    os.mkfifo(top / "pipe")
    (tmp_path / "secret").write_text("secret")
    settled(top / "deep" / "word", tmp_path / "secret")
    return top


def settled(*files: Path) -> None:
    """As old as a file must be to be given."""
    youngest = max(file.stat().st_ctime_ns for file in files)
    while time.time_ns() - youngest < 200_000_000:
        time.sleep(0.01)


def asked(top: Path, *requests: Any) -> tuple[list[tuple[dict[str, Any], bytes]], str]:
    """The answers, and why it ended early."""
    lines = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in requests)
    done = subprocess.run(
        [sys.executable, "-I", "-c", source("reader"), str(top)],
        input=lines.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    answers, left = [], done.stdout
    while left:
        head, left = left.split(b"\n", 1)
        told = json.loads(head)
        answers.append((told, left[: told["length"]]))
        left = left[told["length"] :]
    return answers, done.stderr.decode()


def read(file: Path, name: str, rate: float = 0) -> dict[str, Any]:
    status = file.stat()
    piece = [name, status.st_size, status.st_mtime_ns, 0, status.st_size]
    return {"read": [piece], "rate": rate, "key": ""}


def test_it_lists_and_gives_plain_files(tree: Path) -> None:
    word = tree / "deep" / "word"
    answers, why = asked(tree, {"list": []}, read(word, "deep/word"), {"list": ["deep"]})
    assert why == ""
    status = word.stat()
    listed = json.loads(zlib.decompress(answers[0][1]))
    assert listed["files"] == [["deep/word", status.st_size, status.st_mtime_ns]]
    assert [name for name, *_ in listed["directories"]] == ["", "deep"]
    assert listed["left"], "links and a pipe"
    assert answers[1][0]["parts"] == [True]
    assert answers[1][1] == word.read_bytes()
    rest = json.loads(zlib.decompress(answers[2][1]))
    assert (rest["files"], [name for name, *_ in rest["directories"]]) == ([], [""])


def test_it_tells_whose_a_file_is_and_leaves_to_rsync_what_has_attributes(tree: Path) -> None:
    word, other = tree / "deep" / "word", tree / "deep" / "other"
    other.write_text("x")
    os.setxattr(other, "user.mime", b"text/plain")
    word.chmod(0o4750)
    settled(word, other)
    answers, _ = asked(tree, {"list": []}, read(word, "deep/word"), read(other, "deep/other"))
    owner = [os.getuid(), pwd.getpwuid(os.getuid()).pw_name]
    group = [os.getgid(), grp.getgrgid(os.getgid()).gr_name]
    assert answers[1][0]["kinds"] == [[0o4750, *owner, *group]]
    assert answers[1][0]["rights"] == [0]
    assert answers[2][0]["rights"] == [-1]
    top, deep = json.loads(zlib.decompress(answers[0][1]))["directories"]
    assert top[1:] == [tree.stat().st_mtime_ns, tree.stat().st_mode & 0o7777, *owner, *group]
    os.setxattr(tree / "deep", "user.mime", b"text/plain")
    deep = json.loads(zlib.decompress(asked(tree, {"list": []})[0][0][1]))["directories"][1]
    assert deep == ["deep", (tree / "deep").stat().st_mtime_ns]


@pytest.mark.parametrize(
    "name",
    ["../secret", "deep/../../secret", "/etc/passwd", ".", "..", "deep//word", "deep/", "deep/\0"],
)
def test_a_name_that_leads_elsewhere_ends_it(tree: Path, name: str) -> None:
    answers, why = asked(tree, read(tree.parent / "secret", name))
    assert answers == []
    assert "no name below" in why


@pytest.mark.parametrize("name", ["out/secret", "to word", "pipe", "deep", "", "nothing"])
def test_links_are_not_followed_and_only_plain_files_are_given(tree: Path, name: str) -> None:
    answers, _ = asked(tree, read(tree.parent / "secret", name))
    head = {"parts": [None], "rights": [-1], "kinds": [], "packed": False, "length": 0}
    assert answers == [(head | {"sum": hashlib.sha256().hexdigest()}, b"")]


@pytest.mark.parametrize("name", ["out/secret", "to word", "pipe", "deep", "", "nothing"])
def test_nor_are_they_for_a_piece(tree: Path, name: str) -> None:
    asking = read(tree.parent / "secret", name)
    answers, _ = asked(tree, {"piece": asking["read"][0], "rate": 0, "key": ""})
    assert answers == [({"parts": None, "length": 0}, b"")]


def test_behind_a_piece_comes_whether_it_stayed_as_it_was(tree: Path) -> None:
    word = tree / "deep" / "word"
    size, mtime = word.stat().st_size, word.stat().st_mtime_ns
    piece = {"piece": ["deep/word", size, mtime, 100, 200], "rate": 0, "key": ""}
    (head, data), (then, _) = asked(tree, piece)[0]
    assert (head["parts"], data) == ([[100, 200]], word.read_bytes()[100:300])
    assert (then["kept"], then["sum"]) == (True, hashlib.sha256(data).hexdigest())
    with word.open("rb") as file:
        before = os.fstat(file.fileno())
        assert reader.is_settled(file.fileno(), before)
        os.utime(word, ns=(mtime, mtime))  # as after a write that put the time back
        assert not reader.is_settled(file.fileno(), before)


def test_the_top_is_no_link_either(tree: Path) -> None:
    answers, _ = asked(tree / "out", {"list": []}, read(tree.parent / "secret", "secret"))
    assert json.loads(zlib.decompress(answers[0][1]))["files"] == []
    assert answers[1][0]["parts"] == [None]


@pytest.mark.parametrize(
    "request_",
    ["no json", "[]", "7", {"read": 3, "rate": 0}, {"write": []}, {"read": [["deep/word"]]}],
)
def test_nonsense_ends_it_with_a_reason(tree: Path, request_: Any) -> None:
    answers, why = asked(tree, request_)
    assert answers == []
    assert why.startswith("homeport: ")
    assert "Traceback" not in why


def test_one_request_does_not_take_the_memory(tree: Path) -> None:
    answers, why = asked(tree, {"read": [["deep/word", 5, 5, 0, 1 << 40]], "rate": 0})
    assert answers == []
    assert "too much" in why


def test_what_changed_since_it_was_listed_is_not_given(tree: Path) -> None:
    word = tree / "deep" / "word"
    before = read(word, "deep/word")
    with word.open("a") as file:
        file.write("more")
    assert asked(tree, before)[0][0][0]["parts"] == [None]


def test_what_changed_a_moment_ago_is_not_given_yet(tmp_path: Path) -> None:
    """One more write in the same tick of the clock would leave its time as it is."""
    file = tmp_path / "fresh"
    file.write_text("fresh")
    coming = file.stat()
    tree = reader.Tree(str(tmp_path))
    piece = ["fresh", coming.st_size, coming.st_mtime_ns, 0, coming.st_size]
    told = reader.Told()
    if time.time_ns() - file.stat().st_ctime_ns < 50_000_000:
        told.add(tree, piece)
        assert (told.parts, told.data) == ([None], [])
    settled(file)
    told = reader.Told()
    told.add(tree, piece)
    assert (told.parts, told.data) == ([True], [b"fresh"])


def test_it_packs_for_a_slow_line_what_gets_smaller(tree: Path) -> None:
    word = tree / "deep" / "word"
    noise = tree / "noise"
    noise.write_bytes(os.urandom(25000))
    settled(noise)
    slow, fast = read(word, "deep/word", 1e5), read(word, "deep/word", 1e12)
    answers, _ = asked(tree, slow, fast, read(noise, "noise", 1e5))
    assert [told["packed"] for told, _ in answers] == [True, False, False]
    assert zlib.decompress(answers[0][1]) == word.read_bytes()


@given(share=st.floats(0, 2), speed=st.floats(1, 1e12), rate=st.floats(1, 1e12))
def test_packing_never_makes_it_slower(share: float, speed: float, rate: float) -> None:
    if reader.worth_packing(share, speed, rate):
        assert 1 / speed + share / rate < 1 / rate
        assert share < 1
