"""The program that looks at trees of files, in a tree in which somebody else works."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import pytest

from engine.state.programs import tree


def test_what_vanishes_while_a_living_tree_is_measured_is_left_out(tmp_path: Path) -> None:
    for name in ("a/x", "b/y", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("word")
    seen = []
    for name, _, _ in tree.walk(str(tmp_path), frozenset(), live=True):
        seen.append(name)
        if name == "a":
            (tmp_path / "a/x").unlink()
            (tmp_path / "b/y").unlink()
            (tmp_path / "b").rmdir()
    assert seen == ["", "a", "c"]


def test_what_vanishes_from_a_tree_that_nobody_may_touch_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("word")
    walking = tree.walk(str(tmp_path), frozenset())
    next(walking)
    (tmp_path / "a").unlink()
    with pytest.raises(FileNotFoundError):
        list(walking)


def ahead(top: Path, memo: Path, settled: float = 0.0) -> int:
    task = {"path": str(top), "exclude": [], "memo": str(memo), "settled": settled}
    return int(tree.ahead(task)["bytes"])


def described(top: Path, memo: Path) -> dict[str, Any]:
    return tree.describe({"path": str(top), "exclude": [], "memo": str(memo)})


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    (top / "below").mkdir(parents=True)
    for name in ("one", "below/two"):
        (top / name).write_text("word")
    return top


def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths whose content is read from now on."""
    seen: list[str] = []
    content = tree.content
    monkeypatch.setattr(
        tree, "content", lambda path, size: (seen.append(path), content(path, size))[1]
    )
    return seen


def test_what_was_read_ahead_is_not_read_again_unless_it_was_touched(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memo = tmp_path / "memo"
    plain = described(top, tmp_path / "none")
    assert ahead(top, memo) == 8
    assert ahead(top, memo) == 0
    seen = read(monkeypatch)
    assert described(top, memo) == plain
    assert seen == []
    # As a disk or a person may damage it: size and times are as they were.
    times = (top / "one").stat()
    wait_until_the_clock_of_files_ticks(top, times)
    (top / "one").write_text("wort")
    os.utime(top / "one", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert described(top, memo) != plain
    assert seen == [str(top / "one")]


def wait_until_the_clock_of_files_ticks(top: Path, since: os.stat_result) -> None:
    probe = top.parent / "probe"
    while probe.write_text("") == 0 and probe.stat().st_ctime_ns == since.st_ctime_ns:
        pass


def test_a_file_that_has_just_changed_is_not_remembered(top: Path, tmp_path: Path) -> None:
    """It could change once more within a tick of the file system's clock."""
    assert ahead(top, tmp_path / "memo", settled=60.0) == 0
    assert ahead(top, tmp_path / "memo", settled=0.0) == 8


def test_a_memo_that_is_damaged_only_makes_it_longer(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memo = tmp_path / "memo"
    memo.write_text('{"one": [')
    seen = read(monkeypatch)
    assert described(top, memo)["items"] == 4
    assert len(seen) == 2


def test_a_file_put_in_the_place_of_one_that_was_read_is_read(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memo = tmp_path / "memo"
    ahead(top, memo)
    (tmp_path / "other").write_text("wort")
    os.replace(tmp_path / "other", top / "one")
    seen = read(monkeypatch)
    described(top, memo)
    assert seen == [str(top / "one")]


def test_what_a_program_writes_through_a_mapping_is_not_missed(top: Path, tmp_path: Path) -> None:
    """The status of a file tells of the first write to a page of a mapping, and of the next one
    only after the page has come to the disk."""
    memo, file = tmp_path / "memo", top / "mapped"
    file.write_bytes(bytes(mmap.PAGESIZE))
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[0] = 1
        wait_until_the_clock_of_files_ticks(top, file.stat())
        ahead(top, memo)
        wait_until_the_clock_of_files_ticks(top, file.stat())
        mapped[1] = 1
        assert described(top, memo) == described(top, tmp_path / "none")


def test_a_mapping_written_after_the_walk_began_is_not_remembered(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memo, file = tmp_path / "memo", top / "mapped"
    file.write_bytes(bytes(mmap.PAGESIZE))
    walk = tree.walk
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:

        def walked(*args: Any, **more: Any) -> Any:
            wait_until_the_clock_of_files_ticks(top, file.stat())
            mapped[0] = 1
            wait_until_the_clock_of_files_ticks(top, file.stat())
            return walk(*args, **more)

        monkeypatch.setattr(tree, "walk", walked)
        ahead(top, memo)
        monkeypatch.undo()
        mapped[1] = 1
        assert described(top, memo) == described(top, tmp_path / "none")
