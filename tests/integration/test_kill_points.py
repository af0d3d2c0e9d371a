"""SIGKILL of the worker at step boundaries and within steps: nothing twice, nothing lost.

Sixty seeded points: each boundary of each step of a deployment (before it, after it and
before it is recorded, after it is recorded), the rest at random moments within steps, over
all three applications.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from engine.demo.use import use_application
from engine.model.deployment import ResourceKind
from tests.deployed import Installation, installation
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STEPS = (
    "preflight",
    "secrets.ensure",
    "address.allocate",
    "guest.ensure",
    "guest.start",
    "certificate.issue",
    "components.install",
    "app.install",
    "app.configure",
    "app.start",
    "accounts.ensure",
    "app.publish",
    "dns.apply",
    "app.health",
)
LONGEST_MS = {"app.install": 2500, "components.install": 800, "app.start": 800, "guest.start": 800}
POINTS = 60


def kill_points(seed: int = 20261123) -> list[tuple[str, str]]:
    """(application, moment) pairs, the same for the same seed."""
    chance = random.Random(seed)
    boundaries = [
        ("radicale", f"{step}:{moment}")
        for step in STEPS
        for moment in ("before", "after", "after-journal")
    ]
    within = []
    for number in range(POINTS - len(boundaries)):
        application = ("radicale", "isso", "synapse")[number % 3]
        step = chance.choice(STEPS[3:])
        if application == "isso" and step == "accounts.ensure":
            step = "app.start"
        within.append((application, f"{step}:{chance.randrange(5, LONGEST_MS.get(step, 250))}"))
    return boundaries + within


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


@pytest.mark.parametrize(
    ("number", "application", "moment"),
    [(number, *point) for number, point in enumerate(kill_points())],
)
def test_killed_at_this_point_the_operation_ends_right_and_makes_nothing_twice(
    here: Installation, number: int, application: str, moment: str
) -> None:
    name = f"kill-{number}"
    try:
        with here.killed_at(moment):
            operation = here.deploy(application, name)
            killed = here.was_killed
        assert operation.status.value == "succeeded", operation.error
        # A random moment may lie behind the end of its step; a boundary never does.
        assert killed or moment.rpartition(":")[2].isdigit()
        check_one_of_each(here, name)
        assert use_application(here.homeport, name)
    finally:
        assert here.destroy(name).status.value == "succeeded"
    check_nothing_left(here, name)


def check_one_of_each(here: Installation, name: str) -> None:
    owner, backends = here.owner(name), here.backends()
    guest = backends.hypervisor.find(owner)  # raises Conflict for two guests with one mark
    assert guest is not None
    assert guest.status == "running"
    lease = backends.addresses.find(owner)
    assert lease is not None
    assert lease.address.partition("/")[0] == guest.address
    records = backends.dns.find(owner)
    assert [(record.name, record.type) for record in records] == [(f"{name}.harbour-a.lab", "A")]
    assert records[0].values == (guest.address,)
    kinds = [resource.kind for resource in here.homeport.resources(name)]
    for kind in (ResourceKind.GUEST, ResourceKind.ADDRESS, ResourceKind.CERTIFICATE):
        assert kinds.count(kind) == 1
    assert kinds.count(ResourceKind.ACCOUNT) <= 1


def check_nothing_left(here: Installation, name: str) -> None:
    deployments = here.homeport.deployments(destroyed=True)
    [destroyed] = [view.deployment for view in deployments if view.deployment.name == name]
    owner = here.homeport._workplace.owner(destroyed.id)
    backends = here.backends()
    assert backends.hypervisor.find(owner) is None
    assert backends.addresses.find(owner) is None
    assert backends.dns.find(owner) == []
    assert backends.secrets.list(f"deployments/{destroyed.id}") == []
