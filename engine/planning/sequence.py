"""Steps that wait for each other: one by one, and side by side where nothing speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from engine.model.plan import PlannedStep


@dataclass(frozen=True)
class Beside:
    """Chains of steps, each in its order; none of them waits for another one."""

    chains: Sequence[Sequence[PlannedStep]]


def in_order(steps: Sequence[PlannedStep | Beside]) -> tuple[PlannedStep, ...]:
    """Each waits for the one before it; what comes behind `Beside`, for the ends of all its
    chains."""
    found: list[PlannedStep] = []
    before: tuple[str, ...] = ()
    for part in steps:
        chains = part.chains if isinstance(part, Beside) else [[part]]
        waiting = [list(_chained(chain, before)) for chain in chains if chain]
        # All that may begin comes before what has to wait.
        found += [step for level in zip_longest(*waiting) for step in level if step is not None]
        before = tuple(chain[-1].id for chain in waiting) or before
    return tuple(found)


def _chained(steps: Sequence[PlannedStep], before: tuple[str, ...]) -> list[PlannedStep]:
    befores = [before, *((step.id,) for step in steps)]
    return [
        step.model_copy(update={"after": earlier})
        for step, earlier in zip(steps, befores, strict=False)
    ]


def named(step: PlannedStep, name: str) -> PlannedStep:
    """The step under another id: a plan may have several of one kind."""
    return step.model_copy(update={"id": name})
