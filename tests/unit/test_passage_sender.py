"""What the key of a passage lets through: the program that it runs, with rsync stood in for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.state.programs import source


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that the key opens, with a link in it that leads out."""
    top = tmp_path / "tree"
    top.mkdir()
    (top / "out").symlink_to("/etc/ssl")
    (tmp_path / "allowed.json").write_text(
        json.dumps(
            {
                "paths": [str(top)],
                "desk": str(tmp_path / "desk"),
                "reader": str(tmp_path / "reader.py"),
                "sudo": False,
            }
        )
    )
    (tmp_path / "reader.py").write_text("import sys; print('reader of', *sys.argv[1:])")
    stand_in = tmp_path / "bin" / "rsync"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\necho let through\n")
    stand_in.chmod(0o755)
    return top


def asked(tree: Path, words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", source("sender"), str(tree.parent / "allowed.json")],
        env={"PATH": f"{tree.parent}/bin:{os.environ['PATH']}", "SSH_ORIGINAL_COMMAND": words},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_tree_is_read_as_the_target_asks_for_it(tree: Path) -> None:
    done = asked(tree, f"rsync --server --sender -logDtpre.iLsfxCIvu . {tree}/")
    assert done.stdout == "let through\n", done.stderr


@pytest.mark.parametrize("path", ["/out/..", "/out/../", "/out/../../etc", "/..", "/.", "x"])
def test_no_way_leads_out_of_a_tree(tree: Path, path: str) -> None:
    """`out/..` is the tree by its words and /etc for the kernel."""
    done = asked(tree, f"rsync --server --sender -logDtpre.iLsfxCIvu . {tree}{path}")
    assert done.returncode != 0
    assert "does not open" in done.stderr


def test_the_reader_is_begun_for_an_open_path_and_for_nothing_else(tree: Path) -> None:
    assert asked(tree, f"homeport-read {tree}").stdout == f"reader of {tree}\n"
    assert asked(tree, f"homeport-read {tree}/").stdout == f"reader of {tree}\n"
    for words in (
        *(f"homeport-read {path}" for path in ("/etc", f"{tree}/out", f"{tree}/../x", f"{tree}x")),
        f"homeport-read {tree} {tree}",
        f"homeport-read '{tree};id'",
        f"homeport-read --help {tree}",
        "homeport-read",
    ):
        done = asked(tree, words)
        assert done.returncode != 0, words
        assert done.stdout == ""
