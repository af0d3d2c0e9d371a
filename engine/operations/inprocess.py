"""Carrying out an operation within this process, without journal or worker.

For tests of step handlers, and for looking at one under a debugger: same steps, same
events, same records as in the worker, but it lives and dies with its caller.
"""

from __future__ import annotations

import asyncio

from engine.model.plan import Operation, PlannedStep
from engine.operations.eventlog import EventLog
from engine.operations.interpreter import carry_out
from engine.operations.outcome import record_end
from engine.operations.retry import RetryPolicy
from engine.operations.runner import StepResult, StepRunner
from engine.operations.workplace import Workplace
from engine.redaction import Redactor


def run_in_process(
    workplace: Workplace, operation: Operation, policy: RetryPolicy | None = None
) -> Operation:
    """Run it to its end; the operation as it is then."""
    inventory = workplace.inventory
    inventory.operations.started(operation.id)
    redactor = Redactor()
    with EventLog(inventory, operation.id, redactor) as events:
        runner = StepRunner(
            workplace, operation, events, redactor, policy or RetryPolicy.from_environment()
        )

        async def run(step: PlannedStep) -> StepResult:
            return await asyncio.to_thread(runner.run, step)

        results = asyncio.run(carry_out(operation.plan.steps, run))
    record_end(inventory, operation, results)
    return inventory.operations.get(operation.id)
