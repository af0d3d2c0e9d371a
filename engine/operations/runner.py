"""Running one planned step: events around it, retries, and the record that it is finished.

The record is ours and not the workflow engine's, for two reasons. It is written in the same
transaction as the event that tells of it, and it belongs to the operation rather than to
one attempt: after a failure a new attempt asks it what need not be done again. A step that
fails is therefore not recorded, and nothing has to be taken back before it is tried anew.
"""

from __future__ import annotations

import json
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.errors import Cancelled, HomeportError, RemoteFailure
from engine.inventory.steps import FinishedStep
from engine.model.events import StepFinished, StepRetrying, StepStarted
from engine.model.plan import Operation, Plan, PlannedStep
from engine.operations import fault, registry
from engine.operations.cancellation import Cancellation
from engine.operations.context import OperationStep
from engine.operations.eventlog import EventLog
from engine.operations.retry import RetryPolicy
from engine.operations.secret_paths import path_of
from engine.operations.step import StepOutcome
from engine.operations.workplace import Workplace
from engine.redaction import Redactor

_log = logging.getLogger(__name__)
_chance = random.SystemRandom()
_CHECK = "preflight@1"
"""It looks at the provider alone, before anything is made."""


@dataclass(frozen=True)
class StepResult:
    """How a step ended, as plain values for the journal."""

    outcome: Literal["done", "unchanged", "failed", "cancelled"]
    error: dict[str, Any] | None = None

    @property
    def is_good(self) -> bool:
        return self.outcome in ("done", "unchanged")


class StepRunner:
    """Runs the steps of one attempt of one operation; each call in a thread of its own."""

    def __init__(
        self,
        workplace: Workplace,
        operation: Operation,
        events: EventLog,
        redactor: Redactor,
        policy: RetryPolicy,
    ) -> None:
        self._workplace = workplace
        self._operation = operation
        self._events = events
        self._redactor = redactor
        self._policy = policy
        self._forward = Cancellation(workplace.inventory, operation.id)
        self._back = Cancellation(workplace.inventory, operation.id, heeded=False)
        self._finished = workplace.inventory.finished_steps.of(operation.id)
        self._recorded: set[str] = set()
        self._hidden_of: set[str] = set()
        """Providers whose secrets of this deployment are known to the redactor."""
        self.turned_back = bool(operation.plan.rollback_ids & self._finished.keys())
        """An earlier run of the operation began to take it back."""

    def run(self, step: PlannedStep) -> StepResult:
        """Carry the step out, or give the result that an earlier attempt recorded."""
        if recorded := self._finished.get(step.id):
            return StepResult(recorded.outcome)
        began = time.monotonic()
        causes: dict[str, float] = {}
        try:
            self._cancellation(step).raise_if_asked()
            attempt = self._operation.attempt
            self._events.say(
                StepStarted(at=_now(), step=step.id, title=step.title, attempt=attempt)
            )
            outcome = self._try_until_it_stands(step, causes)
            return self._record(step, outcome, time.monotonic() - began, causes)
        except HomeportError as error:
            ended: Literal["failed", "cancelled"] = (
                "cancelled" if isinstance(error, Cancelled) else "failed"
            )
            described = self._redactor.redact_json(_explained(error))
            seconds = time.monotonic() - began
            self._events.say(_finished(step, ended, seconds, causes, described))
            return StepResult(ended, described)

    def _try_until_it_stands(self, step: PlannedStep, causes: dict[str, float]) -> StepOutcome:
        waits = self._policy.waits(_chance)
        wait: float | None = None
        while True:
            try:
                return self._try(step, causes)
            except HomeportError as error:
                wait = next(waits, wait if error.holds else None) if error.retryable else None
                if wait is None:
                    raise
                self._events.say(
                    StepRetrying(at=_now(), step=step.id, error=error.describe(), wait_seconds=wait)
                )
                self._cancellation(step).wait(wait)

    def _cancellation(self, step: PlannedStep) -> Cancellation:
        """What leads out of a state in which nobody is served is not stopped halfway: the way
        back, and all behind the point of no return."""
        plan = self._operation.plan
        passed = plan.no_return in self._finished or plan.no_return in self._recorded
        return self._back if passed or step.id in plan.rollback_ids else self._forward

    def _plan(self, step: PlannedStep) -> Plan:
        """The one that the step belongs to: it says which release and values are meant."""
        plan = self._operation.plan
        if plan.rollback is not None and step.id in plan.rollback_ids:
            return plan.rollback
        return plan

    def _try(self, step: PlannedStep, causes: dict[str, float]) -> StepOutcome:
        context = OperationStep(
            self._workplace,
            self._operation.id,
            self._plan(step),
            step,
            self._events,
            self._redactor,
            self._cancellation(step),
        )
        context.causes = causes
        try:
            handle = registry.handler(step.kind)
            self._hide_known_secrets(context)
            with fault.around(step.id):
                outcome = handle(context)
            json.dumps(dict(outcome.output), allow_nan=False)
            return outcome
        except HomeportError:
            raise
        except Exception as error:
            # A handler is somebody else's code: whatever it throws, or gives that JSON does
            # not hold, ends this step, with its trace in the worker's log, and not the worker.
            _log.error("step %s broke", step.id, exc_info=error)
            raise _broken(step, error) from error
        finally:
            context.close()

    def _hide_known_secrets(self, context: OperationStep) -> None:
        """Programs on the guest may print what an earlier step or attempt gave them.

        Once in an attempt is enough: what is made or read later is hidden as it passes. While
        the store is away nothing is run that could print a value; but the provider's check goes
        on, to say what is away, and so does the way back, where an application waits to be
        served again.
        """
        step = context.step
        provider = context.provider.name
        if provider in self._hidden_of:
            return
        prefix = path_of(self._operation.plan.deployment)
        try:
            secrets = context.backends.secrets
            for path in secrets.list(prefix):
                self._redactor.hide(secrets.get(path))
            self._hidden_of.add(provider)
        except HomeportError as error:
            is_harmless = step.kind == _CHECK or step.id in self._operation.plan.rollback_ids
            if error.holds and not is_harmless:
                raise
            # A step that needs the secrets will fail by itself and say so.
            _log.warning("secrets could not be read for redaction: %s", error)

    def _record(
        self, step: PlannedStep, outcome: StepOutcome, seconds: float, causes: dict[str, float]
    ) -> StepResult:
        told: Literal["done", "unchanged"] = "done" if outcome.changed else "unchanged"
        application = self._operation.plan.application

        def learn(connection: sa.Connection) -> None:
            if outcome.changed:
                durations = self._workplace.inventory.durations
                durations.record_with(connection, step.kind, application, seconds)

        self._events.finish_step(
            self._operation.attempt,
            FinishedStep(outcome=told, output=outcome.output),
            _finished(step, told, seconds, causes),
            learn,
        )
        self._recorded.add(step.id)
        return StepResult(told)


def _finished(
    step: PlannedStep,
    outcome: Literal["done", "unchanged", "failed", "cancelled"],
    seconds: float,
    causes: dict[str, float],
    error: dict[str, Any] | None = None,
) -> StepFinished:
    return StepFinished(
        at=_now(),
        step=step.id,
        outcome=outcome,
        seconds=round(seconds, 3),
        error=error,
        spent={cause: round(spent, 3) for cause, spent in causes.items()},
    )


def _explained(error: HomeportError) -> dict[str, Any]:
    """The error with what is true of every failed step, where it does not say better."""
    told = error.describe()
    told["left"] = error.left or "the steps that are finished stay done"
    told["do"] = error.do or "Resume the operation to go on, or destroy the deployment."
    return told


def _broken(step: PlannedStep, error: Exception) -> RemoteFailure:
    return RemoteFailure(
        what="a step ended in a way nobody foresaw",
        on=step.subject or step.title,
        why=f"{type(error).__name__}: {error}",
        left="the steps before it are done and stay done",
        do="Resume the operation. If it happens again, report it with the worker's log.",
    )


def _now() -> datetime:
    return datetime.now(UTC)
