"""The front door: plans become operations only as approved, secrets go where they belong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Busy, Conflict, HomeportError, InvalidInput, NotFound, PlanChanged
from engine.homeport import DeployRequest, Homeport
from engine.model.deployment import DeploymentStatus
from engine.model.plan import Intent, OperationStatus, Plan
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.paths import Paths

KINDS = {
    Service.HYPERVISOR: "proxmox",
    Service.ADDRESSES: "pool",
    Service.DNS: "octodns",
    Service.SECRETS: "sealed",
    Service.CERTIFICATES: "acme",
}
SECRET = "correct horse battery"


@pytest.fixture
def homeport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Homeport]:
    """An installation with one provider, where no worker is ever started."""
    monkeypatch.setattr("engine.operations.control.ensure_worker", lambda paths: None)
    with Homeport.open(Paths.from_environment({"HOMEPORT_HOME": str(tmp_path)})) as opened:
        opened.save_provider(profile(), {"secret:providers/home/token": SECRET})
        yield opened


def profile(**changes: Any) -> ProviderProfile:
    backends = {service: BackendProfile(kind=kind) for service, kind in KINDS.items()}
    fields = {"name": "home", "zone": "home.example", "backends": backends}
    return ProviderProfile.model_validate(fields | changes)


def request(**changes: Any) -> DeployRequest:
    fields = {"application": "radicale", "provider": "home", "domain": "cal.home.example"}
    return DeployRequest(**fields | changes)


def deployed(homeport: Homeport, **changes: Any) -> Plan:
    """A deployment whose operation ended well, without anything having been built."""
    plan = homeport.plan_deploy(request(**changes))
    finish(homeport, homeport.apply(plan, plan.hash).id)
    return plan


def finish(homeport: Homeport, operation: str) -> None:
    homeport._inventory.operations.end(operation, OperationStatus.SUCCEEDED)
    plan = homeport.operation(operation).plan
    homeport._inventory.deployments.change(
        plan.deployment, status=DeploymentStatus.RUNNING, values=plan.values
    )


# opening


def test_opening_imports_and_makes_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from engine.homeport import Homeport\n"
        "from engine.paths import Paths\n"
        "paths = Paths.from_environment({'HOMEPORT_HOME': sys.argv[1]})\n"
        "Homeport.open(paths).close()\n"
        "heavy = {'sqlalchemy', 'dbos', 'octodns', 'proxmoxer', 'requests', 'asyncssh',\n"
        "         'cryptography', 'jsonschema', 'textual', 'rich', 'fakepve', 'yaml'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "with Homeport.open(paths) as homeport:\n"
        "    homeport.deployments(), homeport.operations(), homeport.providers()\n"
        "heavy -= {'sqlalchemy', 'yaml'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


# providers


def test_secrets_of_a_provider_come_and_go_with_it(homeport: Homeport) -> None:
    store = homeport._workplace.installation_secrets()
    assert store.get("providers/home/token") == SECRET
    homeport.remove_provider("home")
    assert store.list("providers/home") == []
    with pytest.raises(NotFound):
        homeport.provider("home")


def test_a_provider_in_use_is_kept(homeport: Homeport) -> None:
    deployed(homeport)
    with pytest.raises(Conflict, match="radicale-1"):
        homeport.remove_provider("home")


def test_a_profile_without_a_driver_is_a_finding(homeport: Homeport) -> None:
    backends = profile().backends | {Service.DNS: BackendProfile(kind="carrier-pigeon")}
    homeport.save_provider(profile(backends=backends), {})
    (check,) = homeport.check_provider("home")
    assert "carrier-pigeon" in check.title
    assert check.do


def test_a_check_made_aside_finds_the_same(
    homeport: Homeport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))
    backends = profile().backends | {Service.DNS: BackendProfile(kind="carrier-pigeon")}
    homeport.save_provider(profile(backends=backends), {})
    assert homeport.check_provider("home", aside=True) == homeport.check_provider("home")
    with pytest.raises(HomeportError, match="elsewhere"):
        homeport.check_provider("elsewhere", aside=True)


# deploying


def test_the_same_wish_gives_the_same_plan(homeport: Homeport) -> None:
    assert homeport.plan_deploy(request()).hash == homeport.plan_deploy(request()).hash
    other = homeport.plan_deploy(request(domain="other.home.example"))
    assert other.deployment != homeport.plan_deploy(request()).deployment


def test_planning_changes_nothing(homeport: Homeport) -> None:
    homeport.plan_deploy(request())
    assert homeport.deployments() == []
    assert homeport.operations() == []


def test_apply_records_deployment_and_operation(homeport: Homeport) -> None:
    plan = homeport.plan_deploy(request(values={"auth": {"delay": 2}}))
    operation = homeport.apply(plan, plan.hash)
    (view,) = homeport.deployments()
    assert view.deployment.status is DeploymentStatus.DEPLOYING
    assert view.deployment.values == {"auth": {"delay": 2}}
    assert view.operation is not None
    assert view.operation.id == operation.id
    assert view.url == "https://cal.home.example/"
    assert homeport.operation(operation.id[:6]).plan.hash == plan.hash
    with pytest.raises(Busy):
        homeport.apply(plan, plan.hash)


def test_only_what_was_approved_is_applied(homeport: Homeport) -> None:
    plan = homeport.plan_deploy(request())
    forged = plan.model_copy(update={"domain": "evil.home.example"})
    with pytest.raises(PlanChanged):
        homeport.apply(forged, plan.hash)
    with pytest.raises(PlanChanged):
        homeport.apply(forged, forged.hash)
    stripped = plan.model_copy(update={"steps": plan.steps[1:]})
    with pytest.raises(PlanChanged):
        homeport.apply(stripped, stripped.hash)
    assert homeport.operations() == []


def test_a_plan_overtaken_by_events_is_refused(homeport: Homeport) -> None:
    plan = homeport.plan_deploy(request())
    deployed(homeport, name="other")
    with pytest.raises(PlanChanged):
        homeport.apply(plan, plan.hash)


def test_a_changed_provider_needs_a_new_plan(homeport: Homeport) -> None:
    plan = homeport.plan_deploy(request())
    homeport.save_provider(profile(zone="elsewhere.example"), {})
    with pytest.raises(PlanChanged):
        homeport.apply(plan, plan.hash)


def test_what_steps_took_meanwhile_does_not_change_a_plan(homeport: Homeport) -> None:
    plan = homeport.plan_deploy(request())
    homeport._inventory.durations.record("app.install@1", "radicale", 99.0)
    homeport.apply(plan, plan.hash)
    assert homeport.operations()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"values": {"auth": {"delay": "soon"}}}, "auth.delay"),
        ({"values": {"auth": {"nonsense": 1}}}, "auth.nonsense"),
        ({"domain": "cal.elsewhere.example"}, "domain"),
        ({"name": "../etc"}, "name"),
        ({"account": "admin; reboot"}, "account"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(
    homeport: Homeport, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        homeport.plan_deploy(request(**changes))
    assert refused.value.on == named
    assert refused.value.do


def test_unknown_things_are_named_with_what_there_is(homeport: Homeport) -> None:
    for changes in ({"application": "nope"}, {"provider": "nope"}, {"release": "0.0.1"}):
        with pytest.raises(NotFound):
            homeport.plan_deploy(request(**changes))


# changing and removing


def test_no_change_is_an_empty_plan_that_cannot_be_applied(homeport: Homeport) -> None:
    deployed(homeport, values={"auth": {"delay": 2}})
    plan = homeport.plan_reconfigure("radicale-1", {"auth": {"delay": 2}})
    assert plan.is_empty
    with pytest.raises(InvalidInput):
        homeport.apply(plan, plan.hash)


def test_reconfigure_keeps_the_account_it_was_made_with(homeport: Homeport) -> None:
    deployed(homeport, account="maria")
    plan = homeport.plan_reconfigure("radicale-1", {"auth": {"delay": 3}})
    assert plan.intent is Intent.RECONFIGURE
    accounts = next(step for step in plan.steps if step.id == "accounts.ensure")
    assert accounts.args == {"username": "maria"}
    operation = homeport.apply(plan, plan.hash)
    assert homeport.deployment("radicale-1").deployment.status is DeploymentStatus.CHANGING
    finish(homeport, operation.id)
    assert homeport.deployment("radicale-1").deployment.values == {"auth": {"delay": 3}}


def test_a_failed_deploy_can_be_given_other_values(homeport: Homeport) -> None:
    plan = homeport.plan_deploy(request())
    first = homeport.apply(plan, plan.hash)
    homeport._inventory.operations.end(first.id, OperationStatus.FAILED, {"what": "x"})
    homeport._inventory.deployments.change(plan.deployment, status=DeploymentStatus.FAILED)
    again = homeport.plan_reconfigure("radicale-1", {"auth": {"delay": 3}})
    assert again.intent is Intent.DEPLOY
    homeport.apply(again, again.hash)
    assert len(homeport.deployments()) == 1


def test_destroyed_deployments_leave_their_history(homeport: Homeport) -> None:
    plan = deployed(homeport)
    removal = homeport.plan_destroy("radicale-1")
    operation = homeport.apply(removal, removal.hash)
    homeport._inventory.operations.end(operation.id, OperationStatus.SUCCEEDED)
    homeport._inventory.deployments.change(plan.deployment, status=DeploymentStatus.DESTROYED)
    assert homeport.deployments() == []
    assert [op.plan.intent for op in homeport.operations()] == [Intent.DESTROY, Intent.DEPLOY]
    with pytest.raises(InvalidInput):
        homeport.plan_destroy(plan.deployment)
    assert homeport.plan_deploy(request()).deployment != plan.deployment


def test_an_ended_operation_cannot_be_cancelled_or_resumed(homeport: Homeport) -> None:
    deployed(homeport)
    (operation,) = homeport.operations()
    with pytest.raises(InvalidInput):
        homeport.cancel(operation.id)
    with pytest.raises(InvalidInput):
        homeport.resume(operation.id)


# secrets


VALUES = {"auth": {"type": "ldap", "ldap_secret": SECRET}}


def all_bytes(homeport: Homeport) -> bytes:
    homeport.close()
    return b"".join(path.read_bytes() for path in homeport.paths.state.rglob("*") if path.is_file())


def test_a_secret_option_goes_to_the_secrets_backend_alone(homeport: Homeport) -> None:
    plan = homeport.plan_deploy(request(values=VALUES))
    assert SECRET not in plan.model_dump_json()
    homeport.apply(plan, plan.hash)
    store = homeport._workplace.installation_secrets()
    path = f"deployments/{plan.deployment}/option.auth.ldap_secret"
    assert store.get(path) == SECRET
    assert SECRET.encode() not in all_bytes(homeport)


def test_a_new_value_of_a_secret_is_a_change_and_the_same_is_none(homeport: Homeport) -> None:
    plan = deployed(homeport, values=VALUES)
    assert homeport.plan_reconfigure("radicale-1", plan.values).is_empty
    assert homeport.plan_reconfigure("radicale-1", VALUES).is_empty
    other = {"auth": {"type": "ldap", "ldap_secret": "another secret"}}
    change = homeport.plan_reconfigure("radicale-1", other)
    assert [(c.path, c.old, c.new) for c in change.changes] == [
        ("auth.ldap_secret", "(secret)", "(secret)")
    ]
    homeport.apply(change, change.hash)
    store = homeport._workplace.installation_secrets()
    path = f"deployments/{plan.deployment}/option.auth.ldap_secret"
    assert store.get(path) == "another secret"


def test_a_plan_whose_secret_was_forgotten_is_not_applied(
    homeport: Homeport, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = homeport.plan_deploy(request(values=VALUES))
    monkeypatch.setattr("engine.operations.withheld.withheld._by_plan", {})
    with pytest.raises(InvalidInput, match="secret"):
        homeport.apply(plan, plan.hash)
    assert homeport.deployments() == []


def test_revealing_a_secret_is_on_record(homeport: Homeport) -> None:
    plan = deployed(homeport)
    assert homeport.secrets("radicale-1") == []
    store = homeport._workplace.installation_secrets()
    store.put(f"deployments/{plan.deployment}/admin-password", SECRET)
    assert homeport.secrets("radicale-1") == ["admin-password"]
    assert homeport.reveal_secret("radicale-1", "admin-password") == SECRET
    entry = homeport._inventory.audit.entries()[0]
    assert (entry["what"], entry["detail"]) == ("reveal secret of radicale-1", "admin-password")
    for name in ("tls-key", "../x", "nope"):
        with pytest.raises(NotFound):
            homeport.reveal_secret("radicale-1", name)


# drafts


def test_drafts_are_kept_until_dropped(homeport: Homeport) -> None:
    assert homeport.draft("deploy radicale") is None
    homeport.save_draft("deploy radicale", {"a": None})
    assert homeport.draft("deploy radicale") == {"a": None}
    homeport.drop_draft("deploy radicale")
    assert homeport.draft("deploy radicale") is None
