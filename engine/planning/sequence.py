"""Steps that wait for each other one by one."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.plan import PlannedStep


def in_order(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Each waits for the one before it."""
    befores = [(), *((step.id,) for step in steps)]
    return tuple(
        step.model_copy(update={"after": before})
        for step, before in zip(steps, befores, strict=False)
    )


def named(step: PlannedStep, name: str) -> PlannedStep:
    """The step under another id: a plan may have several of one kind."""
    return step.model_copy(update={"id": name})
