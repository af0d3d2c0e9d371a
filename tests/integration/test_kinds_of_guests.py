"""Applications in LXC containers, and guests that are kept before what cannot be taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.demo.use import use_application
from engine.lab.api.faults import set_fault
from engine.model.deployment import ResourceKind
from engine.model.plan import Operation
from engine.model.provider import Service
from tests.deployed import Installation, check_nothing_left, installation
from tests.lab_fixture import RunningLab
from tests.ledger import BOOKS, MANY_ENTRIES, Ledger

pytestmark = pytest.mark.integration

MACHINES, CONTAINERS = "harbour-a", "harbour-b"


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    """The first harbour keeps guests by backups; the second makes containers, and snapshots."""
    with installation(lab) as opened:
        before = [opened.homeport.provider(name) for name in (MACHINES, CONTAINERS)]
        change(opened, MACHINES, safety_net="backup", backup_storage="local")
        change(opened, CONTAINERS, safety_net="snapshot", guests="lxc")
        yield opened
        for profile in before:
            opened.homeport.save_provider(profile, {})


def change(here: Installation, provider: str, **settings: str) -> None:
    """Settings of the provider's hypervisor."""
    profile = here.homeport.provider(provider)
    hypervisor = profile.backends[Service.HYPERVISOR]
    changed = hypervisor.model_copy(update={"settings": hypervisor.settings | settings})
    backends = profile.backends | {Service.HYPERVISOR: changed}
    here.homeport.save_provider(profile.model_copy(update={"backends": backends}), {})


def nets(here: Installation, name: str) -> list[str]:
    """How the hypervisors call what they keep of the deployment's guests."""
    kept = here.homeport.resources(name)
    return [r.external_id for r in kept if r.kind is ResourceKind.SAFETY_NET]


def succeeded(operation: Operation) -> None:
    assert operation.status.value == "succeeded", repr(operation.error)


def test_moved_from_a_machine_into_a_container(here: Installation) -> None:
    name, homeport = "boxed", here.homeport
    try:
        succeeded(here.deploy("radicale", name, MANY_ENTRIES["radicale"]))
        ledger = Ledger(BOOKS["radicale"](homeport, name))
        with ledger.writing():
            succeeded(here.carry_out(homeport.plan_migrate(name, CONTAINERS)))
        ledger.check()
        assert use_application(homeport, name)
        plan = homeport.plan_confirm(name)
        kept = next(step for step in plan.steps if step.kind == "guest.keep-net@1")
        assert kept.subject == f"a backup of guest {name} on the storage local"
        succeeded(here.carry_out(plan))
        dump = here.lab.paths.lab / MACHINES / "dump"
        [saved] = nets(here, name)
        assert [f"local:backup/{file.name}" for file in dump.iterdir()] == [saved]
        guest = here.backends(CONTAINERS).hypervisor.find(here.owner(name))
        assert guest is not None
        assert guest.holds_proof
    finally:
        succeeded(here.destroy(name))
    for provider in (MACHINES, CONTAINERS):
        check_nothing_left(here, name, provider)
    assert not list(dump.iterdir())


def test_a_container_is_made_through_faults_and_kept_by_a_snapshot_before_an_upgrade(
    here: Installation,
) -> None:
    name, homeport = "boxed-anew", here.homeport
    directory = here.lab.paths.lab / CONTAINERS
    set_fault(directory, "lost_answers", 1)
    set_fault(directory, "stolen", 1)
    older = homeport.package("radicale").releases[1].version
    request = here.request("radicale", name, CONTAINERS, release=older)
    plan = homeport.plan_deploy(request)
    killed = ["guest.ensure:after", "guest.start:after", "guest.start:after-journal"]
    try:
        succeeded(here.killed_everywhere(plan, killed))
        assert use_application(homeport, name)
        [guest] = [r for r in homeport.resources(name) if r.kind is ResourceKind.GUEST]
        assert guest.attributes["host_keys"]
        # The secret that proved the keys is spent.
        assert homeport._workplace.installation_secrets().list("guest-proofs") == []
        values = homeport.deployment(name).deployment.values
        plan = homeport.plan_upgrade(name, values)
        assert "guest.keep-net@1" in [step.kind for step in plan.steps]
        succeeded(here.carry_out(plan))
        [snapshot] = nets(here, name)
        [destroyed] = [s for s in homeport.plan_destroy(name).steps if s.id == "guest.drop-net"]
        assert snapshot in destroyed.subject
    finally:
        succeeded(here.destroy(name))
    check_nothing_left(here, name, CONTAINERS)
