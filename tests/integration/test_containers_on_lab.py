"""An application in an LXC container: deployed, moved into from a virtual machine, destroyed."""

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
    """The second harbour makes containers."""
    with installation(lab) as opened:
        profile = opened.homeport.provider(CONTAINERS)
        hypervisor = profile.backends[Service.HYPERVISOR]
        asked = hypervisor.model_copy(update={"settings": hypervisor.settings | {"guests": "lxc"}})
        backends = profile.backends | {Service.HYPERVISOR: asked}
        opened.homeport.save_provider(profile.model_copy(update={"backends": backends}), {})
        yield opened
        opened.homeport.save_provider(profile, {})


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
        succeeded(here.carry_out(homeport.plan_confirm(name)))
        guest = here.backends(CONTAINERS).hypervisor.find(here.owner(name))
        assert guest is not None
        assert guest.holds_proof
    finally:
        succeeded(here.destroy(name))
    for provider in (MACHINES, CONTAINERS):
        check_nothing_left(here, name, provider)


def test_deployed_into_a_container_whatever_the_provider_does_meanwhile(
    here: Installation,
) -> None:
    name, homeport = "boxed-anew", here.homeport
    directory = here.lab.paths.lab / CONTAINERS
    set_fault(directory, "lost_answers", 1)
    set_fault(directory, "stolen", 1)
    plan = homeport.plan_deploy(here.request("radicale", name, CONTAINERS))
    try:
        succeeded(here.carry_out(plan))
        assert use_application(homeport, name)
        [guest] = [r for r in homeport.resources(name) if r.kind is ResourceKind.GUEST]
        assert guest.attributes["host_keys"]
        # The secret that proved the keys is spent.
        assert homeport._workplace.installation_secrets().list("guest-proofs") == []
    finally:
        succeeded(here.destroy(name))
    check_nothing_left(here, name, CONTAINERS)
