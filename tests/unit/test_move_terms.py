"""What is asked of a move on the command line, what its plan makes of it, and its report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.approval import NOT_APPROVED
from engine.cli.main import main
from engine.cli.watch import describe
from engine.errors import Conflict, InvalidInput, NotFound
from engine.homeport import Homeport
from engine.model.events import QuestionAnswered, QuestionAsked, StepFinished, event_adapter
from engine.model.forecast import Forecast, UnitSize
from engine.model.move import Forwarded, MovePhase, MoveTerms
from engine.model.plan import Operation, OperationStatus, Plan
from engine.move_report import report_data
from engine.move_report_pages import report_html, report_text
from engine.planning.forecast import Speeds, phase_of, predicted_downtime
from engine.planning.migrate import Extent, plan_migrate, terms_of
from engine.planning.quantities import kib_of, seconds_of, time_of
from tests.unit.test_migrate_plans import MIGRATE, NOW, at, moved
from tests.unit.test_moving import homeport as homeport  # the fixture
from tui.progress import Progress

HERE = timezone(timedelta(hours=2))
TERMS = st.builds(
    MoveTerms,
    window_seconds=st.none() | st.floats(1, 1e6),
    hold=st.booleans(),
    begin_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    limit_kib=st.integers(0, 10**6),
)


def planned_with(terms: MoveTerms) -> Plan:
    return plan_migrate(at("away"), at("home"), "home", terms=terms)


@given(TERMS)
def test_a_plan_holds_what_was_asked_so_that_it_can_be_made_again(terms: MoveTerms) -> None:
    plan = planned_with(terms)
    assert terms_of(plan) == terms
    assert planned_with(terms_of(plan)).hash == plan.hash
    assert ("move.hold" in {step.id for step in plan.steps}) == (
        terms.hold or terms.begin_at is not None
    )


def test_a_hold_comes_right_before_the_freeze_and_says_when_it_ends() -> None:
    plan = planned_with(MoveTerms(hold=True, begin_at=NOW))
    ids = [step.id for step in plan.steps]
    assert ids.index("move.hold") + 1 == ids.index("source.freeze")
    (hold,) = [step for step in plan.steps if step.id == "move.hold"]
    assert "2026-11-26 12:00:00 UTC or homeport continue toy-1" in hold.subject


def test_sizes_tell_how_long_each_phase_takes_and_what_takes_the_most() -> None:
    sizes = (
        UnitSize(unit="data", kind="files", items=10, bytes=4_000_000_000),
        UnitSize(unit="rows", kind="mariadb", items=1, bytes=1_000_000_000, waits=True),
    )
    speeds = Speeds(copy=100e6, whole=20e6, compare=200e6)
    plan = plan_migrate(at("away"), at("home"), "home", extent=Extent(sizes, speeds))
    expected = {step.id: step.expected_seconds for step in plan.steps}
    assert expected["state.seed.data"] == pytest.approx(40, rel=0.05)
    assert expected["state.delta.rows"] == pytest.approx(51, rel=0.05)
    assert expected["state.delta.data"] < 1
    assert plan.forecast is not None
    assert plan.forecast.bytes == 5_000_000_000
    assert plan.forecast.limiting == "copy the rest of rows"
    assert plan.forecast.away_seconds == pytest.approx(predicted_downtime(plan.steps))
    assert "copy the rest of rows" in plan.warnings[0]


def test_what_was_compared_before_the_freeze_is_not_foreseen_to_be_read_again() -> None:
    rows = UnitSize(unit="rows", kind="postgresql", items=1, bytes=50_000_000_000)
    sizes = (rows.model_copy(update={"compared_ahead": True}),)
    plan = plan_migrate(at("away"), at("home"), "home", extent=Extent(sizes, Speeds()))
    assert plan.forecast is not None
    assert plan.forecast.away_seconds < 20


def test_a_window_that_looks_too_short_is_said_before_anything_is_done() -> None:
    assert "it takes about" in planned_with(MoveTerms(window_seconds=1)).warnings[-1]
    assert "frozen only when" in planned_with(MoveTerms(window_seconds=500)).warnings[-1]


def test_every_step_of_a_move_belongs_to_a_phase() -> None:
    phases = [phase_of(step, MIGRATE.steps) for step in MIGRATE.steps]
    assert list(dict.fromkeys(phases)) == [
        *("prepare", "copy", "freeze", "last copy", "verify", "fence", "start", "switch")
    ]


def test_the_question_is_a_line_of_the_log_wherever_events_are_shown() -> None:
    asked = QuestionAsked(at=NOW, step="move.hold", text="Begin now?", until=NOW)
    answered = QuestionAnswered(at=NOW, step="move.hold", text="somebody said now")
    assert event_adapter.validate_json(asked.model_dump_json()) == asked
    assert describe(asked) == "12:00:00  ?  Begin now?"
    operation = Operation(id="0a1b", plan=MIGRATE, status=OperationStatus.RUNNING, created=NOW)
    progress = Progress(operation)
    progress.take([asked, answered])
    assert [text for _, text in progress.log] == ["Begin now?", "somebody said now"]


# the command line


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1.5h", 5400), ("45", 45), ("2 min", 120)]
)
def test_lengths_of_time_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "0s", "5 fortnights", "1e9s", "٣s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a length of time"):
        seconds_of(text)


@pytest.mark.parametrize(("text", "kib"), [("500K", 500), ("20M", 20480), ("1GiB/s", 1 << 20)])
def test_rates_are_read_as_people_write_them(text: str, kib: int) -> None:
    assert kib_of(text) == kib
    for wrong in ("", "0K", "fast", "-1M", "5"):
        with pytest.raises(InvalidInput, match="not a rate"):
            kib_of(wrong)


def test_a_time_of_day_is_the_next_one_and_local() -> None:
    now = datetime(2026, 11, 26, 22, 0, tzinfo=HERE)
    assert time_of("23:30", now) == datetime(2026, 11, 26, 23, 30, tzinfo=HERE)
    assert time_of("3:05", now) == datetime(2026, 11, 27, 3, 5, tzinfo=HERE)
    assert time_of("2026-11-27T01:00", now) == datetime(2026, 11, 27, 1, 0, tzinfo=HERE)
    assert time_of("2026-11-26T21:30Z", now) == datetime(2026, 11, 26, 21, 30, tzinfo=UTC)
    for over in ("2026-11-26T21:59", "2020-01-01"):
        with pytest.raises(InvalidInput, match="is over"):
            time_of(over, now)
    for wrong in ("24:00", "noon", "12:60", ""):
        with pytest.raises(InvalidInput, match="not a time"):
            time_of(wrong, now)


def test_only_a_move_that_waits_can_be_told_to_go_on(homeport: Homeport) -> None:
    with pytest.raises(Conflict, match="does not move"):
        homeport.continue_move("cal")
    plan = homeport.plan_migrate("cal", "away", MoveTerms(hold=True))
    operation = homeport.apply(plan, plan.hash)
    moves = homeport._inventory.moves
    moves.begin(plan.deployment, "home", "away", operation.id)
    with pytest.raises(Conflict, match="not yet"):
        homeport.continue_move("cal")
    moves.held(plan.deployment)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.operations.launch.ensure_worker", lambda paths: None)
        homeport.continue_move("cal")
    with pytest.raises(Conflict, match="goes on already"):
        homeport.continue_move("cal")


def test_a_plan_says_that_it_does_not_know_the_sizes_of_a_source_it_cannot_ask(
    homeport: Homeport,
) -> None:
    plan = homeport.plan_migrate("cal", "away")
    assert plan.forecast is not None
    assert "could not be asked" in plan.forecast.unknown
    assert "not known yet" in plan.warnings[-1]


def test_a_report_is_refused_for_what_is_no_ended_move(homeport: Homeport) -> None:
    with pytest.raises(NotFound):
        homeport.move_report("0000")
    (operation,) = homeport.operations("cal")
    with pytest.raises(InvalidInput, match="and of nothing else"):
        homeport.move_report(operation.id)


def test_no_report_is_written_of_a_move_that_nobody_approved(
    homeport: Homeport, tmp_path: Path
) -> None:
    file = tmp_path / "report.txt"
    assert main(["migrate", "cal", "--to", "away", "--report", str(file)]) == NOT_APPROVED
    assert not file.exists()
    given = ["migrate", "cal", "--to", "away", "--plan", "--report", str(file)]
    assert main(given) == InvalidInput.exit_status


# what is counted, and the report


def test_what_came_by_the_old_address_is_told_in_words() -> None:
    assert Forwarded(total=0, last_hour=0).told() == "No request came by the old address."
    some = Forwarded(total=312, last_hour=1, since=NOW, latest=NOW)
    assert some.told().startswith("1 request came by the old address in the last hour, 312")


def test_a_report_tells_what_was_foreseen_what_was_measured_and_how_it_was_proven() -> None:
    extent = Extent((UnitSize(unit="data", kind="files", items=3, bytes=5_000_000),))
    plan = plan_migrate(at("away"), at("home"), "home", extent=extent)
    operation = Operation(
        id="0a1b", plan=plan, status=OperationStatus.SUCCEEDED, created=NOW, ended=NOW
    )
    events = [StepFinished(at=NOW, step="source.freeze", outcome="done", seconds=1.5)]
    outputs = {
        "state.seed.data": {"bytes": 5_000_000},
        "state.delta.data": {"bytes": 1000},
        "state.compare.data": {"level": "V2", "items": 3, "bytes": 5_000_000},
        "state.converge": {"predicted_seconds": 4.2},
        "source.fence": {"proofs": ["the <unit> is masked"]},
        "move.serving": {"downtime_seconds": 3.9},
        "backlog.watch": {"backlog": {"mail": {"before": 12, "now": 345, "usual": False}}},
    }
    move = moved(MovePhase.OBSERVING, frozen=NOW, served=NOW)
    data = report_data(operation, events, outputs, move, "No request came.", NOW)
    json.dumps(data)
    text, html = report_text(data), report_html(data)
    figures = ("4.2 s", "3.9 s", "5.0 MB", "V2", "345")
    for said in (*figures, "freeze", "No request came.", "home", "away", "look at its workers"):
        assert said in text
        assert said in html
    assert "the <unit> is masked" in text
    assert "the &lt;unit&gt; is masked" in html
    assert "<script" not in html


def test_a_report_of_a_move_that_failed_says_what_is_left() -> None:
    error = {"what": "it broke", "why": "no luck", "left": "the source serves", "do": "x"}
    operation = Operation(
        id="0a1b", plan=MIGRATE, status=OperationStatus.FAILED, created=NOW, ended=NOW, error=error
    )
    text = report_text(report_data(operation, [], {}, None, "", NOW))
    assert "It ended as failed: it broke: no luck. the source serves." in text
    assert Forecast().away_seconds == 0
