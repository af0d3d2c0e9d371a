"""The fence of a source that cannot be reached: its hypervisor, or none."""

from __future__ import annotations

import pytest

from engine.backends.protocols import Guest
from engine.errors import Denied, Unreachable
from engine.operations.steps.power import power_off, power_on
from tests.unit.step_context import OWNER, Context, planned

AWAY = Unreachable("the guest does not answer", why="no route to host")
RUNNING = Guest("9000", "app-1", OWNER, "running", "node")


def context(*guests: Guest) -> Context:
    found = Context(planned(("side.fence@1", {})), shells=[object()])
    found.backends.hypervisor.guests = {guest.owner: guest for guest in guests}
    return found.about("side.fence@1")


def test_a_guest_that_its_hypervisor_has_switched_off_is_fenced() -> None:
    ctx = context(RUNNING)
    proofs = power_off(ctx, AWAY)
    assert "its hypervisor says that it has stopped" in proofs[-1]
    assert len(proofs) == 2
    assert power_off(ctx, AWAY) == proofs
    assert any("nothing passes requests on" in line for line in ctx.lines)


def test_a_hypervisor_that_may_not_switch_it_off_is_no_fence() -> None:
    ctx = context(RUNNING)
    ctx.backends.hypervisor.denies = Denied("you may not stop guests")
    with pytest.raises(Unreachable, match="nor proven to be switched off") as refused:
        power_off(ctx, AWAY)
    assert "no route to host" in refused.value.why
    assert "may not stop guests" in refused.value.why
    assert "might still write" in refused.value.left


def test_a_guest_that_goes_on_running_or_is_not_found_is_not_fenced() -> None:
    ctx = context(RUNNING)
    ctx.backends.hypervisor.stop = lambda guest, progress: None
    with pytest.raises(Unreachable, match="nor proven"):
        power_off(ctx, AWAY)
    with pytest.raises(Unreachable):
        power_off(context(), AWAY)


def test_a_guest_that_was_switched_off_runs_again_when_the_fence_is_lifted() -> None:
    ctx = context(RUNNING)
    power_off(ctx, AWAY)
    power_on(ctx)
    assert ctx.backends.hypervisor.guests[OWNER].status == "running"
    power_on(ctx)
    assert ctx.backends.hypervisor.guests[OWNER].status == "running"
