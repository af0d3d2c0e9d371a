"""The program that looks at trees of files, in a tree in which somebody else works."""

from __future__ import annotations

from pathlib import Path

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
