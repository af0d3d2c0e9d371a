"""Unit files are read back here by the lab's own reader of systemd's syntax, which was
written independently, and checked by systemd itself where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.lab.guest.unit_syntax import (
    expand_specifiers,
    expand_variables,
    sections,
    split_words,
)
from engine.methods.unitfile import Unit

HOSTILE = [
    "$HOME",
    "${HOME}",
    "$$",
    "%n%%",
    "a b",
    "'",
    '"',
    "\\",
    "\\n",
    "\\\\",
    ";",
    "; /bin/sh",
    "",
    "#x",
    "é",
    "-",
    "@x",
    "`id`",
    "a\\",
]
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


def unit(**more: object) -> Unit:
    fields = {
        "description": "App",
        "exec": ("/bin/true",),
        "user": "hp-app",
        "directory": "/var/lib/app",
    } | more
    return Unit(**fields)  # type: ignore[arg-type]


def values(text: str, name: str) -> list[str]:
    assignments = [pair for lines in sections(text).values() for pair in lines]
    return [value for key, value in assignments if key == name]


def words(text: str, name: str) -> list[str]:
    (value,) = values(text, name)
    return [expand_specifiers(word, {}) for word in split_words(value)]


@given(st.lists(TEXT))
def test_arguments_come_back_as_they_were(arguments: list[str]) -> None:
    text = unit(exec=("/bin/app", *arguments)).text()
    found = expand_variables(words(text, "ExecStart"), {"HOME": "/root"})
    assert found == ["/bin/app", *arguments]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_arguments_come_back_as_they_were(value: str) -> None:
    text = unit(exec=("/bin/app", value, value)).text()
    assert expand_variables(words(text, "ExecStart"), {}) == ["/bin/app", value, value]


@given(TEXT, TEXT)
def test_variables_come_back_as_they_were(one: str, two: str) -> None:
    text = unit(environment={"ONE": one, "TWO": two}).text()
    found = [
        expand_specifiers(word, {})
        for value in values(text, "Environment")
        for word in split_words(value)
    ]
    assert found == [f"ONE={one}", f"TWO={two}"]


@given(st.text(), st.characters(categories=["Cc", "Zl", "Zp"]), st.text())
def test_control_characters_are_refused_everywhere(before: str, control: str, after: str) -> None:
    value = before + control + after
    for fields in (
        {"description": value},
        {"exec": ("/bin/app", value)},
        {"environment": {"A": value}},
        {"directory": value},
        {"writable": (value,)},
    ):
        with pytest.raises(InvalidInput):
            unit(**fields).text()


@pytest.mark.parametrize("program", ["app", "-/bin/app", "@/bin/app", "+/bin/app", "", "/b$x"])
def test_program_must_be_an_absolute_path(program: str) -> None:
    with pytest.raises(InvalidInput):
        unit(exec=(program,)).text()


@pytest.mark.parametrize("name", ["A=B", "A B", "", "1A", "A\nB", "Ä"])
def test_variable_names_are_checked(name: str) -> None:
    with pytest.raises(InvalidInput):
        unit(environment={name: "x"}).text()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    file = tmp_path / "homeport-test.service"
    text = unit(
        exec=("/bin/true", *HOSTILE),
        before=(("/bin/true", "x"),),
        reload=("/bin/true",),
        environment={"A": "%$ \" '"},
        runtime_directory="homeport/test",
        writable=("/var/lib/a b",),
        after=("postgresql.service",),
        user="root",
        directory="/",
    ).text()
    file.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    about_ours = [line for line in done.stderr.splitlines() if "homeport-test" in line]
    assert about_ours == []
