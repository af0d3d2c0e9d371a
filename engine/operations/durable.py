"""Operations as durable workflows: DBOS remembers which run, and starts them again.

One small workflow interprets every plan. Each planned step gets its number in the journal
before any of them runs, in the plan's order (those of the way back behind all others), so
that steps side by side find their own entries again after a crash whatever order they ended
in. The application version is the version of the plan format and nothing else: an update of
Homeport changes handlers, which the registry keeps by versioned kind, and never this workflow.

A workflow is one attempt. Its id is the operation's, with ".2", ".3", ... for further
attempts: DBOS could also fork or rewind a failed run, but both cut the journal at one step
and would run the steps behind it again, also those that had ended well beside the failed
one. A new run that asks our record of finished steps repeats exactly what is not finished.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import asdict
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from engine.errors import RemoteFailure
from engine.inventory.database import open_journal_engine
from engine.model.plan import FORMAT, Operation, PlannedStep
from engine.operations import fault
from engine.operations.eventlog import EventLog
from engine.operations.interpreter import carry_out_or_back
from engine.operations.journal import JsonSerializer
from engine.operations.outcome import record_end
from engine.operations.retry import RetryPolicy
from engine.operations.runner import StepResult, StepRunner
from engine.operations.workplace import Workplace
from engine.redaction import Redactor

_ALIVE = ("PENDING", "ENQUEUED", "DELAYED")
_LOOK_AGAIN_SECONDS = 5.0
_RECOVERY_LOOK_SECONDS, _LATER_LOOK_SECONDS = 0.1, 5.0
_RECOVERY_SECONDS = 5.0
"""After which what was interrupted is at work again."""


class Performer:
    """Carries operations out for the workflow; one per process."""

    def __init__(self, workplace: Workplace, policy: RetryPolicy) -> None:
        self.workplace = workplace
        self.policy = policy
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._at_work = 0
        self._idle = threading.Condition(self._lock)

    async def perform(self, operation_id: str, attempt: int) -> str:
        """One attempt to its end; gives the operation's status then."""
        operation = self.workplace.inventory.operations.get(operation_id)
        if operation.status.is_final or operation.attempt != attempt:
            return operation.status.value
        self.workplace.inventory.operations.started(operation_id)
        redactor = Redactor()
        with EventLog(self.workplace.inventory, operation_id, redactor) as events:
            runner = StepRunner(self.workplace, operation, events, redactor, self.policy)
            results = await self._carry_out(operation, runner)
        return record_end(self.workplace.inventory, operation, results).value

    async def _carry_out(self, operation: Operation, runner: StepRunner) -> dict[str, StepResult]:
        plan = operation.plan
        back = plan.rollback.steps if plan.rollback else ()
        numbered = {step.id: DBOS.reserve_step() for step in (*plan.steps, *back)}

        async def run(step: PlannedStep) -> StepResult:
            if self.stopping.is_set():
                # The process is about to end; the operation goes on in the next one.
                await asyncio.Event().wait()
            journaled = await numbered[step.id].run_async(
                {"name": step.kind}, self._run_one, runner, step
            )
            fault.after_journal(step.id)
            return StepResult(**journaled)

        return await carry_out_or_back(plan, run, turned_back=runner.turned_back)

    def _run_one(self, runner: StepRunner, step: PlannedStep) -> dict[str, Any]:
        with self._lock:
            self._at_work += 1
        try:
            return asdict(runner.run(step))
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()

    def give_up(self, operation_id: str) -> None:
        """End an operation that nobody carries out any more, so that it can be resumed."""
        error = RemoteFailure(
            what="the operation broke off",
            on=operation_id,
            why="the worker could not record how it went on; its log says why",
            left="its finished steps are done and stay done",
            do="Check the disk's free space, then resume the operation.",
        )
        operation = self.workplace.inventory.operations.get(operation_id)
        record_end(
            self.workplace.inventory, operation, {"": StepResult("failed", error.describe())}
        )

    def wait_until_recorded(self, seconds: float) -> bool:
        """After `stopping` was set: wait for the steps at work; False where some still are."""
        with self._idle:
            return self._idle.wait_for(lambda: self._at_work == 0, seconds)


_performer: Performer | None = None


@DBOS.workflow(name="run_plan", max_recovery_attempts=None)
async def run_plan(operation_id: str, attempt: int) -> str:
    """The one workflow. Its name, its parameters and its step numbers are for ever."""
    if _performer is None:
        raise RuntimeError("operations are only carried out by the worker")
    return await _performer.perform(operation_id, attempt)


class Journal:
    """DBOS, launched on the inventory's database."""

    def __init__(self, performer: Performer, url: str, executor: str) -> None:
        global _performer
        _performer = self._performer = performer
        self._look_again: dict[str, float] = {}
        config: DBOSConfig = {
            "name": "homeport",
            "system_database_url": url,
            "system_database_engine": open_journal_engine(url),
            "serializer": JsonSerializer(),
            "application_version": f"plan-{FORMAT}",
            "executor_id": executor,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 60.0,
            "scheduler_polling_interval_sec": 3600.0,
        }
        _look_often_at_first(DBOS(config=config))
        _log_like_us()
        DBOS.launch()

    def settle(self, seconds: float) -> bool:
        """Begin no further step and wait for those at work; False where some still are."""
        self._performer.stopping.set()
        return self._performer.wait_until_recorded(seconds)

    def start(self, operation_id: str, attempt: int) -> None:
        """Start this attempt, unless DBOS knows it: then it was started, or recovered."""
        workflow = operation_id if attempt == 1 else f"{operation_id}.{attempt}"
        now = time.monotonic()
        if now < self._look_again.get(workflow, 0.0):
            return
        self._look_again[workflow] = now + _LOOK_AGAIN_SECONDS
        known = DBOS.get_workflow_status(workflow)
        if known is None:
            with SetWorkflowID(workflow):
                DBOS.start_workflow(run_plan, operation_id, attempt)
        elif known.status not in _ALIVE:
            # Its last act, writing the operation's end, did not succeed.
            self._performer.give_up(operation_id)


def _look_often_at_first(dbos: DBOS) -> None:
    """What was interrupted goes on through a queue of DBOS's own, which has no setting and is
    looked at once a second: most of the time that a worker needs to go on. Nothing else comes
    through it, and each look costs some milliseconds."""
    queue = dbos._registry.get_internal_queue()
    queue._polling_interval_sec = _RECOVERY_LOOK_SECONDS

    def look_seldom() -> None:
        queue._polling_interval_sec = _LATER_LOOK_SECONDS

    later = threading.Timer(_RECOVERY_SECONDS, look_seldom)
    later.daemon = True
    later.start()


def _log_like_us() -> None:
    """DBOS writes its log by a handler of its own, which knows nothing of secrets."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True
