"""Carrying out a plan's steps in the order of their dependencies, side by side where allowed.

Pure scheduling: what running a step means is the caller's. A step starts when all that it
waits for ended well; once one failed or was cancelled no further step starts, and those
that run are waited for, so that nothing is still at work when the operation has ended. A plan
that says how it is taken back is taken back then, if it had begun to change anything and
had not passed its point of no return.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from engine.errors import InvalidInput
from engine.model.plan import Plan, PlannedStep
from engine.operations.runner import StepResult

RunStep = Callable[[PlannedStep], Awaitable[StepResult]]


async def carry_out_or_back(
    plan: Plan, run: RunStep, *, turned_back: bool = False
) -> dict[str, StepResult]:
    """Results by step id, of every step that was started, those of the way back included.

    turned_back: the way back was begun before; nothing else is tried any more.
    """
    results = {} if turned_back else await carry_out(plan.steps, run)
    if plan.rollback is not None and (turned_back or must_turn_back(plan, results)):
        results |= await carry_out(plan.rollback.steps, run)
    return results


def must_turn_back(plan: Plan, results: Mapping[str, StepResult]) -> bool:
    """Did it end otherwise than well, after the first step that has to be taken back, and
    before the point of no return?"""
    passed = plan.no_return in results and results[plan.no_return].is_good
    begun = plan.rollback_from in results and not passed
    return begun and not all(r.is_good for r in results.values())


async def carry_out(steps: Sequence[PlannedStep], run: RunStep) -> dict[str, StepResult]:
    """Results by step id, of every step that was started."""
    by_id = {step.id: step for step in steps}
    graph = sorted_graph(steps)
    running: dict[asyncio.Task[StepResult], str] = {}
    results: dict[str, StepResult] = {}
    while graph.is_active():
        if all(result.is_good for result in results.values()):
            for ready in sorted(graph.get_ready(), key=list(by_id).index):
                running[asyncio.ensure_future(run(by_id[ready]))] = ready
        if not running:
            break
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            step = running.pop(task)
            results[step] = task.result()
            graph.done(step)
    return results


def sorted_graph(steps: Sequence[PlannedStep]) -> TopologicalSorter[str]:
    """InvalidInput for steps that wait for each other, for unknown ones, or that share an id."""
    graph = TopologicalSorter({step.id: step.after for step in steps})
    known = {step.id for step in steps}
    unknown = {name for step in steps for name in step.after} - known
    try:
        if unknown or len(known) != len(steps):
            raise ValueError(f"unknown or repeated: {sorted(unknown) or 'step id'}")
        graph.prepare()
    except (CycleError, ValueError) as error:
        raise InvalidInput(
            what="the plan's steps cannot be put in order",
            why=str(error),
            left="nothing was changed",
            do="Make the plan again; if it happens again, report it.",
        ) from None
    return graph
