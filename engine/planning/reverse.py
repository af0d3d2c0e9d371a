"""Steps for what an address is called, where the provider has a zone for that.

The name follows the address, not the deployment's other names: each side of a move has its own.
"""

from __future__ import annotations

from engine.model.plan import Effect, PlannedStep
from engine.planning.desired import Desired


def reverse_named(desired: Desired, after: tuple[str, ...] = ()) -> list[PlannedStep]:
    """None where the provider has no such zone."""
    if not desired.names_addresses:
        return []
    step = desired.step(
        "reverse.ensure@1",
        "Give its address a name",
        Effect.CREATE,
        f"PTR record of its address: {desired.domain}",
        after,
    )
    return [step]


def reverse_unnamed(desired: Desired, after: tuple[str, ...] = ()) -> list[PlannedStep]:
    if not desired.names_addresses:
        return []
    there = desired.provider.title or desired.provider.name
    step = desired.step(
        "reverse.remove@1",
        "Take the address's name away",
        Effect.DELETE,
        f"PTR record of its address at {there}",
        after,
    )
    return [step]
