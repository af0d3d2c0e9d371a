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
from tests.deployed import Installation, check_nothing_left, check_one_of_each, installation
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
        assert operation.status.value == "succeeded", repr(operation.error)
        assert killed
        check_one_of_each(here, name)
        assert use_application(here.homeport, name)
    finally:
        assert here.destroy(name).status.value == "succeeded"
    check_nothing_left(here, name)
