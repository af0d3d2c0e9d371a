"""Plans that give a guest another size, and what becomes of it in later plans."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.errors import InvalidInput
from engine.if_it_fails import way_back
from engine.model.deployment import Resource, ResourceKind
from engine.operations.interpreter import sorted_graph
from engine.planning.deploy import plan_deploy
from engine.planning.guest_size import GuestSize
from engine.planning.migrate import plan_migrate
from engine.planning.reconfigure import plan_reconfigure
from engine.planning.resize import plan_resize, resized_to
from tests.unit.test_migrate_plans import at
from tests.unit.test_planning import SCHEMA, desired

NOW, LARGER = GuestSize(2, 1024, 8), GuestSize(4, 2048, 16)


def test_the_guest_is_off_while_its_size_changes_and_started_again_whatever_happens() -> None:
    plan = plan_resize(desired(), NOW, LARGER)
    sorted_graph(plan.steps)
    assert [step.id for step in plan.steps] == [
        "preflight",
        "guest.stop",
        "guest.ensure",
        "guest.start",
        "app.health",
    ]
    assert plan.steps[2].subject == "toy-1: 2 cores, 1024 MiB, 8 GiB -> 4 cores, 2048 MiB, 16 GiB"
    assert plan.rollback is not None
    assert [step.kind for step in plan.rollback.steps] == ["guest.start@1", "app.health@1"]
    assert plan.rollback_from == "guest.stop"
    assert "started again" in way_back(plan)
    assert resized_to(plan) == LARGER


def test_a_guest_that_stays_as_it_is_is_declared_and_not_stopped() -> None:
    plan = plan_resize(desired(), NOW, NOW)
    assert [step.id for step in plan.steps] == ["preflight", "guest.ensure"]
    assert plan.rollback is None


def test_what_services_have_for_it_is_declared_too_and_what_lies_elsewhere_is_not() -> None:
    here = desired()
    told = {"deployment": here.deployment, "kind": ResourceKind.ADDRESS, "key": "main"}
    told |= {"external_id": "10.0.0.7/24", "created": datetime(2026, 11, 27, tzinfo=UTC)}
    owned = [Resource(provider=name, **told) for name in (here.provider.name, "elsewhere")]
    plan = plan_resize(here, NOW, NOW, owned)
    sorted_graph(plan.steps)
    assert [step.id for step in plan.steps] == ["preflight", "guest.ensure", "address.allocate"]
    assert resized_to(plan) == NOW
    assert len(plan_resize(here, NOW, LARGER, owned).steps) == 5


def test_a_disk_is_never_made_smaller() -> None:
    with pytest.raises(InvalidInput, match="smaller"):
        plan_resize(desired(), LARGER, NOW)


def test_other_plans_are_not_taken_for_one() -> None:
    assert resized_to(plan_deploy(desired(), SCHEMA)) is None
    plan = plan_reconfigure(desired(values={"tags": {"a": "b"}}), {}, SCHEMA)
    assert resized_to(plan) is None


def test_a_size_moves_with_the_deployment_and_is_kept_when_it_is_built_again() -> None:
    move = plan_migrate(at("away", size=LARGER), at("home"), "home")
    built = plan_deploy(desired(size=LARGER), SCHEMA)
    for plan in (move, built):
        (ensure,) = (step for step in plan.steps if step.id == "guest.ensure")
        assert ensure.args == LARGER.args


def test_a_guest_from_before_sizes_were_kept_has_what_its_package_asks_for() -> None:
    needs = desired().package.needs
    assert GuestSize.of(needs, {"node": "pve1"}) == GuestSize.of(needs) == NOW
    assert GuestSize.of(needs, LARGER.args) == LARGER
