"""SIGKILL of the worker at step boundaries and within steps: nothing twice, nothing lost.

Each boundary of each step of a deployment (before it, after it and before it is recorded, after
it is recorded), one after the other in one deployment, and seeded random moments within steps, one
for each of some steps in one deployment, over all three applications.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest

from engine.demo.use import use_application
from engine.operations.fault import BOUNDARIES, EVERY
from tests.deployed import (
    Installation,
    check_nothing_left,
    check_one_of_each,
    installation,
    naming_addresses,
)
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
WITHIN = 7
APPLICATIONS = ("radicale", "isso", "synapse")
OWN_STEPS = ("components.install", "app.install", "app.configure", "app.start", "accounts.ensure")
"""Those that do something else for each application."""


def within_steps(application: str, seed: int) -> list[str]:
    """A moment within each of some steps, the same for the same seed."""
    chance = random.Random(seed)
    steps = [s for s in STEPS[3:] if (application, s) != ("isso", "accounts.ensure")]
    chosen = chance.sample(steps, WITHIN)
    return [f"{step}:{chance.randrange(5, LONGEST_MS.get(step, 250))}" for step in chosen]


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


def test_killed_at_every_boundary_the_operation_ends_right_and_makes_nothing_twice(
    here: Installation,
) -> None:
    # With a name for its address: what is marked in two zones is found in both.
    with naming_addresses(here, "harbour-a"):
        steps = [step.id for step in here.plan("radicale", "killed").steps]
        killed = deployed_and_killed(here, "radicale", "killed", [EVERY])
    assert sorted(killed) == boundaries(steps)
    assert set(steps) == {*STEPS, "reverse.ensure"}


def test_killed_at_every_boundary_of_the_steps_that_other_applications_have(
    here: Installation,
) -> None:
    moments = boundaries(OWN_STEPS)
    killed = deployed_and_killed(here, "synapse", "killed-own-steps", moments)
    assert sorted(killed) == moments


def boundaries(steps: Iterable[str]) -> list[str]:
    return sorted(f"{step}:{moment}" for step in steps for moment in BOUNDARIES)


@pytest.mark.parametrize(("seed", "application"), list(enumerate(APPLICATIONS, 20261127)))
def test_killed_within_steps_the_operation_ends_right_and_makes_nothing_twice(
    here: Installation, seed: int, application: str
) -> None:
    moments = within_steps(application, seed)
    killed = deployed_and_killed(here, application, f"killed-{application}", moments)
    assert sorted(killed) == sorted(moments)


def deployed_and_killed(
    here: Installation, application: str, name: str, moments: list[str]
) -> list[str]:
    """Deployed, used, destroyed, with all that must hold; the moments at which it was killed."""
    try:
        with here.killed_at(" ".join(moments)):
            operation = here.deploy(application, name)
            killed = here.killed
        assert operation.status.value == "succeeded", repr(operation.error)
        check_one_of_each(here, name)
        assert use_application(here.homeport, name)
    finally:
        assert here.destroy(name).status.value == "succeeded"
    check_nothing_left(here, name)
    return killed
