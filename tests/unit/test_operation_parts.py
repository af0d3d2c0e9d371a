"""The parts of operations that need no worker: order, retries, events, cancelling, registry."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Cancelled, InvalidInput, NotFound
from engine.inventory.inventory import Inventory
from engine.model.deployment import Deployment, DeploymentStatus
from engine.model.events import LogLine, StepProgress, StepStarted
from engine.model.plan import Effect, Intent, OperationStatus, Plan, PlannedStep
from engine.operations import fault, registry
from engine.operations.cancellation import Cancellation
from engine.operations.eventlog import EventLog
from engine.operations.interpreter import carry_out, sorted_graph
from engine.operations.launch import living_worker, worker_lock
from engine.operations.outcome import record_end
from engine.operations.registry import handles
from engine.operations.retry import RetryPolicy
from engine.operations.runner import StepResult
from engine.operations.step import StepContext, StepOutcome
from engine.paths import Paths
from engine.redaction import Redactor

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def inventory(tmp_path: Path) -> Iterator[Inventory]:
    opened = Inventory.open(Paths.from_environment({"HOMEPORT_HOME": str(tmp_path)}))
    yield opened
    opened.close()


@pytest.fixture
def operation(inventory: Inventory) -> str:
    plan = Plan(
        intent=Intent.DEPLOY,
        deployment="abcd1234",
        name="cal",
        application="toy",
        release="1",
        provider="home",
        domain="cal.home.example",
    )
    made = Deployment(
        **plan.model_dump(include={"name", "application", "release", "provider", "domain"}),
        id="abcd1234",
        created=NOW,
        changed=NOW,
    )
    return inventory.operations.begin(
        plan, lambda connection: inventory.deployments.add(made, connection)
    ).id


def step(name: str, *after: str) -> PlannedStep:
    return PlannedStep(id=name, kind="x@1", title=name, effect=Effect.CREATE, after=after)


# order


@st.composite
def graphs(draw: st.DrawFn) -> list[PlannedStep]:
    count = draw(st.integers(1, 9))
    return [
        step(str(number), *draw(st.sets(st.integers(0, number - 1).map(str), max_size=3)))
        if number
        else step("0")
        for number in range(count)
    ]


@given(graphs(), st.randoms(), st.sets(st.integers(0, 8).map(str)))
def test_no_step_starts_before_what_it_waits_for_or_after_a_failure(
    steps: list[PlannedStep], chance: random.Random, failing: set[str]
) -> None:
    ended_well: set[str] = set()
    failed = False

    def run(planned: PlannedStep) -> Awaitable[StepResult]:
        assert not failed
        assert set(planned.after) <= ended_well
        return work(planned)

    async def work(planned: PlannedStep) -> StepResult:
        nonlocal failed
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        if planned.id in failing:
            failed = True
            return StepResult("failed")
        ended_well.add(planned.id)
        return StepResult("done")

    results = asyncio.run(carry_out(steps, run))
    assert {name for name, result in results.items() if result.is_good} == ended_well
    if not failing & {planned.id for planned in steps}:
        assert len(results) == len(steps)


@pytest.mark.parametrize(
    "steps", [[step("a", "b"), step("b", "a")], [step("a", "x")], [step("a"), step("a")]]
)
def test_plans_without_an_order_are_refused(steps: list[PlannedStep]) -> None:
    with pytest.raises(InvalidInput):
        sorted_graph(steps)


# retries


@given(st.integers(), st.floats(0, 2000))
def test_waits_grow_and_end(seed: int, limit: float) -> None:
    policy = RetryPolicy(limit=limit)
    waits = list(policy.waits(random.Random(seed)))
    assert sum(waits[:-1]) < limit or not waits
    assert sum(waits) <= limit + policy.longest * (1 + policy.scatter)
    assert all(wait <= policy.longest * (1 + policy.scatter) for wait in waits)
    assert all(later >= 0.6 * earlier for earlier, later in itertools.pairwise(waits))


def test_the_limit_comes_from_the_environment() -> None:
    assert RetryPolicy.from_environment({}).limit == 300
    nothing = RetryPolicy.from_environment({"HOMEPORT_RETRY_SECONDS": "0"})
    assert list(nothing.waits(random.Random(1))) == []
    with pytest.raises(InvalidInput):
        RetryPolicy.from_environment({"HOMEPORT_RETRY_SECONDS": "soon"})


# events


def test_gathered_lines_come_before_the_change_that_follows(
    inventory: Inventory, operation: str
) -> None:
    with EventLog(inventory, operation, Redactor()) as events:
        for number in range(50):
            events.log("a", f"line {number}")
        events.say(StepStarted(at=NOW, step="b", title="B"))
        kinds = [event.type for event in inventory.events.after(operation, 1)]
    assert kinds == ["log"] * 50 + ["step-started"]


def test_lines_are_there_soon_without_a_change(inventory: Inventory, operation: str) -> None:
    with EventLog(inventory, operation, Redactor()) as events:
        events.log("a", "alone")
        written = threading.Event()

        def look() -> None:
            while len(inventory.events.after(operation, 1)) < 1:
                pass
            written.set()

        threading.Thread(target=look, daemon=True).start()
        assert written.wait(10)


def test_a_secret_learned_later_is_still_redacted(inventory: Inventory, operation: str) -> None:
    redactor = Redactor()
    with EventLog(inventory, operation, redactor) as events:
        events.log("a", "it is hunter22")
        redactor.hide("hunter22")
    (line,) = inventory.events.after(operation, 1)
    assert isinstance(line, LogLine)
    assert line.text == "it is (secret)"


def test_control_sequences_do_not_reach_the_reader(inventory: Inventory, operation: str) -> None:
    with EventLog(inventory, operation, Redactor()) as events:
        events.log("a", "\x1b[31mred\x1b[0m\x1b]0;title\x07 \x00ok\r\n\n  \nnext\x9b2J")
    lines = [e.text for e in inventory.events.after(operation, 1) if isinstance(e, LogLine)]
    assert lines == ["red ·ok", "next·2J"]


def test_progress_is_thinned_out_but_its_last_figure_stays(
    inventory: Inventory, operation: str
) -> None:
    with EventLog(inventory, operation, Redactor()) as events:
        for number in range(1000):
            events.progress(StepProgress(at=NOW, step="a", done=number, total=1000))
    found = [e for e in inventory.events.after(operation, 1) if isinstance(e, StepProgress)]
    assert found[-1].done == 999
    assert len(found) < 100


# cancelling


def test_cancelling_is_noticed(
    inventory: Inventory, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.operations.cancellation.LOOK_SECONDS", 0.0)
    cancellation = Cancellation(inventory, operation)
    cancellation.raise_if_asked()
    assert inventory.operations.ask_to_stop(operation)
    with pytest.raises(Cancelled):
        cancellation.raise_if_asked()
    inventory.operations.end(operation, OperationStatus.CANCELLED)
    with pytest.raises(Cancelled):
        cancellation.wait(60)


def test_asking_often_is_cheap(inventory: Inventory, operation: str) -> None:
    cancellation = Cancellation(inventory, operation)
    cancellation.raise_if_asked()
    inventory.close()
    inventory.database.read = None  # type: ignore[assignment, method-assign]
    cancellation.raise_if_asked()


# registry


def test_kinds_are_versioned_and_have_one_handler() -> None:
    def handle(ctx: StepContext) -> StepOutcome:
        return StepOutcome()

    with pytest.raises(ValueError, match=r"guest\.ensure@1"):
        handles("unversioned")
    kind = "test-only.twice@1"
    handles(kind)(handle)
    try:
        with pytest.raises(ValueError, match="already"):
            handles(kind)(handle)
        assert registry.handler(kind) is handle
    finally:
        del registry._handlers[kind]


def test_an_unknown_kind_says_what_to_do() -> None:
    with pytest.raises(NotFound) as unknown:
        registry.handler("nobody.knows@7")
    assert "Update Homeport" in unknown.value.do


# worker lock, fault hook


def test_the_lock_tells_who_is_alive(tmp_path: Path) -> None:
    paths = Paths.from_environment({"HOMEPORT_HOME": str(tmp_path)}).ensure()
    assert living_worker(paths) is None
    with worker_lock(paths) as held:
        assert held
        worker = living_worker(paths)
        assert worker is not None
        assert worker.start_ticks > 0
        with worker_lock(paths) as second:
            assert not second
    assert living_worker(paths) is None


def test_faults_are_only_for_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))
    monkeypatch.setenv(fault.KILL_VARIABLE, "a:before")
    monkeypatch.delenv(fault.TESTING_VARIABLE, raising=False)
    with fault.around("a"):
        pass
    monkeypatch.setenv(fault.TESTING_VARIABLE, "1")
    with fault.around("b"):
        pass


# what an end means for the deployment


OLD, NEW = {"port": 80}, {"port": 81}


def ended(
    inventory: Inventory, operation: str, intent: Intent, results: dict[str, str]
) -> Deployment:
    """A deployment that ran with OLD, after an operation towards NEW with these results."""
    inventory.operations.end(operation, OperationStatus.SUCCEEDED)
    inventory.deployments.change("abcd1234", status=DeploymentStatus.RUNNING, values=OLD)
    steps = (
        step("look").model_copy(update={"effect": Effect.READ}),
        step("touch", "look").model_copy(update={"effect": Effect.CHANGE}),
    )
    plan = inventory.operations.get(operation).plan.model_copy(
        update={"intent": intent, "steps": steps, "values": NEW}
    )
    begun = inventory.operations.begin(
        plan,
        lambda connection: inventory.deployments.change(
            "abcd1234", status=DeploymentStatus.CHANGING, connection=connection
        ),
    )
    told = {name: StepResult(outcome) for name, outcome in results.items()}  # type: ignore[arg-type]
    record_end(inventory, begun, told)
    return inventory.deployments.get("abcd1234")


@pytest.mark.parametrize(
    ("intent", "results", "status", "values"),
    [
        (Intent.RECONFIGURE, {"look": "done", "touch": "done"}, "running", NEW),
        (Intent.RECONFIGURE, {"look": "failed"}, "running", OLD),
        (Intent.RECONFIGURE, {"look": "cancelled"}, "running", OLD),
        (Intent.RECONFIGURE, {"look": "done", "touch": "failed"}, "failed", NEW),
        (Intent.RECONFIGURE, {"look": "done", "touch": "cancelled"}, "failed", NEW),
        (Intent.DEPLOY, {"look": "failed"}, "failed", NEW),
        (Intent.DESTROY, {"look": "failed"}, "running", OLD),
        (Intent.DESTROY, {"look": "done", "touch": "done"}, "destroyed", NEW),
    ],
)
def test_the_end_of_an_operation_leaves_the_deployment_as_it_is(
    inventory: Inventory,
    operation: str,
    intent: Intent,
    results: dict[str, str],
    status: str,
    values: dict[str, int],
) -> None:
    found = ended(inventory, operation, intent, results)
    assert found.status.value == status
    assert found.values == values
