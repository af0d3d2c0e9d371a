"""The review of an upgrade on the screen, driven by keys as somebody would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from engine.errors import RemoteFailure
from engine.homeport import DeploymentView
from tests.tui.form_driving import Held
from tui.app import HomeportApp
from tui.screens.plan import PlanPage
from tui.screens.upgrade import ReviewPage
from tui.screens.upgrade_deployment import WatchPage, draft_key
from tui.screenshots.example import ExampleHomeport
from tui.screenshots.example_review import NOTHING_TO_DECIDE, VALUES
from tui.widgets.row_editor import RowEditor

Run = Callable[[Any], Any]
KEY = draft_key("chat", "2.0")


class Reviewed(Held):
    """The interface, with the dashboard or a review in front."""

    @property
    def page(self) -> ReviewPage:
        page = self.app.screen
        assert isinstance(page, ReviewPage), page
        return page

    @property
    def review(self) -> Any:
        assert self.page.review is not None
        return self.page.review

    @property
    def under_cursor(self) -> str:
        row = self.page.grid.row
        return row.path if row is not None else ""


@asynccontextmanager
async def reviewed(
    values: Mapping[str, Any] = VALUES,
    size: tuple[int, int] = (80, 24),
    engine: ExampleHomeport | None = None,
    *,
    opened: bool = True,
) -> AsyncIterator[Reviewed]:
    """A review of the example's chat server."""
    if engine is None:
        engine = ExampleHomeport()
        engine.offer_newer_chat(values)
    app = HomeportApp(engine.opener)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        held = Reviewed(app, pilot, engine)
        if opened:
            app.open_upgrade("chat")
            await held.see("to decide")
        yield held


def test_with_nothing_to_decide_three_keys_lead_from_the_dashboard_to_the_operation(
    run: Run,
) -> None:
    async def test() -> None:
        async with reviewed(NOTHING_TO_DECIDE, opened=False) as held:
            await held.see("1 update")
            await held.press("down")  # to the deployment; not a part of the upgrade
            await held.press("u", "p")  # at once: the plan waits for the review
            await held.see("a apply")
            await held.press("a")
            await held.see("disconnect")
            assert held.engine.ran[0].plan.intent.value == "upgrade"
            assert held.engine.remembered == ["chat 1.0 -> 2.0"]
            assert KEY not in held.engine.drafts

    run(test())


def test_what_needs_somebody_is_shown_first_and_a_decision_goes_on_to_the_next(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            assert "4 to decide" in held.screen
            assert held.page.grid.line_count == 4
            assert held.under_cursor == "server.workers"
            assert "1 keep yours  8" in held.screen
            await held.press("k")
            assert "you keep yours" in held.line("server.workers")
            assert "3 to decide" in held.screen
            assert held.under_cursor == "limits.idle_timeout"
            await held.press("N")
            assert held.under_cursor == "legacy_identity"
            await held.press("n")
            assert held.under_cursor == "limits.idle_timeout"
            await held.press("u")
            assert held.under_cursor == "server.workers"
            assert "4 to decide" in held.screen
            await held.press("U")
            assert "3 to decide" in held.screen

    run(test())


def test_the_plan_waits_for_the_decisions_and_says_which(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("f", "f", "end")
            await held.press("p")
            assert "4 to decide before that; the first is server.workers" in held.screen
            assert held.under_cursor == "server.workers"
            await held.press("1", "1", "1", "1")
            assert "0 to decide" in held.screen
            assert "p shows the plan" in held.screen
            await held.press("p")
            await held.see("a apply")
            assert isinstance(held.app.screen, PlanPage)
            assert "server.workers" not in held.screen  # kept: no change of the configuration
            assert "tls.lowest" in held.screen

    run(test())


def test_actions_say_what_speaks_for_them_and_what_comes_of_them(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("n", "enter")
            assert "it is now limits.timeout_idle  99% likely" in held.screen
            assert "the same description" in held.screen
            assert "it would be  300" in held.screen
            await held.press("escape")
            assert held.review.queue == held.review.queue
            assert held.under_cursor == "limits.idle_timeout"
            await held.press("enter", "enter")
            assert "limits.timeout_idle" in held.screen
            assert held.review.document()["limits"]["timeout_idle"] == 300

    run(test())


def test_a_value_is_typed_and_checked_as_in_a_form(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("e", "ctrl+u", *"zero")
            assert "whole number" in held.screen
            await held.press("ctrl+u", *"16", "enter")
            assert held.review.document()["server"]["workers"] == 16
            assert held.under_cursor == "limits.idle_timeout"
            await held.press("n", "e")  # one of two versions: chosen, not typed
            assert held.app.screen.query_one(RowEditor).is_open
            await held.press("1", "enter")
            assert held.review.document()["tls"]["lowest"] in ("1.2", "1.3")
            assert "2 to decide" in held.screen

    run(test())


def test_what_was_typed_and_left_is_there_again(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("e", "ctrl+u", *"17", "escape")
            assert "Not taken over" in held.screen
            assert len(held.review.queue) == 4
            await held.press("e", "enter")
            assert held.review.document()["server"]["workers"] == 17

    run(test())


def test_several_are_decided_at_once_only_after_their_count_is_seen(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("b")
            assert "do what is suggested for 4 options" in held.screen
            assert len(held.review.queue) == 4
            await held.press("escape")
            assert len(held.review.queue) == 4
            await held.press("b", *["down"] * 2, "enter")
            assert len(held.review.queue) < 4
            await held.press("u")
            assert len(held.review.queue) == 4

    run(test())


def test_filters_sections_and_search_narrow_the_rows(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("m")
            assert "[what you set]" in held.screen
            assert "federation.allow" in held.screen
            assert "limits.presence" not in held.screen
            await held.press("m", "/", *"traffic", "enter")
            assert held.page.grid.line_count == 2  # both have it in their help
            await held.press("escape")
            assert held.page.grid.line_count == 10
            await held.press("o")
            assert "limits" in held.screen
            await held.press("l", "enter")
            assert held.page.grid.line_count == 4
            assert "in limits" in held.screen
            await held.press("escape")
            assert held.page.grid.line_count == 10

    run(test())


def test_leaving_keeps_the_decisions_and_coming_back_takes_them_up(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("2", "escape")
            await held.see("3 deployments")
            assert held.engine.drafts[KEY]["answers"][0]["do"] == "take new default"
            held.app.open_upgrade("chat")
            await held.see("Here again: 1 decision")
            assert "3 to decide" in held.screen
            await held.press("x", "x")
            await held.see("4 to decide")
            assert KEY not in held.engine.drafts

    run(test())


def test_taking_all_decisions_back_leaves_no_draft_of_them(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("1")
            held.page.keep_now()
            await held.pilot.pause(0.1)
            assert held.engine.drafts[KEY]["answers"]
            await held.press("u", "escape")
            await held.see("3 deployments")
            assert not held.engine.drafts[KEY]["answers"]

    run(test())


def test_decisions_that_cannot_be_kept_are_not_left_before_that_was_said(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with reviewed() as held:

            def full(key: str, document: object) -> None:
                raise RemoteFailure("the draft cannot be written", why="no space left on device")

            monkeypatch.setattr(held.engine, "save_draft", full)
            await held.press("1", "escape")
            await held.see("Not kept; Esc or q again loses it: no space left")
            await held.press("escape")
            await held.see("3 deployments")

    run(test())


def test_two_people_decide_and_no_decision_of_either_is_lost(run: Run) -> None:
    async def test() -> None:
        async with reviewed() as held:
            other = held.engine.review_upgrade("chat", who="robin")
            other.do(other.queue[-1], other.detail(other.queue[-1]).actions[0])
            held.engine.save_draft(KEY, other.dump())
            await held.press("1")
            held.page.keep_now()
            await held.see("robin decides here too")
            assert len(held.review.queue) == 2
            held.page.keep_now()
            await held.pilot.pause(0.1)
            assert {one["by"] for one in held.engine.drafts[KEY]["answers"]} == {"kim", "robin"}

    run(test())


def test_a_colleague_watches_and_decides_nothing(run: Run) -> None:
    async def test() -> None:
        async with reviewed(opened=False) as held:
            await held.see("1 update")
            held.app.watch_upgrade("chat")
            await held.see("0 decisions so far")
            assert isinstance(held.page, WatchPage)
            await held.press("1", "k", "b")
            assert len(held.review.queue) == 4
            other = held.engine.review_upgrade("chat", who="robin")
            other.do(other.queue[0], other.detail(other.queue[0]).actions[0])
            held.engine.save_draft(KEY, other.dump())
            await held.see("1 decision so far, the last by robin")
            assert "3 to decide" in held.screen
            assert "you keep yours" in held.line("server.workers")
            await held.see("Decided by robin")

    run(test())


def test_old_and_new_stand_side_by_side_on_a_wide_terminal_with_the_same_rows(run: Run) -> None:
    async def test(size: tuple[int, int]) -> list[str]:
        async with reviewed(size=size) as held:
            await held.press("i")
            rows = [held.page.grid.row_at(at).path for at in range(held.page.grid.line_count)]
            moved = held.line("server.log.verbose")
            assert ("server.verbose" in moved) == (size[0] >= 120)
            return rows

    assert run(test((80, 24))) == run(test((120, 40)))


def test_the_last_upgrade_can_be_taken_back_only_if_there_is_one(run: Run) -> None:
    async def test() -> None:
        async with reviewed(opened=False) as held:
            await held.see("1 update")
            held.app.open_deployment("chat")
            await held.see("u reviews it")
            await held.press("b")
            assert "no upgrade to take back" in held.screen

    run(test())


def test_a_report_of_the_decisions_goes_to_a_file(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        async with reviewed() as held:
            await held.press("1", "r")
            await held.see("Save the report")
            await held.press("ctrl+u", *str(tmp_path / "report.txt"), "enter")
            await held.see("The report is in")

    run(test())
    text = (tmp_path / "report.txt").read_text()
    assert "kim" in text
    assert "server.workers" in text


class Slow(ExampleHomeport):
    """Says what is deployed when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = Event()

    def deployments(self, *, destroyed: bool = False) -> list[DeploymentView]:
        self.may_answer.wait(10)
        return super().deployments(destroyed=destroyed)


def test_an_upgrade_asked_for_before_anything_is_known_opens_as_soon_as_it_is(run: Run) -> None:
    async def test() -> None:
        engine = Slow()
        engine.offer_newer_chat(VALUES)
        async with reviewed(engine=engine, opened=False) as held:
            await held.press("u")
            assert "as soon as it is known" in held.screen
            engine.may_answer.set()
            await held.see("to decide")
            assert isinstance(held.app.screen, ReviewPage)
            await held.press("escape")
            await held.see("deployments")
            assert "as soon as it is known" not in held.screen

    run(test())


def test_an_upgrade_asked_for_early_is_answered_where_nothing_is_newer(run: Run) -> None:
    async def test() -> None:
        engine = Slow()
        engine.finish_what_runs()
        async with reviewed(engine=engine, opened=False) as held:
            await held.press("u")
            engine.may_answer.set()
            await held.see("Nothing here has a newer release")

    run(test())
