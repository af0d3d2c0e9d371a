"""SIGKILL of the worker at every boundary of a move, of its way back, of a revert and of a
confirmation, and at random moments within them, while somebody writes through the public
name: each ends right, and no write that was acknowledged is lost or there twice.

One operation is killed at all of its boundaries, one after the other: that costs a new worker
for each and not a whole move.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from engine.model.deployment import DeploymentStatus
from engine.model.move import MovePhase, MoveTerms
from engine.model.plan import Operation, Plan, PlannedStep
from tests.deployed import Installation, check_nothing_left, installation
from tests.integration.test_migrate import SOURCE, TARGET, damage, move_of, succeeded
from tests.lab_fixture import RunningLab
from tests.ledger import BOOKS, Ledger

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RECORDED = ("source.freeze", "source.fence", "target.run", "target.fence", "source.unfence")
"""Steps at which it matters, too, that they are recorded and the next one is not begun."""
NAME = "mv-killed"


def boundaries(steps: tuple[PlannedStep, ...]) -> list[str]:
    """Done and not recorded, so that each step is carried out a second time."""
    return [
        f"{step.id}:{moment}"
        for step in steps
        for moment in ("after", *(("after-journal",) if step.id in RECORDED else ()))
    ]


@dataclass
class Moving:
    """A deployment that goes to and fro, and who writes to it."""

    here: Installation
    ledger: Ledger

    @property
    def at(self) -> str:
        return self.here.homeport.deployment(NAME).deployment.provider

    @property
    def elsewhere(self) -> str:
        return TARGET if self.at == SOURCE else SOURCE

    def plan(self) -> Plan:
        return self.here.homeport.plan_migrate(NAME, self.elsewhere)

    def killed(self, plan: Plan, moments: list[str]) -> Operation:
        with self.ledger.writing():
            return self.here.killed_everywhere(plan, moments)

    def confirm(self) -> None:
        succeeded(self.here.carry_out(self.here.homeport.plan_confirm(NAME)))

    def check(self, at: str, phase: MovePhase) -> None:
        deployment = self.here.homeport.deployment(NAME).deployment
        move = move_of(self.here, NAME)
        assert (deployment.provider, deployment.status) == (at, DeploymentStatus.RUNNING)
        assert (move.phase, move.writer) == (phase, at)
        self.ledger.check()
        assert self.ledger.write_one()
        # One guest at each side, whoever was killed while it was made.
        assert self.here.backends(at).hypervisor.find(self.here.owner(NAME)) is not None


@pytest.fixture(scope="module")
def moving(lab: RunningLab) -> Iterator[Moving]:
    with installation(lab) as here:
        succeeded(here.deploy("radicale", NAME))
        try:
            yield Moving(here, Ledger(BOOKS["radicale"](here.homeport, NAME)))
        finally:
            succeeded(here.destroy(NAME))
            for provider in (SOURCE, TARGET):
                check_nothing_left(here, NAME, provider)


def test_a_move_killed_at_every_boundary_and_its_confirmation(moving: Moving) -> None:
    target = moving.elsewhere
    # Held until a time that has come, so that the step is there and nobody need say a word.
    terms = MoveTerms(begin_at=datetime.now(UTC))
    plan = moving.here.homeport.plan_migrate(NAME, target, terms)
    succeeded(moving.killed(plan, boundaries(plan.steps)))
    moving.check(target, MovePhase.OBSERVING)
    plan = moving.here.homeport.plan_confirm(NAME)
    succeeded(moving.killed(plan, boundaries(plan.steps)))
    moving.check(target, MovePhase.CONFIRMED)


def test_the_way_back_of_a_move_killed_at_every_boundary(moving: Moving) -> None:
    source, target, plan = moving.at, moving.elsewhere, moving.plan()
    assert plan.rollback is not None
    assert moving.ledger.write_one()
    begin = "state.delta.collections:after"
    back = boundaries(plan.rollback.steps)
    damaged: list[str] = []

    def and_damage(moment: str) -> None:
        if moment == begin:
            damage(moving.here.guest_root(NAME, target), NAME)
            damaged.append(moment)

    with moving.ledger.writing():
        ended = moving.here.killed_everywhere(plan, [begin, *back], and_then=and_damage)
    assert damaged
    assert ended.status.value == "failed"
    moving.check(source, MovePhase.STOPPED)


def test_a_revert_killed_at_every_boundary(moving: Moving) -> None:
    source = moving.at
    succeeded(moving.here.carry_out(moving.plan()))
    # What is written from here on stays behind; nobody writes meanwhile.
    plan = moving.here.homeport.plan_revert(NAME)
    succeeded(moving.here.killed_everywhere(plan, boundaries(plan.steps)))
    moving.check(source, MovePhase.REVERTED)
    moving.confirm()


def test_a_move_killed_at_random_moments(moving: Moving) -> None:
    chance = random.Random(1)
    target, plan = moving.elsewhere, moving.plan()
    heavy = [
        step.id
        for step in plan.steps
        if step.kind.partition(".")[0] in ("state", "side", "passage", "app", "dns")
    ]
    chosen = sorted(chance.sample(range(len(heavy)), 5))
    moments = [f"{heavy[index]}:{chance.randrange(2, 250)}" for index in chosen]
    succeeded(moving.killed(plan, moments))
    moving.check(target, MovePhase.OBSERVING)
    moving.confirm()
