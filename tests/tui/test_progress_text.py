"""What the events of an operation add up to on the screen: rates, times, ends, phases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.deployment import Deployment
from engine.model.events import StepFinished, StepProgress, StepStarted
from engine.model.move import MovePhase
from engine.model.plan import Intent, OperationStatus
from tui.moving import PHASES, move_standing, phases_of
from tui.progress import Progress
from tui.screens.outcome import cancelling_means, outcome
from tui.screens.progress_text import phase_line, step_rows
from tui.screenshots.example import ExampleHomeport
from tui.screenshots.example_backups import BACKED_UP
from tui.screenshots.example_move import MOVED_CHAT, MOVING_CHAT, events_of_move, move_of_chat
from tui.screenshots.example_values import NOW, plan_for
from tui.text import length


def half_way() -> Progress:
    progress = Progress(MOVING_CHAT)
    progress.take(events_of_move())
    return progress


def said(progress: Progress, step: str, width: int = 77) -> str:
    rows = {key: content for content, key in step_rows(progress, NOW, width)}
    return "".join(span.text for span in rows[step])


@settings(max_examples=40)
@given(
    width=st.integers(57, 157),  # of the smallest terminal and up
    done=st.integers(0, 10**12),
    more=st.integers(0, 10**12),
    seconds=st.floats(0.1, 9e5),
)
def test_a_step_fits_its_line_whatever_it_carries(
    width: int, done: int, more: int, seconds: float
) -> None:
    progress = half_way()
    for after, amount in ((0.0, 0), (seconds, done)):
        at = NOW + timedelta(seconds=after)
        event = StepProgress(
            at=at, step="state.seed.media", done=amount, total=done + more, unit="bytes"
        )
        progress.take([event])
    for content, _ in step_rows(progress, NOW, width):
        assert length(content) <= width


def test_a_rate_is_that_of_the_last_seconds_and_begins_anew_with_the_step() -> None:
    progress = half_way()
    step = progress.steps["state.seed.media"]
    assert step.rate == pytest.approx(61 * 2**20)
    late = NOW + timedelta(seconds=60)
    for second in range(12):
        at = late + timedelta(seconds=second)
        done = step.done or 0.0
        progress.take(
            [StepProgress(at=at, step=step.step.id, done=done + 1000, total=None, unit="bytes")]
        )
    assert step.rate == pytest.approx(1000)
    assert step.seconds_left is None
    progress.take([StepStarted(at=late, step=step.step.id, title="again", attempt=2)])
    assert step.rate is None


def test_what_was_carried_is_still_said_when_it_is_done() -> None:
    assert "222.3 MB" in said(half_way(), "state.seed.database")
    assert "64.0 MB/s" in said(half_way(), "state.seed.media")


def test_phases_come_in_their_order_and_other_plans_have_none() -> None:
    phases = phases_of(MOVING_CHAT.plan)
    assert sorted(phases, key=PHASES.index) == phases
    assert set(phases) == set(PHASES)
    steps = MOVING_CHAT.plan.steps
    of = dict(zip((step.id for step in steps), phases, strict=True))
    assert of["passage.open"] == "prepare"
    assert of["state.delta.media"] == "freeze"
    assert of["dns.apply"] == "switch"
    assert phases_of(BACKED_UP.plan) == []


def test_a_step_that_is_not_known_belongs_to_the_phase_it_stands_in() -> None:
    plan = MOVING_CHAT.plan
    at = next(i for i, step in enumerate(plan.steps) if step.id == "source.freeze")
    hold = plan.steps[at].model_copy(update={"id": "hold", "kind": "move.hold@1"})
    longer = plan.model_copy(update={"steps": (*plan.steps[:at], hold, *plan.steps[at:])})
    assert phases_of(longer)[at] == "seed"


def test_the_line_of_phases_shows_what_is_done_what_runs_and_what_waits() -> None:
    line = "".join(span.text for span in phase_line(half_way()))
    assert line.split() == ["+", "prepare", ">", "seed", *PHASES[2:]]


def test_nobody_is_away_before_the_freeze_and_after_the_first_answer_time_stands_still() -> None:
    progress = half_way()
    assert progress.away_seconds(NOW) is None
    frozen = NOW - timedelta(seconds=12)
    progress.take([StepStarted(at=frozen, step="source.freeze", title="Stop it")])
    assert progress.away_seconds(NOW) == 12
    answered = frozen + timedelta(seconds=5)
    progress.take(
        [
            StepStarted(at=answered, step="move.serving", title="Wait"),
            StepFinished(at=NOW, step="move.serving", outcome="done", seconds=2),
        ]
    )
    assert progress.away_seconds(NOW + timedelta(hours=1)) == 7


def test_a_move_that_was_taken_back_is_not_away_any_more() -> None:
    progress = half_way()
    progress.take([StepStarted(at=NOW, step="source.freeze", title="Stop it")])
    progress.status = "failed"
    assert progress.away_seconds(NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize("intent", list(Intent))
def test_every_good_end_is_said_in_words_of_its_own(intent: Intent) -> None:
    plan = plan_for(_chat(), Intent.RECONFIGURE).model_copy(update={"intent": intent})
    run = MOVED_CHAT.model_copy(update={"plan": plan})
    sentence = outcome(Progress(run))
    assert ("new configuration" in sentence) == (intent is Intent.RECONFIGURE)


def test_what_cancelling_means_depends_on_how_far_a_move_is() -> None:
    progress = Progress(MOVING_CHAT)
    assert "t goes on" in cancelling_means(progress)
    assert "serves on at harbour-a" in cancelling_means(half_way())
    progress.steps["source.fence"].state = "done"
    assert "nobody answered" in cancelling_means(progress)


@pytest.mark.parametrize(
    ("phase", "writer", "keys"),
    [
        (MovePhase.OBSERVING, "harbour-b", "cv"),
        (MovePhase.MOVING, "harbour-b", "tv"),
        (MovePhase.MOVING, "harbour-a", "t"),
        (MovePhase.STOPPED, "harbour-a", "mc"),
        (MovePhase.REVERTED, "harbour-a", "c"),
        (MovePhase.CONFIRMED, "harbour-b", ""),
    ],
)
def test_what_can_be_done_about_a_move_is_offered_by_where_it_stands(
    phase: MovePhase, writer: str, keys: str
) -> None:
    engine = ExampleHomeport()
    engine.move_chat(over=True)
    move = move_of_chat(phase).model_copy(update={"writer": writer})
    view = replace(engine.deployment("chat"), move=move)
    standing = move_standing(view, NOW)
    assert "".join(key for key, _ in (standing.keys if standing else ())) == keys
    if standing is not None:
        assert all(f"{key} " in standing.do for key in keys)
    running = MOVING_CHAT.model_copy(update={"status": OperationStatus.RUNNING})
    assert move_standing(replace(view, operation=running), NOW) is None


def _chat() -> Deployment:
    return ExampleHomeport().deployment("chat").deployment
