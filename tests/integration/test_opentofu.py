"""A provider whose guests and databases are declared to a real OpenTofu (or Terraform), on the lab
and a real PostgreSQL server; states and secrets are in a real OpenBao, the states behind `homeport
state serve`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import PlanChanged
from engine.model.plan import OperationStatus, Plan
from engine.model.provider import BackendProfile, Service
from tests.conformance.database_worlds import (
    REFERENCE,
    DatabaseWorld,
    PostgresWorld,
    database_world,
)
from tests.conformance.state_world import StateWorld, state_world
from tests.conformance.terraform_world import program
from tests.conformance.tofu_world import infrastructure
from tests.deployed import Installation, check_nothing_left, check_one_of_each
from tests.lab_fixture import RunningLab
from tests.scripted_package import CATALOG, with_catalog

pytestmark = [pytest.mark.integration, pytest.mark.real]

VM = "proxmox_virtual_environment_vm"
DATABASE = ("postgresql_database", "postgresql_grant", "postgresql_role")


@pytest.fixture(scope="module")
def service() -> Iterator[StateWorld]:
    program()
    with state_world() as opened:
        yield opened


@pytest.fixture(scope="module")
def world() -> Iterator[DatabaseWorld]:
    with database_world(PostgresWorld) as started:
        yield started


@pytest.fixture(scope="module")
def here(
    lab: RunningLab,
    service: StateWorld,
    world: DatabaseWorld,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """What is of harbour-a is declared; states and secrets are in a real OpenBao."""
    store, secrets = service.store()
    own = tmp_path_factory.mktemp("catalog")
    shutil.copytree(CATALOG / "logbook", own / "logbook")
    manifest = own / "logbook" / "manifest.yaml"  # a disk that the image fits on
    manifest.write_text(manifest.read_text().replace("disk_gib: 1", "disk_gib: 4"))
    state = {"url": service.url("").rstrip("/"), "ca_pem": Path(service.ca).read_text()}
    profile = infrastructure(tmp_path_factory.mktemp("mirror"), state=state)
    with with_catalog(lab, own) as opened:
        usual = opened.homeport.provider("harbour-a")
        server = BackendProfile(kind=world.component, settings=world.settings)
        backends = usual.backends | {Service.SECRETS: store, Service.DATABASES: server}
        changed = usual.model_copy(update={"backends": backends, "infrastructure": profile})
        opened.homeport.save_provider(changed, {**secrets, REFERENCE: world.password})
        yield opened
        opened.homeport.save_provider(usual, {})


def directory_of(here: Installation, name: str) -> Path:
    return Path(here.homeport.declaration(name))


def declared(plan: Plan, step: str) -> list[tuple[str, str]]:
    found = next(one for one in plan.steps if one.id == step)
    return [(change["action"], change["address"]) for change in found.args["declared"]]


def killed_and_ended_well(here: Installation, plan: Plan, *moments: str) -> None:
    operation = here.killed_everywhere(plan, moments) if moments else here.carry_out(plan)
    assert operation.status is OperationStatus.SUCCEEDED, operation.error


def of_database(action: str, name: str) -> list[tuple[str, str]]:
    return [(action, f"{kind}.{name}") for kind in DATABASE]


def plain_plan(here: Installation, service: StateWorld, world: DatabaseWorld, name: str) -> str:
    """What the owner of the directory gets without Homeport: the README's own commands."""
    directory = directory_of(here, name)
    provider = here.homeport.provider("harbour-a")
    settings = provider.backends[Service.HYPERVISOR].settings
    reference = str(settings["token_ref"]).removeprefix("secret:")
    secret = here.homeport._workplace.installation_secrets().get(reference)
    variables = directory / "token.tfvars"
    variables.touch(mode=0o600)
    variables.write_text(
        f'proxmox_api_token = "{settings["token_id"]}={secret}"\n'
        f'postgresql_password = "{world.password}"\n'
    )
    run = directory / ".homeport" / "run"
    owner = service.client(f"harbour-a/{here.owner(name)}", "owner")
    environment = {
        "TF_HTTP_USERNAME": owner.user,
        "TF_HTTP_PASSWORD": owner.password,
        "TF_HTTP_CLIENT_CA_CERTIFICATE_PEM": Path(service.ca).read_text(),
        "PATH": "/usr/bin:/bin",
        "HOME": str(here.homeport.paths.lab),
        "TF_CLI_CONFIG_FILE": str(run / "cli.rc"),
        "SSL_CERT_FILE": str(directory / "authorities.pem"),
    }
    said = ""
    for words in (["init"], ["plan", "-detailed-exitcode", "-var-file=token.tfvars"]):
        done = subprocess.run(
            [program(), *words, "-no-color", "-input=false"],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
    variables.unlink()
    return said


def config_of(here: Installation, name: str) -> dict[str, Any]:
    hypervisor: Any = here.backends().hypervisor
    return dict(hypervisor._finder.find(here.owner(name)).config)


def change_by_hand(here: Installation, name: str, **settings: int) -> None:
    hypervisor: Any = here.backends().hypervisor
    place = hypervisor._finder.find(here.owner(name)).path
    hypervisor.client.put(f"{place}/config", settings)


def keep_states_elsewhere(here: Installation) -> None:
    provider = here.homeport.provider("harbour-a")
    assert provider.infrastructure is not None
    settings = provider.infrastructure.settings
    other = {**settings, "state": {**settings["state"], "project": "elsewhere"}}
    changed = provider.infrastructure.model_copy(update={"settings": other})
    here.homeport.save_provider(provider.model_copy(update={"infrastructure": changed}), {})


def test_deployed_resized_looked_after_and_destroyed(
    here: Installation, service: StateWorld, world: DatabaseWorld
) -> None:
    """One deployment's whole life, its worker killed between and within the steps that change
    its guest."""
    before = world.objects()
    plan = here.plan("logbook", "tofu-cal", {})
    [making] = [step for step in plan.steps if step.id == "databases.ensure"]
    database = str(making.args["name"])
    assert declared(plan, "databases.ensure") == of_database("create", database)
    assert declared(plan, "guest.ensure") == [("create", f"{VM}.tofu_cal")]
    killed_and_ended_well(here, plan, "guest.ensure:2500", "guest.ensure:after")
    check_one_of_each(here, "tofu-cal")
    directory = directory_of(here, "tofu-cal")
    assert "No changes" in plain_plan(here, service, world, "tofu-cal")
    assert here.homeport.drift("tofu-cal") == []

    plan = here.homeport.plan_resize("tofu-cal", cores=2, memory_mib=768, disk_gib=5)
    assert declared(plan, "guest.ensure") == [("update", f"{VM}.tofu_cal")]
    killed_and_ended_well(here, plan, "guest.ensure:2500")
    config = config_of(here, "tofu-cal")
    assert (str(config["cores"]), str(config["memory"])) == ("2", "768")
    assert "size=5G" in config["scsi0"]
    assert here.homeport.plan_resize("tofu-cal", cores=2).is_empty
    check_one_of_each(here, "tofu-cal")

    change_by_hand(here, "tofu-cal", onboot=0)
    (drift,) = here.homeport.drift("tofu-cal")
    assert drift.words == f"update {VM}.tofu_cal (on_boot)"
    change_by_hand(here, "tofu-cal", onboot=1)

    keep_states_elsewhere(here)  # where the guest is as unknown as one that was never declared
    plan = here.homeport.plan_resize("tofu-cal")
    assert declared(plan, "guest.ensure")[0] == ("import", f"{VM}.tofu_cal")
    assert ("import", f"postgresql_role.{database}") in declared(plan, "databases.ensure")
    killed_and_ended_well(here, plan)
    assert here.homeport.plan_resize("tofu-cal").is_empty
    check_one_of_each(here, "tofu-cal")

    plan = here.homeport.plan_destroy("tofu-cal")
    assert declared(plan, "guest.destroy") == [("delete", f"{VM}.tofu_cal")]
    assert declared(plan, "databases.drop") == of_database("delete", database)
    assert any(f"delete {VM}.tofu_cal" in step.subject for step in plan.deletes)
    killed_and_ended_well(here, plan, "guest.destroy:2500")
    check_nothing_left(here, "tofu-cal")
    assert world.objects() == before
    assert not directory.exists()


def test_a_plan_is_not_applied_when_opentofu_would_do_something_else_by_now(
    here: Installation,
) -> None:
    plan = here.plan("radicale", "tofu-other")
    provider = here.homeport.provider("harbour-a")
    hypervisor = provider.backends[Service.HYPERVISOR]
    other = hypervisor.model_copy(update={"settings": {**hypervisor.settings, "pool": ""}})
    backends = {**provider.backends, Service.HYPERVISOR: other}
    here.homeport.save_provider(provider.model_copy(update={"backends": backends}), {})
    try:
        with pytest.raises(PlanChanged):
            here.homeport.apply(plan, plan.hash)
    finally:
        here.homeport.save_provider(provider, {})
