"""The interface in a real terminal: what goes over the wire, and what ends it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.terminal import Terminal, python

PLAY = str(Path(__file__).with_name("play.py"))
BYTES_PER_MOVE = 600
BYTES_PER_SECOND = 1000
ALTERNATE_SCREEN_LEFT = b"\x1b[?1049l"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOMEPORT_HOME": str(tmp_path)}


@pytest.fixture
def terminal(environ: dict[str, str]) -> Iterator[Terminal]:
    with Terminal(python(PLAY, "dashboard"), environ=environ) as opened:
        opened.until(lambda output: b"3 deployments" in output)
        opened.settle(1.0)
        yield opened


def test_a_cursor_move_costs_hundreds_of_bytes(terminal: Terminal) -> None:
    for key in ("\x1b[B", "\x1b[B", "\x1b[A"):
        # Two rows, and the detail of another deployment.
        assert 0 < len(terminal.press(key)) <= 2 * BYTES_PER_MOVE


def test_walking_through_backups_costs_hundreds_of_bytes(terminal: Terminal) -> None:
    terminal.send("\r")
    terminal.until(lambda output: b"1 Overview" in output)
    terminal.send("6")
    terminal.until(lambda output: b"KEPT BY" in output)
    terminal.settle(1.0)
    for key in ("\x1b[B", "\x1b[B", "\x1b[A"):
        assert 0 < len(terminal.press(key)) <= BYTES_PER_MOVE


def test_a_move_under_way_is_quiet_on_the_wire(environ: dict[str, str]) -> None:
    """Rate, amount and times are painted twice a second at most."""
    with Terminal(python(PLAY, "moving"), environ=environ) as terminal:
        terminal.until(lambda output: b"MB/s" in output)
        terminal.settle(0.2, seconds=2)
        sent, begun = 0, time.monotonic()
        while time.monotonic() < begun + 4:
            sent += len(terminal.read(0.5))
        assert 0 < sent <= 4 * BYTES_PER_SECOND


def test_nothing_is_sent_while_nothing_happens(terminal: Terminal) -> None:
    assert terminal.read(2.5) == b""
    terminal.press("o")
    assert terminal.read(2.5) == b""  # nor for the dashboard, which reads on below the page


def test_keys_that_come_at_once_take_effect_in_their_order(terminal: Terminal) -> None:
    for keys, seen in (
        ("\r", b"1 Overview"),
        ("x", b"cannot be undone"),
        ("a", b"type its name"),
        ("calendax\r", b"That is not calendar"),
        ("\x7fr\r", b"Safe to disconnect"),
    ):
        terminal.send(keys)
        terminal.until(lambda output, seen=seen: seen in output)


def test_leaving_says_what_to_run_next(terminal: Terminal) -> None:
    terminal.send("q")
    assert terminal.wait() == 0
    left = bytes(terminal.output).rpartition(ALTERNATE_SCREEN_LEFT)[2]
    assert b"nothing is running" in left
    assert b"homeport" in left


def test_keys_behind_the_one_that_leaves_open_nothing_any_more(terminal: Terminal) -> None:
    terminal.send("qcpobd")
    assert terminal.wait() == 0
    assert b"defect" not in bytes(terminal.output)


def test_hanging_up_ends_it(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.wait() == -signal.SIGHUP


def test_a_lost_terminal_ends_it_also_without_a_signal(environ: dict[str, str]) -> None:
    deaf = (
        "import runpy, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        f"sys.argv = ['play', 'dashboard']; runpy.run_path({PLAY!r}, run_name='__main__')"
    )
    with Terminal(python("-c", deaf), environ=environ) as terminal:
        terminal.until(lambda output: b"3 deployments" in output)
        terminal.hang_up()
        assert terminal.wait() == 128 + signal.SIGHUP


@pytest.mark.parametrize("term", ["linux", "screen", "xterm-256color", "vt220"])
def test_terminals_get_colours_they_have(term: str, environ: dict[str, str]) -> None:
    with Terminal(python(PLAY, "dashboard"), term=term, environ=environ) as terminal:
        terminal.until(lambda output: b"3 deployments" in output)
        terminal.settle()
        output = bytes(terminal.output)
        assert b"\x1b[38;2;" not in output
        assert b"\x1b[48;2;" not in output
        if term != "xterm-256color":
            assert b";5;" not in output.replace(b"\x1b[>", b"")
        terminal.send("q")
        assert terminal.wait() == 0


def test_a_dumb_terminal_is_told_what_to_run_instead(environ: dict[str, str]) -> None:
    entry = "import sys; from tui.entry import main; sys.argv = ['homeport']; sys.exit(main())"
    with Terminal(python("-c", entry), term="dumb", environ=environ) as terminal:
        assert terminal.wait() == 2
        assert b"homeport catalog" in bytes(terminal.output)
        assert b"\x1b[" not in bytes(terminal.output)


def test_a_storm_of_sizes_leaves_a_readable_page(terminal: Terminal) -> None:
    for columns in (*range(200, 40, -7), 160, 61, 79, 40, 80):
        terminal.resize(columns, max(10, columns // 3))
    terminal.resize(80, 24)
    terminal.settle(0.5)
    del terminal.output[:]
    terminal.press("c")
    assert b"3 applications" in bytes(terminal.output)
    terminal.send("q")
    assert terminal.wait() == 0


def test_a_defect_ends_in_sentences_and_shows_no_value(environ: dict[str, str]) -> None:
    defect = (
        "import runpy, sys; from tui.screens.catalog import CatalogPage\n"
        "def break_it(page):\n"
        "    canary = 'CANARY-in-a-local'\n"
        "    raise ValueError('CANARY-in-the-words ' + canary)\n"
        "CatalogPage.on_mount = break_it\n"
        f"sys.argv = ['play', 'dashboard']; runpy.run_path({PLAY!r}, run_name='__main__')"
    )
    with Terminal(python("-c", defect), environ=environ) as terminal:
        terminal.until(lambda output: b"3 deployments" in output)
        terminal.send("c")
        assert terminal.wait() == 1
        output = bytes(terminal.output)
    left = output.rpartition(ALTERNATE_SCREEN_LEFT)[2].decode()
    log = Path(environ["HOMEPORT_HOME"]) / "interface.log"
    assert "defect" in left
    assert "Operations go on" in left
    assert str(log) in left.replace("\r\n", "")
    assert "homeport operations" in left
    assert b"CANARY" not in output
    written = log.read_text()
    assert "break_it" in written
    assert "ValueError" in written
    assert "CANARY" not in written
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_dashboard_is_seen_before_the_engine_is_there(
    environ: dict[str, str], tmp_path: Path
) -> None:
    for opening in ("first", "second"):
        with Terminal(python(PLAY, "dashboard"), environ=environ) as t:
            t.until(lambda output: b"3 deployments" in output)
            assert (b"as of" in bytes(t.output)) == (opening == "second")
            t.send("q")
            t.wait()
    kept = tmp_path / "dashboard.json"
    assert kept.stat().st_mode & 0o777 == 0o600
