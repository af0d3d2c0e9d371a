"""`homeport schema diff`: what a person and a program are told, and by which exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main

LEVELS = {"enum": ["debug", "warning"]}
PORT = {"type": "integer"}


def schema(**options: Any) -> str:
    return json.dumps({"properties": options, "additionalProperties": False})


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "old.json"
    file.write_text(schema(log_level=LEVELS, port=PORT))
    return file


@pytest.fixture
def new(tmp_path: Path) -> Path:
    file = tmp_path / "new.json"
    file.write_text(schema(logging={"properties": {"level": LEVELS}}, port=PORT))
    return file


def test_a_removed_option_comes_with_what_it_may_be_called_now(
    old: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", "diff", str(old), str(new)]) == 1
    said = capsys.readouterr().out
    assert "perhaps now logging.level" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    assert main(["schema", "diff", str(old), str(new), "--json"]) == 1
    removed = next(
        one
        for one in json.loads(capsys.readouterr().out)["differences"]
        if one["kind"] == "removed"
    )
    assert removed["guesses"][0]["new_path"] == ["logging", "level"]
    assert removed["guesses"][0]["reasons"]


def test_who_set_nothing_that_changed_has_nothing_to_do(
    old: Path, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("port = 80\n")
    assert main(["schema", "diff", str(old), str(new), "--values", str(mine)]) == 0
    mine.write_text('log_level = "debug"\n')
    assert main(["schema", "diff", str(old), str(new), "--values", str(mine)]) == 1
    assert "yours: log_level" in capsys.readouterr().out


def test_a_schema_does_not_differ_from_itself(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", "diff", str(old), str(old)]) == 0
    assert capsys.readouterr().out == "Both mean the same.\n"


@pytest.mark.parametrize("text", ["{", "[]", '"text"'])
def test_what_is_no_schema_is_named(
    text: str, old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(text)
    assert main(["schema", "diff", str(old), str(bad)]) == 2
    assert "bad.json" in capsys.readouterr().err
    assert main(["schema", "diff", str(tmp_path / "missing.json"), str(old)]) == 2
