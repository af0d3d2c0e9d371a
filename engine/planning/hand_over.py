"""From the freeze of the source to the first step of the target: what nobody is served during.

What does not have to wait is done side by side: the last copy of each state unit and its
comparison, as far as units do not disturb each other (`engine.planning.lanes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.model.plan import Effect, PlannedStep
from engine.planning.desired import Desired
from engine.planning.lanes import lanes
from engine.planning.move_steps import FENCE, FREEZE, carried_units, place_of, side_step
from engine.planning.scripts import script_steps
from engine.planning.sequence import Beside, named


def hand_over(target: Desired, source: Desired, again: bool) -> list[PlannedStep | Beside]:
    """From the freeze to the first step of the target, in this order and no other."""
    here = place_of(source)
    steps: list[PlannedStep | Beside] = [
        side_step(
            source,
            "side.freeze@1",
            FREEZE,
            "Stop it at the source",
            f"{source.name} at {here}; its address passes requests on, and they wait",
            {"to": target.provider.name},
        ),
        *script_steps(source, "before-capture", "migrate"),
    ]
    units = ([unit.id for unit in lane] for lane in lanes(carried_units(target)))
    steps.append(Beside([_last_pass(target, source, lane, again) for lane in units]))
    # What they change is not what the source has any more: they come after the comparison.
    steps += script_steps(target, "after-restore", "migrate")
    steps += script_steps(target, "before-start", "migrate")
    fence = side_step(
        source,
        "side.fence@1",
        FENCE,
        "Fence the source",
        f"{here}: nothing starts it, nothing reaches its data; proven by a failing write",
        {"writer": target.provider.name},
    )
    run = target.step(
        "app.run@1",
        "Start it at the target",
        Effect.CHANGE,
        f"{target.package.name} {target.release.version} at {place_of(target)}",
    )
    after = script_steps(target, "after-start", "migrate")
    return [*steps, fence, named(run, "target.run"), *after]


def _last_pass(
    target: Desired, source: Desired, units: Sequence[str], again: bool
) -> list[PlannedStep]:
    """units: those that cannot be carried side by side."""
    steps = []
    for unit in units:
        args: dict[str, Any] = {"source": source.provider.name, "unit": unit}
        if again:
            args["thorough"] = True
        step = target.step(
            "state.delta@1", f"Copy the rest of {unit}", Effect.CHANGE, unit, (), args
        )
        steps.append(named(step, f"state.delta.{unit}"))
    for unit in units:
        args = {"source": source.provider.name, "unit": unit}
        step = target.step("state.compare@1", f"Compare {unit}", Effect.READ, unit, (), args)
        steps.append(named(step, f"state.compare.{unit}"))
    return steps
