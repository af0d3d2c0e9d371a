"""What a provider can do to a deployment: the error is clear, retrying goes on, and
destroying leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.demo.use import use_application
from engine.lab.api.faults import clear_faults, set_fault
from engine.operations.retry import LIMIT_VARIABLE
from tests.deployed import Installation, check_nothing_left, installation
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Case:
    """A fault, how it is told of, and whether the operation gets through all by itself.

    says: words that stand in what, why or do of the error.
    """

    name: str
    api: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    passes: bool = False


CASES = (
    Case("offline", api={"offline": True}, says=("Check that the host is on",)),
    Case("slow", api={"slow": 1.0}, passes=True),
    Case("node does not answer", api={"gateway": 99}, says=("timed out", "node is on")),
    Case("node answers again", api={"gateway": 3}, passes=True),
    Case("locked", api={"locked": {"*": "backup"}}, says=("locked",)),
    Case("no space", api={"no_space": ["local-lvm"]}, says=("local-lvm", "space")),
    Case("no rights", api={"revoked": ["VM.Allocate"]}, says=("VM.Allocate", "pveum")),
    Case("token refused", api={"unauthorised": True}, says=("token",)),
    Case("id taken by somebody else", api={"stolen": 2}, passes=True),
    Case(
        "task fails",
        api={"fail_task": {"qmstart": "kvm: no such device"}},
        says=("no such device",),
    ),
    Case("answer lost", api={"lost_answers": 1}, passes=True),
    Case("name server refuses", names={"refuse": True}, says=("harbour-a.lab",)),
    Case("name server offline", names={"offline": True}, says=("harbour-a.lab",)),
)


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


@pytest.fixture
def short_retries(monkeypatch: pytest.MonkeyPatch, here: Installation) -> Iterator[None]:
    here.end_worker()
    monkeypatch.setenv(LIMIT_VARIABLE, "3")
    yield
    here.end_worker()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.usefixtures("short_retries")
def test_fault_is_explained_and_retrying_goes_on(here: Installation, case: Case) -> None:
    name = "fault-" + str(CASES.index(case))
    plan = here.plan("radicale", name)
    switch_off = switch_on(here, case)
    try:
        operation = here.finish(here.homeport.apply(plan, plan.hash))
        if case.passes:
            assert operation.status.value == "succeeded", repr(operation.error)
        else:
            assert operation.status.value == "failed"
            check_explained(operation.error, case.says)
    finally:
        switch_off()
    if not case.passes:
        operation = here.finish(here.homeport.resume(operation.id))
        assert operation.status.value == "succeeded", repr(operation.error)
    assert use_application(here.homeport, name)
    assert here.destroy(name).status.value == "succeeded"
    check_nothing_left(here, name)


@pytest.mark.usefixtures("short_retries")
@pytest.mark.parametrize("step", ["qmstart", "qmcreate"])
def test_destroy_cleans_up_after_a_deploy_that_failed(here: Installation, step: str) -> None:
    name = f"broken-{step}"
    directory = here.lab.lab.directory / "harbour-a"
    set_fault(directory, "fail_task", {step: "it is broken"})
    try:
        assert here.deploy("radicale", name).status.value == "failed"
    finally:
        clear_faults(directory)
    assert here.destroy(name).status.value == "succeeded"
    check_nothing_left(here, name)


def switch_on(here: Installation, case: Case) -> Callable[[], None]:
    """The case's faults; gives what switches them off again."""
    api = here.lab.lab.directory / "harbour-a"
    names = here.lab.lab.directory / "names" / "faults.json"
    for fault, value in case.api.items():
        set_fault(api, fault, value)  # type: ignore[arg-type]
    if case.names:
        names.write_text(json.dumps(case.names))

    def switch_off() -> None:
        clear_faults(api)
        Path(names).unlink(missing_ok=True)

    return switch_off


def check_explained(error: dict[str, Any] | None, says: tuple[str, ...]) -> None:
    assert error is not None
    assert error["what"]
    assert error["why"]
    assert error["do"]
    told = " ".join(str(error[key]) for key in ("what", "on", "why", "do"))
    for words in says:
        assert words in told
