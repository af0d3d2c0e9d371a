"""SIGKILL of the worker at every boundary of an upgrade, of a roll-back on request, and of the
way back of an upgrade that fails: each ends right, with the data that belong there.

One deployment goes up and back, through all boundaries in one operation of each sort and
through random moments within steps in another; what it holds is checked after each operation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from engine.model.deployment import DeploymentStatus
from engine.model.plan import Plan
from engine.operations.fault import BOUNDARIES, EVERY
from tests.deployed import Installation, check_one_of_each, installation
from tests.integration.test_upgrade import (
    Calendar,
    break_application,
    captures_on_guest,
    deploy,
    release_of,
    roll_back,
    upgrade,
)
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OLD, NEW = "3.5.10", "3.9.0"
UPGRADE = ("app.stop", "state.capture", "app.run")
ROLLBACK = ("app.stop", "state.capture", "state.restore", "app.run")
WAY_BACK = tuple(f"back.{step}" for step in ROLLBACK)


def points(steps: tuple[str, ...], within: int, seed: int) -> list[str]:
    """Every boundary, and random moments within the steps that take long."""
    chance = random.Random(seed)
    moments = [f"{chance.choice(steps)}:{chance.randrange(5, 900)}" for _ in range(within)]
    return [EVERY, " ".join(moments)]


def check_killed(here: Installation, moments: str, plan: Plan | None) -> None:
    """Where it was to be killed, it was: at the plan's boundaries, all of them, or the moments."""
    assert plan is not None
    boundaries = {f"{step.id}:{boundary}" for step in plan.steps for boundary in BOUNDARIES}
    assert (boundaries if moments == EVERY else set(moments.split())) <= set(here.killed)


@dataclass
class Kept:
    """A deployment whose client knows what must be there, by release."""

    here: Installation
    name: str
    client: Calendar
    marks: list[str] = field(default_factory=list)
    count: int = 0

    def write(self) -> str:
        self.count += 1
        mark = f"mark-{self.count}"
        self.client.write(mark)
        return mark

    def check(self, release: str) -> None:
        assert release_of(self.here, self.name) == release
        deployment = self.here.homeport.deployment(self.name).deployment
        assert deployment.status is DeploymentStatus.RUNNING
        assert all(self.client.has(mark) for mark in self.marks[-3:])
        check_one_of_each(self.here, self.name)
        unfinished = [n for n in captures_on_guest(self.here, self.name) if n.endswith(".part")]
        assert unfinished == []


@pytest.fixture(scope="module")
def kept(lab: RunningLab) -> Iterator[Kept]:
    with installation(lab) as here:
        client = deploy(here, "radicale", "killed", OLD)
        try:
            yield Kept(here, "killed", client)
        finally:
            here.destroy("killed")


@pytest.mark.parametrize("moments", points(UPGRADE, 6, 1))
def test_an_upgrade_killed_here_ends_with_the_new_release_and_all_data(
    kept: Kept, moments: str
) -> None:
    if release_of(kept.here, kept.name) == NEW:
        assert roll_back(kept.here, kept.name).status.value == "succeeded"
    kept.marks.append(kept.write())
    with kept.here.killed_at(moments):
        done = upgrade(kept.here, kept.name)
        check_killed(kept.here, moments, done.plan)
    assert done.status.value == "succeeded", repr(done.error)
    kept.check(NEW)
    assert kept.client.has(kept.write())


@pytest.mark.parametrize("moments", points(ROLLBACK, 4, 2))
def test_a_roll_back_killed_here_ends_with_the_old_release_and_the_data_of_then(
    kept: Kept, moments: str
) -> None:
    if release_of(kept.here, kept.name) == OLD:
        assert upgrade(kept.here, kept.name).status.value == "succeeded"
    later = kept.write()
    with kept.here.killed_at(moments):
        done = roll_back(kept.here, kept.name)
        check_killed(kept.here, moments, done.plan)
    assert done.status.value == "succeeded", repr(done.error)
    kept.check(OLD)
    assert not kept.client.has(later)


@pytest.mark.parametrize("moments", points(WAY_BACK, 4, 3))
def test_the_way_back_of_a_failed_upgrade_killed_here_ends_with_everything_as_it_was(
    kept: Kept, moments: str
) -> None:
    if release_of(kept.here, kept.name) == NEW:
        assert roll_back(kept.here, kept.name).status.value == "succeeded"
    break_application(kept.here, kept.name, NEW)
    kept.marks.append(kept.write())
    with kept.here.killed_at(moments):
        done = upgrade(kept.here, kept.name, values={"auth": {"realm": "Other"}})
        check_killed(kept.here, moments, done.plan.rollback)
    assert done.status.value == "failed"
    assert done.error is not None
    assert f"{OLD} again" in done.error["left"]
    kept.check(OLD)
    assert kept.client.has(kept.write())
