"""Operations in the worker process: killed, hung up on, cancelled, failed, retried."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import Busy, RemoteFailure
from engine.model.deployment import DeploymentStatus
from engine.model.events import LogLine, StepFinished, StepRetrying
from engine.operations.fault import KILL_VARIABLE, RECORD
from tests.integration.toy_operations import ToyInstallation, step, toy_installation, wait_for

pytestmark = pytest.mark.integration

DIAMOND = (
    step("a", seconds=0.1),
    step("b", after=("a",), seconds=0.2),
    step("c", after=("a",), seconds=0.1),
    step("d", after=("b", "c"), seconds=0.1),
)


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyInstallation]:
    with toy_installation(tmp_path, monkeypatch) as installation:
        yield installation


def check_everything_once(toys: ToyInstallation) -> None:
    assert Counter(toys.lines("effects")) == Counter("abcd")


MOMENTS = [f"{name}:{moment}" for name in "abcd" for moment in ("before", "after", "after-journal")]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_boundary_it_ends_right_and_makes_nothing_twice(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setenv(KILL_VARIABLE, moment)
    operation = toys.begin(DIAMOND)
    toys.run(operation)
    assert (toys.paths.state / RECORD).read_text().split() == [moment]
    assert toys.status(operation) == "succeeded"
    check_everything_once(toys)
    if moment.endswith("after-journal"):
        killed = moment[0]
        assert toys.lines("calls").count(killed) == 1


@pytest.mark.parametrize("seed", range(8))
def test_killed_anywhere_it_ends_right_and_makes_nothing_twice(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    monkeypatch.setenv(KILL_VARIABLE, f"{chance.choice('abcd')}:{chance.randrange(0, 100)}")
    operation = toys.begin(DIAMOND)
    toys.run(operation)
    assert (toys.paths.state / RECORD).exists()
    assert toys.status(operation) == "succeeded"
    check_everything_once(toys)


def test_independent_steps_run_side_by_side(toys: ToyInstallation) -> None:
    names = "abcd"
    operation = toys.begin([step(name, seconds=1.0) for name in names])
    events = toys.run(operation)
    started = [event.at for event in events if event.type == "step-started"]
    finished = [event.at for event in events if event.type == "step-finished"]
    assert len(started) == len(finished) == len(names)
    assert max(started) < min(finished)


def test_terminated_worker_records_the_step_at_work_and_the_next_one_goes_on(
    toys: ToyInstallation,
) -> None:
    operation = toys.begin([step("a", seconds=1.0), step("b", after=("a",))])
    toys.start_worker()
    wait_for(lambda: toys.lines("calls") == ["a"])
    toys.end_worker(signal.SIGTERM)
    assert list(toys.inventory.finished_steps.of(operation.id)) == ["a"]
    assert toys.status(operation) == "running"
    toys.run(operation)
    assert toys.status(operation) == "succeeded"
    assert toys.lines("calls") == ["a", "b"]


def test_worker_outlives_the_terminal_of_its_starter(toys: ToyInstallation) -> None:
    operation = toys.begin([step("a", seconds=1.5)])
    code = (
        "import sys, time\n"
        "from engine.operations.launch import ensure_worker\n"
        "from engine.paths import Paths\n"
        "ensure_worker(Paths.from_environment())\n"
        "sys.stdout.write('started'); sys.stdout.flush(); time.sleep(60)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": f"{os.environ['PYTHONPATH']}:{Path.cwd()}"},
    )
    try:
        assert starter.stdout is not None
        assert starter.stdout.read(7) == b"started"
        worker = toys.worker_pid()
        assert os.getsid(worker) != os.getsid(starter.pid)
        os.killpg(starter.pid, signal.SIGHUP)
        starter.wait(10)
    finally:
        starter.kill()
        starter.wait()
        assert starter.stdout is not None
        starter.stdout.close()
    wait_for(lambda: toys.status(operation) == "succeeded")
    assert toys.worker_pid() == worker


def test_cancel_stops_within_the_step_and_resume_finishes(toys: ToyInstallation) -> None:
    operation = toys.begin([step("a"), step("long", "slow", ("a",)), step("b", after=("long",))])
    toys.start_worker()
    wait_for(lambda: "long" in toys.lines("calls"))
    toys.control.cancel(operation.id)
    wait_for(lambda: toys.status(operation) == "cancelled")
    assert toys.lines("effects") == ["a"]
    assert toys.inventory.deployments.get("toytoy01").status is DeploymentStatus.FAILED
    resumed = toys.control.resume(operation.id)
    assert resumed.attempt == 2
    wait_for(lambda: toys.lines("calls").count("long") == 2)
    assert toys.lines("calls").count("a") == 1


def test_cancel_before_a_worker_came_changes_nothing(toys: ToyInstallation) -> None:
    operation = toys.begin([step("a")])
    toys.control.cancel(operation.id)
    toys.run(operation)
    assert toys.status(operation) == "cancelled"
    assert toys.lines("calls") == []


def test_resume_goes_on_behind_the_finished_steps(toys: ToyInstallation) -> None:
    operation = toys.begin([step("a"), step("gate", "gated", ("a",)), step("beside", seconds=0.5)])
    toys.run(operation)
    failed = toys.inventory.operations.get(operation.id)
    assert failed.status.value == "failed"
    assert failed.error is not None
    assert failed.error["do"] == "Open it."
    assert toys.inventory.deployments.get("toytoy01").status is DeploymentStatus.FAILED
    toys.open_gate()
    toys.control.resume(operation.id)
    toys.run(operation)
    assert toys.status(operation) == "succeeded"
    assert Counter(toys.lines("effects")) == Counter(["a", "beside", "gate"])
    assert toys.lines("calls").count("a") == 1
    assert toys.lines("calls").count("beside") == 1
    assert toys.inventory.deployments.get("toytoy01").status is DeploymentStatus.RUNNING


def test_what_may_pass_by_itself_is_tried_again(toys: ToyInstallation) -> None:
    operation = toys.begin([step("line", "flaky", failures=3)])
    events = toys.run(operation)
    retries = [event for event in events if isinstance(event, StepRetrying)]
    assert toys.status(operation) == "succeeded"
    assert [event.error["code"] for event in retries] == ["unreachable"] * 3
    assert retries[0].wait_seconds < retries[-1].wait_seconds


def test_what_does_not_pass_fails_at_the_limit(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_RETRY_SECONDS", "0.5")
    operation = toys.begin([step("line", "flaky", failures=1000)])
    toys.run(operation)
    error = toys.inventory.operations.get(operation.id).error
    assert error is not None
    assert error["code"] == "unreachable"


def test_cancel_ends_the_waiting_between_retries(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_RETRY_SECONDS", "1000")
    operation = toys.begin([step("line", "flaky", failures=1000)])
    toys.start_worker()
    wait_for(lambda: len(toys.lines("calls")) >= 2)
    toys.control.cancel(operation.id)
    wait_for(lambda: toys.status(operation) == "cancelled", 10)


def test_second_operation_on_a_deployment_is_refused(toys: ToyInstallation) -> None:
    operation = toys.begin([step("long", "slow")])
    with pytest.raises(Busy) as refused:
        toys.inventory.operations.begin(operation.plan)
    assert operation.id in refused.value.why
    toys.control.cancel(operation.id)
    toys.run(operation)


def test_secrets_never_reach_the_database_or_the_logs(toys: ToyInstallation) -> None:
    canary = 'canary "7f3a" 100%/+='
    (toys.ledger / "secret").write_text(canary)
    operation = toys.begin([step("talk", "babble", lines=300)])
    events = toys.run(operation)
    lines = [event.text for event in events if isinstance(event, LogLine)]
    assert lines[0] == "the password is (secret)"
    assert lines[-1] == "line 299"
    assert [line for line in lines if line.startswith("line ")] == [f"line {n}" for n in range(300)]
    toys.run(toys.begin([step("spill", "spill")], "toytoy02"))
    toys.end_worker(signal.SIGTERM)
    toys.inventory.close()
    assert b"KeyError" in (toys.paths.state / "worker.log").read_bytes()
    for path in toys.paths.state.rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes(), path
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_handler_that_breaks_fails_its_step_and_not_the_worker(toys: ToyInstallation) -> None:
    first = toys.begin([step("broken", "broken")])
    toys.run(first)
    second = toys.begin([step("leaky", "leaky")], "toytoy02")
    toys.run(second)
    third = toys.begin([step("unknown", "nobody-wrote-this")], "toytoy03")
    events = toys.run(third)
    for operation in (first, second, third):
        assert toys.status(operation) == "failed"
    ended = [event for event in events if isinstance(event, StepFinished)]
    assert ended[0].error is not None
    assert "plugin" in ended[0].error["why"]


def test_what_somebody_must_bring_back_is_waited_for_beyond_the_limit(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_RETRY_SECONDS", "0.4")
    first = toys.begin([step("a", "held"), step("b", after=("a",))])
    toys.start_worker()
    wait_for(lambda: toys.lines("calls").count("a") > 12)  # some 4 fit into the limit
    toys.open_gate()
    events = toys.run(first)
    assert toys.status(first) == "succeeded"
    told = [event.error for event in events if isinstance(event, StepRetrying)]
    assert {error["what"] for error in told} == {"the vault is sealed"}
    assert {error["do"] for error in told} == {"Unseal it."}


def test_what_is_held_can_be_cancelled(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_RETRY_SECONDS", "0.4")
    operation = toys.begin([step("a", "held")])
    toys.start_worker()
    wait_for(lambda: toys.lines("calls").count("a") > 6)
    toys.control.cancel(operation.id)
    toys.run(operation)
    assert toys.status(operation) == "cancelled"


def test_idle_worker_ends_by_itself(toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEPORT_WORKER_IDLE", "1")
    toys.start_worker()
    worker = toys.worker_pid()
    wait_for(lambda: not Path(f"/proc/{worker}").exists())


def test_a_worker_that_cannot_work_is_told_to_who_waits(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.operations.control._MOST_STARTS", 3)
    monkeypatch.setenv("HOMEPORT_RETRY_SECONDS", "soon")
    operation = toys.begin([step("a")])
    with pytest.raises(RemoteFailure, match="does not stay alive") as told:
        list(toys.control.follow(operation.id))
    assert "retry limit" in told.value.why
    monkeypatch.setenv("HOMEPORT_RETRY_SECONDS", "5")
    toys.run(operation)
    assert toys.status(operation) == "succeeded"


def test_waiting_worker_stays_small_and_ready(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives back what its work took, as a new process under the same number."""
    monkeypatch.setattr("tests.integration.toy_operations.DEADLINE", 120.0)
    toys.run(toys.begin([step("a")]))
    worker = toys.worker_pid()
    log = toys.paths.state / "worker.log"
    wait_for(lambda: log.read_text().count("began") == 2, 120)
    assert toys.worker_pid() == worker
    status = Path(f"/proc/{worker}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(resident.split()[1]) <= 80 * 1024
    second = toys.begin([step("b")], "toytoy02")
    toys.run(second)
    assert toys.status(second) == "succeeded"
