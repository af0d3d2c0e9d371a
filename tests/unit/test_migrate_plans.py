"""Plans of a move: what is done in which order and shown of it, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.package import StateUnit
from engine.errors import Conflict, InvalidInput
from engine.model.deployment import Deployment, DeploymentStatus, Resource, ResourceKind
from engine.model.move import Move, MovePhase
from engine.model.plan import Effect, Plan, PlannedStep
from engine.model.provider import BackendProfile, GuestAccess, ProviderProfile, Service
from engine.operations.interpreter import carry_out_or_back, sorted_graph
from engine.operations.moving import refuse_moved, refuse_unfit, refuse_unrevertible
from engine.operations.runner import StepResult
from engine.planning.after_move import plan_confirm, plan_revert
from engine.planning.desired import Desired
from engine.planning.destroy import plan_destroy
from engine.planning.forecast import predicted_downtime
from engine.planning.migrate import plan_migrate
from tests.unit.test_planning import desired, package

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
STATE = (
    StateUnit.model_validate(
        {"id": "data", "kind": "files", "locator": "{data}/x", "class": "irreplaceable"}
    ),
    StateUnit.model_validate(
        {"id": "rows", "kind": "postgresql", "locator": "toy", "class": "irreplaceable"}
    ),
    StateUnit.model_validate(
        {"id": "thumbs", "kind": "files", "locator": "{data}/t", "class": "cache"}
    ),
    StateUnit.model_validate(
        {"id": "word", "kind": "secrets", "locator": "admin-password", "class": "identity"}
    ),
)


def provider(name: str, **changes: Any) -> ProviderProfile:
    addresses = BackendProfile(kind="pool", settings={"network": "10.0.0.0/24"})
    backends = {service: BackendProfile(kind=f"{service}-{name}") for service in Service}
    fields: dict[str, Any] = {
        "name": name,
        "zone": f"{name}.example",
        "backends": {**backends, Service.ADDRESSES: addresses},
    }
    return ProviderProfile.model_validate(fields | changes)


def at(name: str, **changes: Any) -> Desired:
    return desired(provider=provider(name), package=package(state=STATE), **changes)


def moved(phase: MovePhase, writer: str = "away", **changes: Any) -> Move:
    fields: dict[str, Any] = {
        "deployment": "abcd1234",
        "source": "home",
        "target": "away",
        "operation": "0a1b2c",
        "phase": phase,
        "writer": writer,
        "began": NOW,
        "changed": NOW,
    }
    return Move.model_validate(fields | changes)


def deployment(at: str = "home", **changes: Any) -> Deployment:
    fields: dict[str, Any] = {
        "id": "abcd1234",
        "name": "toy-1",
        "application": "toy",
        "release": "2.0",
        "provider": at,
        "domain": "toy.home.example",
        "status": DeploymentStatus.RUNNING,
        "created": NOW,
        "changed": NOW,
    }
    return Deployment.model_validate(fields | changes)


def owned(at: str, kind: ResourceKind, key: str = "main", as_: str = "") -> Resource:
    return Resource(
        deployment="abcd1234", provider=at, kind=kind, key=key, external_id=as_, created=NOW
    )


def places(plan: Plan) -> list[str]:
    return [f"{step.id} at {step.at or plan.provider}" for step in plan.steps]


MIGRATE = plan_migrate(at("away"), at("home"), "home")


def test_everything_that_can_be_done_while_the_source_serves_is_done_before_it_is_frozen() -> None:
    assert places(MIGRATE) == [
        "move.check at home",
        "preflight at away",
        "dns.lower at home",
        "secrets.copy at away",
        "address.allocate at away",
        "guest.ensure at away",
        "guest.start at away",
        "components.install at away",
        "app.install at away",
        "app.configure at away",
        "certificate.carry at away",
        "app.publish at away",
        "source.reach at home",
        "passage.open at away",
        "state.seed.data at away",
        "state.seed.rows at away",
        "state.converge at away",
        "source.freeze at home",
        "state.delta.data at away",
        "state.delta.rows at away",
        "state.compare.data at away",
        "state.compare.rows at away",
        "source.fence at home",
        "target.run at away",
        "move.serving at away",
        "dns.apply at home",
        "app.health at away",
        "accounts.ensure at away",
        "passage.close at away",
        "deployment.settle at away",
    ]
    assert (MIGRATE.rollback_from, MIGRATE.no_return) == ("passage.open", "source.fence")


@pytest.mark.parametrize(
    ("kind", "queues", "watched"),
    [("rabbitmq", [], True), ("redis", ["queue:*"], True), ("redis", [], False)],
)
def test_a_queue_is_watched_once_it_is_said_where_the_application_lives(
    kind: str, queues: list[str], watched: bool
) -> None:
    queue = StateUnit.model_validate(
        {"id": "jobs", "kind": kind, "locator": "toy", "class": "irreplaceable", "queues": queues}
    )
    there, here = (
        desired(provider=provider(name), package=package(state=(*STATE, queue)))
        for name in ("away", "home")
    )
    steps = plan_migrate(there, here, "home").steps
    after = steps[[step.id for step in steps].index("deployment.settle") + 1 :]
    found = [(step.id, step.args["units"]) for step in after]
    assert found == ([("backlog.watch", ["jobs"])] if watched else [])


def test_units_are_carried_side_by_side_and_everything_else_one_by_one() -> None:
    waits = {step.id: step.after for step in MIGRATE.steps}
    chained = {
        step.id: (before.id,)
        for before, step in zip(MIGRATE.steps, MIGRATE.steps[1:], strict=False)
    }
    assert {name: after for name, after in waits.items() if after != chained.get(name, ())} == {
        "state.delta.rows": ("source.freeze",),
        "state.compare.data": ("state.delta.data",),
        "state.compare.rows": ("state.delta.rows",),
        "source.fence": ("state.compare.data", "state.compare.rows"),
    }


def test_a_move_deletes_nothing_and_says_where_it_cannot_be_taken_back_any_more() -> None:
    assert MIGRATE.deletes == ()
    away, point, kept, names = MIGRATE.warnings
    assert "from 300 s to 60 s" in names
    assert f"about {predicted_downtime(MIGRATE.steps):.0f} s" in away
    assert "Point of no return" in point
    assert "homeport confirm toy-1" in kept
    # The names stay in the zone that they are in; only what they point at changes.
    _, dns = [step for step in MIGRATE.steps if step.kind == "dns.apply@1"]
    assert (dns.at, dns.args["address_at"]) == ("home", "away")
    assert dns.args["records"][0]["name"] == "toy.home.example"


def test_the_predicted_downtime_is_what_such_steps_took_before() -> None:
    history = {"side.freeze@1": 1.0, "state.delta@1": 2.0, "state.compare@1": 3.0}
    history |= {"side.fence@1": 4.0, "app.run@1": 5.0, "move.serving@1": 7.0}
    plan = plan_migrate(at("away", history=history), at("home", history=history), "home")
    # Two units, side by side.
    assert predicted_downtime(plan.steps) == 1 + 2 + 3 + 4 + 5 + 7
    assert plan.forecast is not None
    assert plan.forecast.away_seconds == predicted_downtime(plan.steps)


def test_what_an_earlier_move_left_is_not_taken_for_good_because_it_looks_so() -> None:
    again = plan_migrate(at("away"), at("home"), "home", again=True)
    deltas = [step for step in again.steps if step.kind == "state.delta@1"]
    assert deltas
    assert all(step.args["thorough"] for step in deltas)
    assert not any("thorough" in step.args for step in MIGRATE.steps)


def run_until(plan: Plan, failing: str) -> list[str]:
    """Ids of the steps that were begun, in their order."""
    begun: list[str] = []

    async def run(step: PlannedStep) -> StepResult:
        begun.append(step.id)
        return StepResult("failed" if step.id == failing else "done")

    asyncio.run(carry_out_or_back(plan, run))
    return begun


@given(st.sampled_from([step.id for step in MIGRATE.steps]))
def test_a_failure_before_the_fence_is_taken_back_and_one_behind_it_is_not(failing: str) -> None:
    ids = [step.id for step in MIGRATE.steps]
    begun = run_until(MIGRATE, failing)
    back = [name for name in begun if name.startswith("back.")]
    taken_back = ids.index("passage.open") <= ids.index(failing) <= ids.index("source.fence")
    assert back == (
        [
            "back.source.unfence",
            "back.source.run",
            "back.app.publish",
            "back.app.health",
            "back.move.stop",
            "back.passage.close",
            "back.dns.apply",
        ]
        if taken_back
        else []
    )
    # Whatever fails: the target is started only behind a finished fence.
    assert ("target.run" in begun) == (ids.index(failing) > ids.index("source.fence"))


def test_the_way_back_acts_at_the_source_but_for_the_way_of_the_data() -> None:
    assert MIGRATE.rollback is not None
    assert MIGRATE.rollback.provider == "home"
    assert places(MIGRATE.rollback) == [
        "back.source.unfence at home",
        "back.source.run at home",
        "back.app.publish at home",
        "back.app.health at home",
        "back.move.stop at home",
        "back.passage.close at away",
        "back.dns.apply at home",
    ]


def test_a_revert_fences_the_target_before_the_source_runs_and_names_what_stays_behind() -> None:
    move = moved(MovePhase.OBSERVING, frozen=NOW, served=NOW)
    plan = plan_revert(at("home"), at("away"), "home", move)
    assert places(plan) == [
        "guest.start at home",
        "app.publish at home",
        "target.freeze at away",
        "target.fence at away",
        "source.unfence at home",
        "source.run at home",
        "dns.apply at home",
        "app.health at home",
        "deployment.settle at home",
    ]
    assert plan.rollback is None
    assert "since 2026-11-26 12:00 UTC leaves the application (data, rows)" in plan.warnings[0]
    assert (
        "never served"
        in plan_revert(at("home"), at("away"), "home", moved(MovePhase.MOVING)).warnings[0]
    )


def test_a_confirmation_names_what_it_deletes_and_deletes_at_the_other_side_alone() -> None:
    resources = [
        owned("home", ResourceKind.GUEST, as_="9000"),
        owned("home", ResourceKind.ADDRESS, as_="10.0.0.7/24"),
        owned("home", ResourceKind.RECORD, "toy.home.example A", "toy.home.example"),
        owned("home", ResourceKind.CAPTURE, "1.before"),
        owned("away", ResourceKind.GUEST, as_="9001"),
        owned("away", ResourceKind.ADDRESS, as_="10.1.0.7/24"),
    ]
    plan = plan_confirm(at("away"), at("home"), "home", resources, keeps_secrets=False)
    assert places(plan) == [
        "app.publish at away",
        "home.guest.destroy at home",
        "home.address.release at home",
        "home.secrets.remove at home",
        "home.side.forget at home",
        "dns.apply at home",
        "deployment.settle at away",
    ]
    assert [step.subject for step in plan.deletes] == [
        "guest toy-1 (9000) at home with all data on it",
        "address 10.0.0.7/24 at home",
        "all secrets of toy-1 in the store of home, the certificate's key included",
    ]
    kept = plan_confirm(at("away"), at("home"), "home", resources, keeps_secrets=True)
    assert not any(step.kind == "secrets.remove@1" for step in kept.steps)


def test_destroying_removes_both_sides_and_the_names_where_they_are() -> None:
    resources = [owned("home", ResourceKind.GUEST, as_="9000")]
    plan = plan_destroy(at("away"), resources, names_at="home", other=at("home"))
    sorted_graph(plan.steps)
    deleted = {(step.kind, step.at or plan.provider) for step in plan.deletes}
    assert deleted >= {
        ("dns.remove@1", "home"),
        ("guest.destroy@1", "home"),
        ("address.release@1", "home"),
        ("guest.destroy@1", "away"),
        ("address.release@1", "away"),
        ("secrets.remove@1", "away"),
    }
    assert all(step.effect is Effect.DELETE for step in plan.deletes)


# what is refused


def test_a_running_deployment_may_move() -> None:
    refuse_unfit(deployment(), provider("home"), provider("away"), None)
    refuse_unfit(deployment(), provider("home"), provider("away"), moved(MovePhase.CONFIRMED))
    again = moved(MovePhase.STOPPED, writer="home")
    refuse_unfit(deployment(), provider("home"), provider("away"), again)


LACKING = provider("away")
LACKING = LACKING.model_copy(
    update={"backends": {k: v for k, v in LACKING.backends.items() if k is not Service.SECRETS}}
)


@pytest.mark.parametrize(
    ("changes", "target", "move", "error", "says"),
    [
        ({}, provider("home"), None, InvalidInput, "lives there already"),
        ({"status": DeploymentStatus.FAILED}, provider("away"), None, Conflict, "that runs"),
        ({}, LACKING, None, InvalidInput, "lacks a service"),
        (
            {},
            provider("away", access=GuestAccess(https_port=8443)),
            None,
            InvalidInput,
            "public address would change",
        ),
        ({"at": "away"}, provider("third"), moved(MovePhase.OBSERVING), Conflict, "observed"),
        ({}, provider("third"), moved(MovePhase.MOVING), Conflict, "between two providers"),
        ({}, provider("away"), moved(MovePhase.REVERTED, "home"), Conflict, "is kept at another"),
        ({}, provider("third"), moved(MovePhase.STOPPED, "home"), Conflict, "is kept at another"),
    ],
)
def test_what_cannot_move_is_refused_with_what_to_do(
    changes: dict[str, Any],
    target: ProviderProfile,
    move: Move | None,
    error: type[Exception],
    says: str,
) -> None:
    with pytest.raises(error, match=says) as refused:
        refuse_unfit(deployment(**changes), provider("home"), target, move)
    assert getattr(refused.value, "do", "")
    assert getattr(refused.value, "left", "") == "nothing was changed"


def test_nothing_changes_a_deployment_whose_other_side_is_kept_to_go_back_to() -> None:
    with pytest.raises(Conflict, match="observed"):
        refuse_moved(deployment("away"), moved(MovePhase.OBSERVING))
    with pytest.raises(Conflict, match="between"):
        refuse_moved(deployment("home"), moved(MovePhase.MOVING))
    for move in (
        None,
        moved(MovePhase.CONFIRMED),
        moved(MovePhase.STOPPED, "home"),
        moved(MovePhase.MOVING, "home"),
        moved(MovePhase.REVERTED, "home"),
    ):
        refuse_moved(deployment("home"), move)


def test_only_a_fenced_source_that_is_still_there_can_be_gone_back_to() -> None:
    refuse_unrevertible(deployment("away"), moved(MovePhase.OBSERVING))
    refuse_unrevertible(deployment("home"), moved(MovePhase.MOVING))
    for move in (
        None,
        moved(MovePhase.MOVING, "home"),
        moved(MovePhase.STOPPED, "home"),
        moved(MovePhase.REVERTED, "home"),
        moved(MovePhase.CONFIRMED),
    ):
        with pytest.raises(Conflict, match="no move to revert") as refused:
            refuse_unrevertible(deployment(), move)
        assert refused.value.do
