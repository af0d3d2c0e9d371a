"""`homeport review`: the upgrade of a configuration in a file, with and without a screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from textual.pilot import Pilot

from engine.cli.main import main
from engine.homeport import Homeport
from engine.paths import Paths
from engine.review_desk import ReviewDesk
from tests.tui.terminal import Terminal, python
from tui.review_app import ReviewApp
from tui.screens.upgrade_file import ReviewFilePage
from tui.screenshots.scenes import seen

Run = Callable[[Any], Any]
OLD, NEW = "1.114.0", "1.163.2"
VALUES = """\
# Set up in 2024
default_room_version: "9"
media_retention:
  local_media_lifetime: 90d   # the disk is small
experimental_features:
  msc3886_endpoint: /rendezvous
"""
ANSWERS = """\
answers:
  - {option: default_room_version, do: take new default}
  - {option: experimental_features.msc3886_endpoint, do: take out, why: nobody used it}
"""


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    file = tmp_path / "homeserver.yaml"
    file.write_text(VALUES)
    return file


def command(values: Path, *more: str) -> int:
    return main(["review", "synapse", OLD, NEW, str(values), *more])


def test_without_a_person_what_is_open_is_named_and_nothing_written(
    values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = values.with_name("new.yaml")
    assert command(values, "--plain", "-o", str(output)) == 2
    said = capsys.readouterr().err
    assert "2 to decide; nothing was written" in said
    assert "default_room_version" in said
    assert not output.exists()


def test_answers_decide_and_the_values_keep_their_comments(values: Path) -> None:
    answers, output = values.with_name("answers.yaml"), values.with_name("new.yaml")
    answers.write_text(ANSWERS)
    assert command(values, "--plain", "-o", str(output), "--answers", str(answers)) == 0
    text = output.read_text()
    assert "# the disk is small" in text
    assert yaml.safe_load(text) == {"media_retention": {"local_media_lifetime": "90d"}}
    assert values.read_text() == VALUES
    assert answers.read_text() == ANSWERS  # it says no more than it did


def test_answers_that_do_not_apply_are_named(
    values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = values.with_name("answers.yaml")
    answers.write_text(ANSWERS + "  - {option: no.such.option, do: keep}\n")
    assert command(values, "--plain", "--answers", str(answers)) == 2
    assert "not taken: no.such.option" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["txt", "html", "json"])
def test_a_report_says_what_was_decided(values: Path, ending: str) -> None:
    answers, report = values.with_name("answers.yaml"), values.with_name(f"report.{ending}")
    answers.write_text(ANSWERS)
    assert command(values, "--plain", "--answers", str(answers), "--report", str(report)) == 0
    text = report.read_text()
    assert "nobody used it" in text
    assert ("<html" in text) == (ending == "html")
    assert report.stat().st_mode & 0o777 == 0o600


def test_what_was_in_the_reports_file_is_kept(
    values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, old = values.with_name("report.txt"), values.with_name("report.txt.orig")
    report.write_text("something of mine")
    command(values, "--plain", "--report", str(report))
    assert "something of mine" not in report.read_text()
    assert old.read_text() == "something of mine"
    assert str(old) in capsys.readouterr().err


def test_releases_in_the_wrong_order_are_refused(
    values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", "synapse", NEW, OLD, str(values), "--plain"]) == 2
    assert "does not come after" in capsys.readouterr().err


@asynccontextmanager
async def desk_open(values: Path, **files: str) -> AsyncIterator[tuple[ReviewApp, Pilot[str]]]:
    def opener() -> ReviewDesk:
        paths = Paths.from_environment()
        drafts = paths.state / "reviews"
        homeport = Homeport.open(paths)
        return ReviewDesk(homeport, "synapse", OLD, NEW, str(values), drafts=drafts, **files)

    app = ReviewApp(opener, "synapse", proposal=str(values.with_name("proposed.yaml")))
    async with app.run_test(size=(80, 24)) as pilot:
        await seen(pilot, "to decide")
        yield app, pilot


def test_decisions_lead_to_the_files(run: Run, values: Path) -> None:
    answers = values.with_name("answers.yaml")

    async def test() -> None:
        async with desk_open(values, answers=str(answers)) as (app, pilot):
            await pilot.press("s")
            await seen(pilot, "2 to decide before that")
            await pilot.press("2", "1", "s")
            await seen(pilot, "Save the new values as")
            await pilot.press("enter")
            await seen(pilot, "Written: proposed.yaml, answers.yaml")
            await pilot.press("q")
            await pilot.pause(0.2)
            assert "the new values are in" in app.farewell.text()

    run(test())
    proposed = yaml.safe_load(values.with_name("proposed.yaml").read_text())
    assert proposed == {"media_retention": {"local_media_lifetime": "90d"}}
    kept = yaml.safe_load(answers.read_text())
    assert [one["do"] for one in kept["answers"]] == ["take new default", "take out"]


def test_leaving_keeps_the_decisions_for_these_values(run: Run, values: Path) -> None:
    async def test() -> None:
        async with desk_open(values) as (app, pilot):
            await pilot.press("2", "q")
            await pilot.pause(0.2)
            assert "kept as a draft" in app.farewell.text()
        async with desk_open(values) as (app, pilot):
            await seen(pilot, "Here again: 1 decision")
            page = app.screen
            assert isinstance(page, ReviewFilePage)
            assert page.review is not None
            assert len(page.review.queue) == 1

    run(test())


def test_an_existing_file_is_kept_beside_what_is_written_over_it(run: Run, values: Path) -> None:
    output = values.with_name("new.yaml")
    output.write_text("mine: 1\n")

    async def test() -> None:
        async with desk_open(values, output=str(output)) as (_, pilot):
            await pilot.press("2", "1", "s")
            await seen(pilot, "new.yaml.orig")

    run(test())
    assert values.with_name("new.yaml.orig").read_text() == "mine: 1\n"


@pytest.fixture
def terminal(values: Path) -> Iterator[Terminal]:
    entry = (
        "import sys; from tui.entry import main; "
        f"sys.argv = ['homeport', 'review', 'synapse', {OLD!r}, {NEW!r}, {str(values)!r}]; "
        "sys.exit(main())"
    )
    with Terminal(python("-c", entry)) as opened:
        opened.until(lambda output: b"2 to decide" in output)
        opened.settle(1.0)
        yield opened


def test_a_cursor_move_costs_hundreds_of_bytes(terminal: Terminal) -> None:
    terminal.press("fff")  # all 418 rows
    terminal.press("\x1b[H")
    keys = 8
    sent = len(terminal.press("\x1b[B\x1b[A" * (keys // 2))) / keys
    assert 0 < sent <= 600


def test_leaving_says_how_to_go_on(terminal: Terminal) -> None:
    terminal.press("2")
    terminal.send("q")
    assert terminal.wait() == 0
    left = bytes(terminal.output).rpartition(b"\x1b[?1049l")[2].replace(b"\r\n", b" ")
    assert b"homeport review synapse 1.114.0 1.163.2" in left
