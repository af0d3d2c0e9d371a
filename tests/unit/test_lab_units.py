"""Unit files are read as systemd reads them: what Homeport writes comes back word for word."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lab.guest.service_result import judge, wants_restart
from engine.lab.guest.unit_syntax import (
    BadValue,
    expand_specifiers,
    expand_variables,
    seconds,
    sections,
    split_words,
)
from engine.lab.guest.units import BadUnit, UnitNotFound, load_unit
from engine.methods.unitfile import Unit, command, quoted, setting

PRINTABLE = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\x7f\x85\u2028\u2029")
)


def read(words: str, environment: dict[str, str] | None = None) -> list[str]:
    expanded = [expand_specifiers(word, {}) for word in split_words(words)]
    return expand_variables(expanded, environment or {})


@given(st.lists(PRINTABLE))
def test_a_command_line_of_ours_is_read_back_word_for_word(arguments: list[str]) -> None:
    words = ["/usr/bin/program", *arguments]
    line = command(words)
    assert read(line, {"HOME": "/expanded"}) == words


@given(st.text(string.ascii_uppercase, min_size=1), PRINTABLE)
def test_a_variable_of_ours_is_read_back_as_it_is(name: str, value: str) -> None:
    (word,) = split_words(setting(name, value))
    assert expand_specifiers(word, {}) == f"{name}={value}"


@given(PRINTABLE)
def test_quoting_makes_exactly_one_word(value: str) -> None:
    assert split_words(quoted(value)) == [value]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        (r'"a\"b" c\x20d \101 \s', ['a"b', "c d", "A", " "]),
        ("--option='one two'", ["--option=one two"]),
        ("''", [""]),
        ("", []),
    ],
)
def test_words_are_split_as_systemd_does(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ["'open", '"open', r"\q"])
def test_what_systemd_refuses_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        split_words(text)


def test_variables_are_words_or_parts_of_words() -> None:
    environment = {"MANY": "a b", "ONE": "c d"}
    assert read("$MANY ${ONE} x${ONE} $$HOME $NONE ${NONE}", environment) == [
        "a",
        "b",
        "c d",
        "xc d",
        "$HOME",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("100ms", 0.1), ("1min 30s", 90), ("2h", 7200), ("infinity", float("inf"))],
)
def test_time_spans(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        seconds(text)


@given(st.text())
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    sections(text)


# --- whole units ------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("etc/systemd/system", "usr/lib/systemd/system"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/hostname").write_text("cal\n")
    return tmp_path


def put(root: Path, name: str, text: str, place: str = "etc/systemd/system") -> None:
    path = root / place / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_a_unit_that_homeport_writes_means_what_was_meant(root: Path) -> None:
    unit = Unit(
        description="100% ours",
        exec=("/opt/x/bin/run", "--name", 'a "b" $HOME %n'),
        before=(("/bin/true",),),
        user="hp-x",
        directory="/var/lib/x",
        environment={"KEY": "a b%"},
        after=("postgresql.service",),
        stop_seconds=7,
        runtime_directory="homeport/x",
    )
    put(root, "x.service", unit.text())
    found = load_unit(root, "x.service")
    assert found.description == "100% ours"
    (start,) = found.command("ExecStart")
    assert expand_variables(list(start.words), {"HOME": "no"}) == list(unit.exec)
    assert found.environment == {"KEY": "a b%"}
    assert (found.type, found.stop_seconds, found.restart) == ("exec", 7, "on-failure")
    assert found.runtime_directories == ("homeport/x",)
    assert "postgresql.service" in found.after
    assert found.wanted_by == ("multi-user.target",)


def test_the_administrators_unit_and_its_drop_ins_win(root: Path) -> None:
    vendor = "usr/lib/systemd/system"
    put(root, "x.service", "[Service]\nExecStart=/bin/vendor\nEnvironment=A=1 B=1\n", vendor)
    put(root, "x.service.d/10.conf", "[Service]\nExecStart=\nExecStart=/bin/dropped\n")
    put(root, "x.service.d/20.conf", "[Service]\nEnvironment=B=2\n")
    found = load_unit(root, "x.service")
    assert [c.words for c in found.command("ExecStart")] == [("/bin/dropped",)]
    assert found.environment == {"A": "1", "B": "2"}
    put(root, "x.service", "[Service]\nExecStart=-/bin/own\nExecStart=\nExecStart=-/bin/own\n")
    put(root, "x.service.d/10.conf", "")
    (start,) = load_unit(root, "x.service").command("ExecStart")
    assert (start.words, start.ignore_failure) == (("/bin/own",), True)


def test_an_instance_of_a_template_knows_its_name(root: Path) -> None:
    put(root, "x@.service", "[Service]\nExecStart=/bin/run %i %n %p\n")
    (start,) = load_unit(root, "x@one.service").command("ExecStart")
    assert start.words == ("/bin/run", "one", "x@one.service", "x")


@pytest.mark.parametrize(
    "text",
    [
        "[Service]\nType=exec\n",
        "[Service]\nExecStart=/bin/a\nExecStart=/bin/b\n",
        "[Service]\nType=guess\nExecStart=/bin/a\n",
        "[Service]\nExecStart=/bin/a 'open\n",
        "[Service]\nExecStart=/bin/a %y\n",
        "[Service]\nExecStart=/bin/a\nRestartSec=soon\n",
    ],
)
def test_a_unit_that_systemd_would_refuse_is_refused(root: Path, text: str) -> None:
    put(root, "x.service", text)
    with pytest.raises(BadUnit):
        load_unit(root, "x.service")


def test_a_missing_unit_is_said(root: Path) -> None:
    with pytest.raises(UnitNotFound):
        load_unit(root, "x.service")


@pytest.mark.parametrize(
    ("restart", "status", "again"),
    [
        ("no", 1, False),
        ("always", 0, True),
        ("on-failure", 0, False),
        ("on-failure", 3, True),
        ("on-failure", -9, True),
        ("on-failure", -15, False),
        ("on-success", -15, True),
        ("on-abort", 3, False),
        ("on-abort", -11, True),
    ],
)
def test_what_an_end_means(root: Path, restart: str, status: int, again: bool) -> None:
    put(root, "x.service", f"[Service]\nExecStart=/bin/a\nRestart={restart}\n")
    unit = load_unit(root, "x.service")
    assert wants_restart(unit, judge(unit, status)) is again
