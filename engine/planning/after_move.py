"""The plans that end a move: back to the source, or settled where the deployment is now."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.deployment import Resource
from engine.model.move import Forwarded, Move, MovePhase
from engine.model.plan import Effect, Intent, Plan
from engine.planning.desired import Desired
from engine.planning.move_steps import (
    carried,
    dns_step,
    health_step,
    place_of,
    resume_source,
    side_step,
    usual_ttl_step,
)
from engine.planning.nets import kept_before_removal
from engine.planning.removal import removal_of_side
from engine.planning.sequence import in_order, named


def plan_revert(source: Desired, target: Desired, names_at: str, move: Move) -> Plan:
    """Back to the source as it was frozen. What was written at the target since stays there."""
    there = place_of(target)
    to_source = {"to": source.provider.name}
    steps = [
        source.step(
            "guest.start@1", "See that its guest runs", Effect.CHANGE, f"guest {source.name}"
        ),
        source.step(
            "app.publish@1",
            "Prepare the source's proxy",
            Effect.CHANGE,
            f"proxy for {source.domain}; requests wait there",
            (),
            {"behind": target.provider.name},
        ),
        side_step(
            target, "side.freeze@1", "target.freeze", "Stop it at the target", there, to_source
        ),
        side_step(
            target,
            "side.fence@1",
            "target.fence",
            "Fence the target",
            f"{there}: nothing starts it, nothing reaches its data; proven by a failing write",
            {"writer": source.provider.name},
        ),
        *resume_source(source),
        dns_step(source, names_at, "Point the name back"),
        health_step(source),
        source.step(
            "deployment.settle@1",
            "Say where it lives",
            Effect.CHANGE,
            f"{source.name} lives at {place_of(source)}; {there} keeps its side",
            (),
            {"phase": MovePhase.REVERTED.value},
        ),
    ]
    return source.plan(Intent.REVERT, in_order(steps), (), _lost(target, move))


def plan_confirm(
    here: Desired,
    other: Desired,
    names_at: str,
    resources: Sequence[Resource],
    *,
    keeps_secrets: bool,
    forwarded: Forwarded | None = None,
) -> Plan:
    """It stays where it is; what is at the other side is destroyed.

    names_at: the provider whose zone holds its names. resources: all of the deployment's.
    keeps_secrets: both sides have the same store, so its values stay. forwarded: what came by
    the other side's address, where that is known.
    """
    there = other.provider.name
    steps = [
        here.step(
            "app.publish@1",
            "Believe the other side's proxy no more",
            Effect.CHANGE,
            f"proxy for {here.domain}",
        ),
        *(
            named(step, f"{there}.{step.id}").model_copy(update={"at": there})
            for step in kept_before_removal(other)
        ),
        *removal_of_side(other, resources, keeps_secrets=keeps_secrets),
        usual_ttl_step(here, names_at, "dns.apply"),
        here.step(
            "deployment.settle@1",
            "Close the books on the move",
            Effect.CHANGE,
            f"{here.name} lives at {place_of(here)}",
            (),
            {"phase": MovePhase.CONFIRMED.value},
        ),
    ]
    warnings = [
        f"What {there} still has of {here.name} is destroyed; there is no revert afterwards."
    ]
    if forwarded is not None:
        warnings.append(f"{forwarded.told()} Whoever holds that address is not served any more.")
    return here.plan(Intent.CONFIRM, in_order(steps), (), tuple(warnings))


def _lost(target: Desired, move: Move) -> tuple[str, ...]:
    kept = ", ".join(carried(target))
    if move.served is None:
        return (f"{place_of(target)} never served; nothing is lost.",)
    return (
        f"Everything written at {place_of(target)} since {move.served:%Y-%m-%d %H:%M} UTC leaves "
        f"the application ({kept}). It is kept there until you run homeport confirm "
        f"{target.name}.",
    )
