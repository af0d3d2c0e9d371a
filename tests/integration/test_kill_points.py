"""SIGKILL of the worker at step boundaries and within steps: nothing twice, nothing lost.

Each boundary of each step of a deployment (before it, after it and before it is recorded, after
it is recorded), one after the other in one deployment, and seeded random moments within steps,
each in a deployment of its own, over all three applications.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

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
WITHIN = 18
APPLICATIONS = ("radicale", "isso", "synapse")


def within_steps(seed: int = 20261123) -> list[tuple[str, str]]:
    """(application, moment) pairs, the same for the same seed."""
    chance = random.Random(seed)
    points = []
    for number in range(WITHIN):
        application = APPLICATIONS[number % 3]
        step = chance.choice(STEPS[3:])
        if application == "isso" and step == "accounts.ensure":
            step = "app.start"
        points.append((application, f"{step}:{chance.randrange(5, LONGEST_MS.get(step, 250))}"))
    return points


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


@pytest.mark.parametrize("application", ["radicale", "synapse"])
def test_killed_at_every_boundary_the_operation_ends_right_and_makes_nothing_twice(
    here: Installation, application: str
) -> None:
    # One of the two with a name for its address: what is marked in two zones is found in both.
    named = ("harbour-a",) if application == "radicale" else ()
    with naming_addresses(here, *named):
        steps = [step.id for step in here.plan(application, f"kill-{application}").steps]
        killed = deployed_and_killed(here, application, f"kill-{application}", EVERY)
    every = [f"{step}:{moment}" for step in steps for moment in BOUNDARIES]
    assert sorted(killed) == sorted(every)
    assert set(steps) <= {*STEPS, "reverse.ensure"}
    assert ("reverse.ensure" in steps) == bool(named)


@pytest.mark.parametrize(
    ("number", "application", "moment"),
    [(number, *point) for number, point in enumerate(within_steps())],
)
def test_killed_within_a_step_the_operation_ends_right_and_makes_nothing_twice(
    here: Installation, number: int, application: str, moment: str
) -> None:
    assert deployed_and_killed(here, application, f"kill-{number}", moment) == [moment]


def deployed_and_killed(here: Installation, application: str, name: str, moment: str) -> list[str]:
    """Deployed, used, destroyed, with all that must hold; the moments at which it was killed."""
    try:
        with here.killed_at(moment):
            operation = here.deploy(application, name)
            killed = here.killed
        assert operation.status.value == "succeeded", repr(operation.error)
        check_one_of_each(here, name)
        assert use_application(here.homeport, name)
    finally:
        assert here.destroy(name).status.value == "succeeded"
    check_nothing_left(here, name)
    return killed
