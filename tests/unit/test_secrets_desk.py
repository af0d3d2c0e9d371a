"""Moving a provider's secrets to another store: nothing is lost, whatever comes between."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.backends.exercise import exercise_addresses, exercise_secrets
from engine.errors import Busy, Conflict, InvalidInput, NotReady, PlanChanged, RemoteFailure, Unsafe
from engine.homeport import DeployRequest, Homeport
from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import OperationStatus
from engine.model.provider import BackendProfile, Check, CheckStatus, ProviderProfile, Service
from engine.paths import Paths
from engine.secrets_desk import SecretsDesk
from tests.unit.step_context import MemoryAddresses, MemorySecrets

OLD, NEW = BackendProfile(kind="sealed"), BackendProfile(kind="vault")


class Vault(MemorySecrets):
    def __init__(self) -> None:
        super().__init__()
        self.problem = ""
        self.garbles = False

    def check(self) -> list[Check]:
        found = [(CheckStatus.FAIL, self.problem)] if self.problem else []
        return [Check(service="secrets", title="Open", status=s, found=f, do=f) for s, f in found]

    def put(self, path: str, value: str) -> None:
        super().put(path, value[::-1] if self.garbles else value)

    def policies(self, deployments: Mapping[str, str]) -> str:
        return " ".join(sorted(deployments.values()))

    def reading_policy(self, paths: Iterable[str]) -> str:
        return " ".join(sorted(paths))


@dataclasses.dataclass
class Here:
    homeport: Homeport
    old: MemorySecrets
    new: Vault
    deployment: str
    operation: str

    @property
    def desk(self) -> SecretsDesk:
        return self.homeport.secret_stores

    @property
    def kind(self) -> str:
        return self.homeport.provider("home").backends[Service.SECRETS].kind

    def finish(self) -> None:
        self.homeport._inventory.operations.end(self.operation, OperationStatus.SUCCEEDED)

    def path(self, name: str) -> str:
        return f"deployments/{self.deployment}/{name}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """One deployment with two secrets; another provider uses the old store, too."""
    monkeypatch.setattr("engine.operations.control.ensure_worker", lambda paths: None)
    with Homeport.open(Paths.from_environment({"HOMEPORT_HOME": str(tmp_path)})) as homeport:
        old, new = MemorySecrets(), Vault()
        stores = {"sealed": old, "vault": new}

        def open_backends(profile: ProviderProfile, environment: Any) -> Any:
            return SimpleNamespace(secrets=stores[profile.backends[Service.SECRETS].kind])

        workplace = dataclasses.replace(homeport._workplace, open_backends=open_backends)
        homeport.__dict__["_workplace"] = workplace
        for name in ("home", "away"):
            backends = {service: BackendProfile(kind="any") for service in Service}
            profile = ProviderProfile(
                name=name, zone=f"{name}.lab", backends=backends | {Service.SECRETS: OLD}
            )
            homeport.save_provider(profile, {})
        plan = homeport.plan_deploy(DeployRequest("radicale", "home", "cal.home.lab"))
        operation = homeport.apply(plan, plan.hash)
        here = Here(homeport, old, new, plan.deployment, operation.id)
        for name in ("one", "two"):
            old.put(here.path(name), f"value of {name}")
        old.put("deployments/zzzzzzzz/x", "another provider's")
        yield here


def test_what_is_moved_is_what_the_provider_uses_and_the_old_copies_stay(here: Here) -> None:
    here.finish()
    plan = here.desk.plan_move("home", NEW)
    assert plan.paths == (here.path("one"), here.path("two"))
    before = dict(here.old.values)
    here.desk.move(plan, plan.hash, {"providers/home/vault": "login"})
    assert here.kind == "vault"
    assert here.new.values == {here.path(n): f"value of {n}" for n in ("one", "two")}
    assert here.old.values == before
    stored = here.homeport._workplace.installation_secrets()
    assert stored.get("providers/home/vault") == "login"
    assert "value of one" not in plan.model_dump_json()
    with pytest.raises(InvalidInput, match="already"):
        here.desk.plan_move("home", NEW)


def test_dropping_removes_only_what_was_moved_and_is_the_same(here: Here) -> None:
    here.finish()
    with pytest.raises(InvalidInput, match="uses this store"):
        here.desk.plan_drop("home", OLD)
    moved = here.desk.plan_move("home", NEW)
    here.desk.move(moved, moved.hash, {})
    plan = here.desk.plan_drop("home", OLD)
    here.new.put(here.path("one"), "a later value")
    with pytest.raises(Conflict) as caught:
        here.desk.drop(plan, plan.hash)
    assert "a later value" not in str(caught.value.describe())
    assert here.old.get(here.path("one")) == "value of one"
    here.new.put(here.path("one"), "value of one")
    assert here.desk.drop(plan, plan.hash) == 2
    assert list(here.old.values) == ["deployments/zzzzzzzz/x"]


def test_one_place_under_two_descriptions_is_never_dropped(here: Here) -> None:
    here.finish()
    moved = here.desk.plan_move("home", NEW)
    here.desk.move(moved, moved.hash, {})
    alias = BackendProfile(kind="vault", settings={"role_id": "another login, the same place"})
    plan = here.desk.plan_drop("home", alias)
    assert plan.paths
    with pytest.raises(Unsafe, match="in use"):
        here.desk.drop(plan, plan.hash)
    assert here.new.values == {here.path(n): f"value of {n}" for n in ("one", "two")}


def test_old_copies_that_the_other_side_of_a_move_uses_are_kept(here: Here) -> None:
    here.finish()
    moved = here.desk.plan_move("home", NEW)
    here.desk.move(moved, moved.hash, {})
    kept = Resource(
        deployment=here.deployment,
        provider="away",
        kind=ResourceKind.SECRET,
        key="one",
        external_id=here.path("one"),
        created=here.homeport.operation(here.operation).created,
    )
    here.homeport._inventory.resources.remember(kept)
    plan = here.desk.plan_drop("home", OLD)
    assert (plan.paths, plan.held_back) == ((), ("radicale-1",))


def test_a_store_that_is_not_ready_or_garbles_is_not_used(here: Here) -> None:
    here.finish()
    plan = here.desk.plan_move("home", NEW)
    here.new.problem = "it is sealed"
    with pytest.raises(NotReady, match="not ready"):
        here.desk.move(plan, plan.hash, {})
    assert not here.new.values
    here.new.problem, here.new.garbles = "", True
    with pytest.raises(RemoteFailure, match="did not arrive"):
        here.desk.move(plan, plan.hash, {})
    assert here.kind == "sealed"


def test_nothing_moves_while_an_operation_works_or_another_plan_was_approved(here: Here) -> None:
    plan = here.desk.plan_move("home", NEW)
    with pytest.raises(Busy):
        here.desk.move(plan, plan.hash, {})
    here.finish()
    here.old.put(here.path("three"), "made since")
    with pytest.raises(PlanChanged):
        here.desk.move(plan, plan.hash, {})
    assert here.kind == "sealed"
    assert not here.new.values


def test_policies_are_those_of_the_deployments_that_live_there(here: Here) -> None:
    here.finish()
    with pytest.raises(InvalidInput, match="no policies"):
        here.desk.policies("home")
    plan = here.desk.plan_move("home", NEW)
    here.desk.move(plan, plan.hash, {})
    assert here.desk.policies("home") == here.desk.policies("home", "radicale-1") == "radicale-1"


class Forgetful(MemorySecrets):
    def ensure(self, path: str, make: Any) -> str:
        self.values[path] = make()
        return self.values[path]


class Generous(MemoryAddresses):
    def release(self, owner: str) -> bool:
        super().release(owner)
        return False


def test_trying_out_finds_a_service_that_does_not_keep_its_word() -> None:
    assert set(exercise_secrets(MemorySecrets())) == {None}
    store = Forgetful()
    assert "a value that was there was made anew" in set(exercise_secrets(store))
    assert not store.values
    assert set(exercise_addresses(MemoryAddresses(), "hp-x")) == {None}
    assert "it was not given back" in set(exercise_addresses(Generous(), "hp-x"))
