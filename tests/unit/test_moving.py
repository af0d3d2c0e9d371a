"""Moves at the front door and on the command line: what is refused, and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.errors import Busy, Conflict, InvalidInput, NotFound, PlanChanged
from engine.homeport import Homeport
from engine.model.deployment import DeploymentStatus, Resource, ResourceKind
from engine.model.move import MovePhase
from engine.model.plan import Intent, Operation, OperationStatus
from engine.paths import Paths
from tests.unit.test_homeport import SECRET, deployed, profile


@pytest.fixture
def homeport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Homeport]:
    """Two providers, and a deployment at "home" that nothing was built for."""
    monkeypatch.setattr("engine.operations.control.ensure_worker", lambda paths: None)
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))
    with Homeport.open(Paths.from_environment()) as opened:
        for name in ("home", "away"):
            changes = {"name": name, "zone": f"{name}.example"}
            opened.save_provider(profile(**changes), {f"secret:providers/{name}/token": SECRET})
        plan = deployed(opened, name="cal")
        own(opened, plan.deployment, "home", ResourceKind.RECORD, "cal.home.example A")
        yield opened


def own(homeport: Homeport, deployment: str, at: str, kind: ResourceKind, key: str) -> None:
    made = Resource(
        deployment=deployment, provider=at, kind=kind, key=key, external_id=key,
        created=datetime.now(UTC),
    )  # fmt: skip
    homeport._inventory.resources.remember(made)


def moved(homeport: Homeport) -> Operation:
    """As if the move had come to its end: observing at "away"."""
    plan = homeport.plan_migrate("cal", "away")
    operation = homeport.apply(plan, plan.hash)
    inventory, deployment = homeport._inventory, plan.deployment
    inventory.moves.begin(deployment, "home", "away", operation.id)
    inventory.moves.frozen(deployment)
    inventory.moves.change(deployment, writer="away", phase=MovePhase.OBSERVING)
    inventory.moves.served(deployment, datetime.now(UTC))
    inventory.deployments.change(deployment, status=DeploymentStatus.RUNNING, provider="away")
    inventory.operations.end(operation.id, OperationStatus.SUCCEEDED)
    own(homeport, deployment, "home", ResourceKind.GUEST, "main")
    own(homeport, deployment, "away", ResourceKind.GUEST, "main")
    return operation


def test_a_move_is_planned_by_name_and_applied_as_it_was_approved(homeport: Homeport) -> None:
    plan = homeport.plan_migrate("cal", "away")
    assert (plan.intent, plan.provider, plan.domain) == (
        Intent.MIGRATE,
        "away",
        "cal.home.example",
    )
    operation = homeport.apply(plan, plan.hash)
    assert operation.plan.hash == plan.hash
    assert homeport.deployment("cal").deployment.provider == "home"
    for another in (
        lambda: homeport.plan_migrate("cal", "away"),
        lambda: homeport.plan_revert("cal"),
    ):
        with pytest.raises(Busy):
            another()


def test_an_approved_move_is_refused_when_the_deployment_is_not_the_same_any_more(
    homeport: Homeport,
) -> None:
    plan = homeport.plan_migrate("cal", "away")
    homeport._inventory.deployments.change(plan.deployment, status=DeploymentStatus.FAILED)
    with pytest.raises(PlanChanged, match="only a deployment that runs"):
        homeport.apply(plan, plan.hash)


def test_unknown_places_and_things_are_named(homeport: Homeport) -> None:
    with pytest.raises(NotFound, match="provider"):
        homeport.plan_migrate("cal", "nowhere")
    with pytest.raises(NotFound, match="deployment"):
        homeport.plan_migrate("nothing", "away")
    with pytest.raises(InvalidInput, match="already"):
        homeport.plan_migrate("cal", "home")
    for never_moved in (homeport.plan_revert, homeport.plan_confirm):
        with pytest.raises(Conflict):
            never_moved("cal")


def test_both_providers_are_in_use_until_the_move_is_confirmed(homeport: Homeport) -> None:
    moved(homeport)
    for name in ("home", "away"):
        with pytest.raises(Conflict, match="in use"):
            homeport.remove_provider(name)


def test_users_go_on_finding_it_by_the_names_where_they_are(homeport: Homeport) -> None:
    before = homeport.deployment("cal").url
    moved(homeport)
    view = homeport.deployment("cal")
    assert view.url == before
    assert homeport._planner.moving.names_elsewhere(view.deployment) == "home"


def test_it_is_told_where_a_deployment_is_and_what_can_be_done(
    homeport: Homeport, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "cal"]) == 0
    assert "never moved" in capsys.readouterr().out
    moved(homeport)
    assert main(["list"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cal ")]
    assert "away" in line
    assert "running, observing" in line
    assert main(["show", "cal"]) == 0
    said = capsys.readouterr().out
    assert "home -> away, away for 0.0 s: observing since" in said
    assert "homeport confirm cal, or homeport revert cal" in said
    assert main(["show", "cal", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["move"]["phase"] == "observing"


def test_plans_are_shown_with_the_point_of_no_return_and_what_is_deleted(
    homeport: Homeport, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "cal", "--to", "away", "--plan"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  from home to away as cal.home.example" in lines
    fence = next(n for n, line in enumerate(lines) if "Fence the source" in line)
    assert "point of no return" in lines[fence + 1]
    assert "  < if it fails before that: cal serves on at home" in lines
    moved(homeport)
    assert main(["confirm", "cal", "--plan"]) == 0
    said = capsys.readouterr().out
    assert "will be deleted: guest cal (main) at home with all data on it" in said
    assert main(["revert", "cal", "--plan"]) == 0
    assert "leaves the application (collections, users)" in capsys.readouterr().out
    assert main(["migrate", "cal", "--to", "away", "--yes"]) == Conflict.exit_status
    assert "homeport confirm cal" in capsys.readouterr().err


def test_every_other_provider_is_a_target_or_says_why_not(homeport: Homeport) -> None:
    inventory = homeport._inventory
    plain = homeport.provider("away")
    named = {"name": "bare", "zone": "bare.example"}
    some = dict(list(plain.backends.items())[:1])
    inventory.providers.save(plain.model_copy(update={**named, "backends": some}))
    deployment = homeport.deployment("cal").deployment
    inventory.deployments.change(deployment.id, status=DeploymentStatus.RUNNING)
    fit, unfit = homeport.targets("cal")
    assert (fit.provider.name, fit.refusal) == ("away", None)
    assert unfit.provider.name == "bare"
    assert unfit.refusal is not None
    assert "bare has no" in unfit.refusal.why
    moved(homeport)
    refusals = [target.refusal for target in homeport.targets("cal")]
    assert all(refusal and "still being observed" in refusal.what for refusal in refusals)
