"""Plans of upgrades and their way back, and what the end of such an operation means."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.catalog.package import StateUnit
from engine.errors import InvalidInput
from engine.inventory.inventory import Inventory
from engine.model.deployment import Deployment, DeploymentStatus, Resource, ResourceKind
from engine.model.events import StepFinished
from engine.model.plan import Change, Effect, Intent, Operation, OperationStatus, Plan
from engine.operations.gates import newer_releases, refuse_older
from engine.operations.interpreter import carry_out_or_back, sorted_graph
from engine.operations.outcome import record_end
from engine.operations.runner import StepResult
from engine.operations.wayback import way_back_of
from engine.planning.desired import Desired
from engine.planning.upgrade import outlived, passed_releases, plan_rollback, plan_upgrade
from tests.unit.test_planning import SCHEMA, desired, outline, package

OLD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"port": {"type": "integer"}, "gone": {"type": "string"}},
}
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def toy() -> Any:
    unit = {"id": "data", "kind": "files", "locator": "{data}", "class": "irreplaceable"}
    cache = {"id": "cache", "kind": "redis", "locator": "x", "class": "cache"}
    units = tuple(StateUnit.model_validate(fields) for fields in (unit, cache))
    return package(state=units)


def old_and_new() -> tuple[Desired, Desired]:
    return (
        desired("1.0", package=toy(), values={"port": 1, "gone": "x"}),
        desired("2.0", package=toy(), values={"server": {"port": 1}}),
    )


def owned(kind: ResourceKind, key: str, day: int = 1) -> Resource:
    return Resource(
        deployment="abcd1234",
        provider="home",
        kind=kind,
        key=key,
        created=datetime(2026, 1, day, tzinfo=UTC),
    )


def upgrade(**more: Any) -> Plan:
    old, new = old_and_new()
    resources = [owned(ResourceKind.SECRET, "admin-password"), *more.pop("resources", ())]
    return plan_upgrade(new, old, SCHEMA, OLD_SCHEMA, resources=resources, **more)


def test_upgrade_plan() -> None:
    plan = upgrade(archived={"gone": "x"})
    assert outline(plan) == [
        "  upgrade.check@1 toy-1: room for its state; Toy 2.0 takes these values",
        "+ app.install@1 Toy 2.0 <- upgrade.check",
        "~ app.stop@1 Toy 1.0 <- app.install",
        "+ state.capture@1 data and its configuration, on the guest <- app.stop",
        "~ app.configure@1 Toy 2.0 <- state.capture",
        "~ app.run@1 Toy 2.0 <- app.configure",
        "~ accounts.ensure@1 account admin <- app.run",
        "  app.health@1 toy.home.example <- accounts.ensure",
        "+ values.archive@1 gone <- app.health",
    ]
    assert plan.changes == (
        Change(path="gone", old="x", new=None),
        Change(path="port", old=1, new=None),
        Change(path="server.port", old=None, new=1),
    )
    assert plan.release == "2.0"
    assert not plan.deletes


def test_an_upgrade_carries_its_way_back_to_the_old_release_and_values() -> None:
    plan = upgrade()
    back = plan.rollback
    assert back is not None
    assert (back.release, back.values) == ("1.0", {"port": 1, "gone": "x"})
    assert [step.kind for step in back.steps] == [
        "app.stop@1",
        "state.capture@1",
        "state.restore@1",
        "app.run@1",
        "app.health@1",
    ]
    assert plan.rollback_from == "app.stop"
    assert not plan.rollback_ids & {step.id for step in plan.steps}
    sorted_graph(back.steps)
    sorted_graph(plan.steps)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_rollback_names_what_leaves_and_can_itself_be_taken_back() -> None:
    old, new = old_and_new()
    plan = plan_rollback(old, new, OLD_SCHEMA, SCHEMA, upgrade="0123456789ab", captured=NOW)
    assert [step.kind for step in plan.steps] == [
        "upgrade.check@1",
        "app.install@1",
        "app.stop@1",
        "state.capture@1",
        "state.restore@1",
        "app.run@1",
        "app.health@1",
    ]
    rotated = plan_rollback(
        *(old, new, OLD_SCHEMA, SCHEMA),
        upgrade="0123456789ab",
        captured=NOW,
        has_moved_on=True,
    )
    assert [step.kind for step in rotated.steps][4:6] == ["state.restore@1", "app.configure@1"]
    assert "since 2026-01-02 03:04 UTC" in plan.warnings[0]
    assert "(data)" in plan.warnings[0]
    restored = next(step for step in plan.steps if step.kind == "state.restore@1")
    assert restored.args == {"name": "before", "operation": "0123456789ab"}
    assert plan.rollback is not None
    assert plan.rollback.release == "2.0"


def test_secrets_that_a_package_has_now_are_made() -> None:
    old, new = old_and_new()
    kinds = [step.kind for step in plan_upgrade(new, old, SCHEMA, OLD_SCHEMA).steps]
    assert kinds[:2] == ["upgrade.check@1", "secrets.ensure@1"]


def test_captures_are_kept_for_the_operation_before_and_older_ones_named_for_removal() -> None:
    kept = [
        owned(ResourceKind.CAPTURE, "aaa.before", 1),
        owned(ResourceKind.CAPTURE, "bbb.before", 2),
        owned(ResourceKind.CAPTURE, "bbb.since", 2),
        owned(ResourceKind.GUEST, "main", 1),
    ]
    assert outlived(kept) == ["aaa.before"]
    assert outlived(kept[1:]) == []
    plan = upgrade(resources=kept)
    [removed] = plan.deletes
    assert removed.args == {"names": ["aaa.before"]}
    assert "aaa.before" in removed.subject
    assert plan.steps[-1] == removed


def test_releases_between_are_passed_oldest_first() -> None:
    releases = package().releases
    more = package(releases=(releases[0].model_copy(update={"version": "3.0"}), *releases))
    assert passed_releases(more, "1.0", "3.0") == ["2.0", "3.0"]
    assert passed_releases(more, "0.9", "2.0") == ["1.0", "2.0"]
    assert newer_releases(more, "2.0") == ["3.0"]


@pytest.mark.parametrize(("wanted", "word"), [("1.0", "older"), ("2.0", "already")])
def test_an_upgrade_never_leads_back_or_nowhere(wanted: str, word: str) -> None:
    deployment = made().model_copy(update={"release": "2.0"})
    with pytest.raises(InvalidInput) as raised:
        refuse_older(package(), deployment, package().release(wanted))
    assert word in raised.value.why


# --- the way back -----------------------------------------------------------------------


def made() -> Deployment:
    return Deployment(
        id="abcd1234",
        name="toy-1",
        application="toy",
        release="1.0",
        provider="home",
        domain="toy.home.example",
        values={"port": 1, "gone": "x"},
        status=DeploymentStatus.RUNNING,
        created=NOW,
        changed=NOW,
    )


@pytest.fixture
def inventory(tmp_path: Path) -> Iterator[Inventory]:
    from engine.paths import Paths

    opened = Inventory.open(Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r"))
    with opened.database.write() as connection:
        opened.deployments.add(made(), connection)
    yield opened
    opened.close()


def carried_out(plan: Plan, failing: set[str], *, turned_back: bool = False) -> list[str]:
    ran: list[str] = []

    async def run(step: Any) -> StepResult:
        ran.append(step.id)
        return StepResult("failed" if step.id in failing else "done", {"what": step.id})

    asyncio.run(carry_out_or_back(plan, run, turned_back=turned_back))
    return ran


def test_the_way_back_is_taken_where_something_had_begun_to_change() -> None:
    plan = upgrade()
    assert "back.app.stop" not in carried_out(plan, set())
    assert carried_out(plan, {"app.install"}) == ["upgrade.check", "app.install"]
    for failing in ("app.stop", "state.capture", "app.run", "app.health"):
        ran = carried_out(plan, {failing})
        assert ran[ran.index(failing) + 1 :] == [s.id for s in plan.rollback.steps]  # type: ignore[union-attr]
    assert carried_out(plan, {"back.state.restore"}, turned_back=True) == [
        "back.app.stop",
        "back.state.capture",
        "back.state.restore",
    ]


def ended(
    inventory: Inventory, failing: str, *, back: int = 0, cancelled: bool = False
) -> tuple[OperationStatus, Operation, Deployment]:
    """An upgrade that failed at this step; of its way back so many steps ended well, and one
    more failed where that are not all. back < 0: none was tried."""
    plan = upgrade()
    assert plan.rollback is not None
    operation = inventory.operations.begin(plan)
    results: dict[str, StepResult] = {}
    for step in plan.steps:
        if step.id == failing:
            error = {"what": "it does not run", "why": "no luck", "left": "", "do": ""}
            results[step.id] = StepResult("cancelled" if cancelled else "failed", error)
            break
        results[step.id] = finish(inventory, operation, step.id)
    for number, step in enumerate(plan.rollback.steps if back >= 0 else ()):
        if number == back:
            results[step.id] = StepResult("failed", {"what": "the guest is away", "do": "Wait."})
            break
        results[step.id] = finish(inventory, operation, step.id)
    status = record_end(inventory, operation, results)
    return status, inventory.operations.get(operation.id), inventory.deployments.get("toy-1")


def finish(inventory: Inventory, operation: Operation, step: str) -> StepResult:
    from engine.inventory.steps import FinishedStep

    event = StepFinished(at=NOW, step=step, outcome="done", seconds=1)
    kept = FinishedStep(outcome="done", output={})
    inventory.finished_steps.finish(operation.id, 1, kept, [], event, lambda connection: None)
    return StepResult("done")


def test_an_upgrade_that_ends_well_gives_the_deployment_its_release(inventory: Inventory) -> None:
    status, _, deployment = ended(inventory, "", back=-1)
    assert status is OperationStatus.SUCCEEDED
    assert deployment.release == "2.0"
    assert deployment.values == {"server": {"port": 1}}
    assert deployment.status is DeploymentStatus.RUNNING


def test_one_that_is_taken_back_leaves_the_deployment_as_it_was(inventory: Inventory) -> None:
    status, operation, deployment = ended(inventory, "app.run", back=5)
    assert status is OperationStatus.FAILED
    assert deployment == made().model_copy(update={"changed": deployment.changed})
    assert operation.error is not None
    assert operation.error["why"] == "no luck"
    assert "release 1.0 again" in operation.error["left"]
    assert way_back_of(inventory, operation, {}).is_whole


def test_one_that_could_not_be_taken_back_says_so_and_is_failed(inventory: Inventory) -> None:
    status, operation, deployment = ended(inventory, "app.run", back=2)
    assert status is OperationStatus.FAILED
    assert (deployment.release, deployment.status) == ("1.0", DeploymentStatus.FAILED)
    assert operation.error is not None
    assert "the guest is away" in operation.error["left"]
    assert "resume" in operation.error["do"]
    assert not way_back_of(inventory, operation, {}).is_whole


def test_passwords_that_hold_are_no_failure_of_the_application_where_old_ones_cannot_go(
    inventory: Inventory,
) -> None:
    plan = upgrade().model_copy(update={"intent": Intent.ROTATE, "no_return": "app.run"})
    operation = inventory.operations.begin(plan)
    results = {s.id: finish(inventory, operation, s.id) for s in plan.steps if s.id != "app.health"}
    away = {"what": "the S3 server does not answer", "left": "", "do": "Switch it on."}
    results["app.health"] = StepResult("failed", away)
    assert record_end(inventory, operation, results) is OperationStatus.FAILED
    assert inventory.deployments.get("toy-1").status is DeploymentStatus.RUNNING
    error = inventory.operations.get(operation.id).error
    assert error is not None
    assert "runs with new passwords" in error["left"]
    assert f"Switch it on. Then: homeport resume {operation.id}" == error["do"]


def test_a_later_attempt_that_ends_the_way_back_tells_why_it_was_taken(
    inventory: Inventory,
) -> None:
    _, operation, _ = ended(inventory, "app.run", back=2)
    failed = StepFinished(
        at=NOW, step="app.run", outcome="failed", seconds=1, error={"what": "it does not run"}
    )
    inventory.events.append(operation.id, [failed])
    again = inventory.operations.begin_again(operation)
    assert again.plan.rollback is not None
    results = {
        step.id: finish(inventory, again, step.id) if number > 1 else StepResult("done")
        for number, step in enumerate(again.plan.rollback.steps)
    }
    assert record_end(inventory, again, results) is OperationStatus.FAILED
    told = inventory.operations.get(operation.id).error
    assert told is not None
    assert told["what"] == "it does not run"
    assert inventory.deployments.get("toy-1").status is DeploymentStatus.RUNNING


def test_one_that_failed_before_it_stopped_anything_changed_nothing(inventory: Inventory) -> None:
    status, operation, deployment = ended(inventory, "app.install", back=-1)
    assert status is OperationStatus.FAILED
    assert deployment.status is DeploymentStatus.RUNNING
    assert operation.error == {"what": "it does not run", "why": "no luck", "left": "", "do": ""}


def test_one_that_is_cancelled_is_taken_back_and_stays_cancelled(inventory: Inventory) -> None:
    status, _, deployment = ended(inventory, "app.configure", back=5, cancelled=True)
    assert status is OperationStatus.CANCELLED
    assert (deployment.release, deployment.status) == ("1.0", DeploymentStatus.RUNNING)


def test_an_operation_that_broke_off_midway_is_failed(inventory: Inventory) -> None:
    operation = inventory.operations.begin(upgrade())
    for step in ("upgrade.check", "app.install", "app.stop"):
        finish(inventory, operation, step)
    record_end(inventory, operation, {"": StepResult("failed", {"what": "it broke off"})})
    assert inventory.deployments.get("toy-1").status is DeploymentStatus.FAILED


def test_what_leaves_is_archived_once(inventory: Inventory) -> None:
    operation = inventory.operations.begin(upgrade())
    for _ in range(2):
        inventory.archive.keep(operation.id, "abcd1234", "1.0", "2.0", {"gone": ["x", None]})
    [kept] = inventory.archive.of("abcd1234")
    assert (kept.path, kept.value, kept.old_release) == ("gone", ["x", None], "1.0")


def test_the_ledger_keeps_every_word_once_and_in_order(inventory: Inventory) -> None:
    first = {"application": "toy", "old": "a", "new": "b", "same": True}
    second = {**first, "same": False}
    other = {**first, "application": "other"}
    assert inventory.identities.add([first, second, other]) == 3
    assert inventory.identities.add([first, first]) == 0
    assert inventory.identities.of("toy") == [first, second]
    assert inventory.identities.of() == [first, second, other]


def test_upgrading_is_named_as_changing_what_there_is() -> None:
    plan = upgrade()
    assert plan.intent is Intent.UPGRADE
    assert not plan.is_empty
    assert {step.effect for step in plan.steps} == {Effect.READ, Effect.CREATE, Effect.CHANGE}
