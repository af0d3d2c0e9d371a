"""What an interface does with operations: begin, follow, cancel, resume. No workflow engine
here: the inventory is written, and the worker, which reads it, is started where needed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from engine.errors import InvalidInput, PlanChanged, RemoteFailure
from engine.inventory.inventory import Inventory
from engine.model.deployment import Deployment
from engine.model.events import Event
from engine.model.plan import Intent, Operation, OperationStatus, Plan
from engine.operations.launch import end_of_log, ensure_worker, living_worker
from engine.operations.outcome import AT_WORK
from engine.operations.planner import Planner
from engine.operations.wayback import way_back_of
from engine.operations.withheld import withheld
from engine.operations.workplace import Workplace
from engine.paths import Paths

LOOK_SECONDS = 0.25
_START_SECONDS = 1.0
"""How long a worker that was started may take until it holds the lock."""
_MOST_STARTS = 10

_THROWS_AWAY = (Intent.DRILL, Intent.PROBE)
_MAKES_ONE = (Intent.DEPLOY, Intent.RESTORE, *_THROWS_AWAY)


class Control:
    def __init__(self, workplace: Workplace, planner: Planner) -> None:
        self._workplace = workplace
        self._inventory: Inventory = workplace.inventory
        self._planner = planner

    def apply(self, plan: Plan, approved_hash: str) -> Operation:
        """PlanChanged, Busy, Conflict; InvalidInput for a plan that would change nothing."""
        _check_approval(plan, approved_hash)
        self._inventory.operations.refuse_if_held(plan.deployment, plan.name)
        self._planner.confirm(plan)
        operation = self._inventory.operations.begin(plan, lambda c: self._prepare(plan, c))
        withheld.drop(plan)
        self._inventory.audit.record(f"{plan.intent.value} {plan.name}", f"plan {plan.hash}")
        ensure_worker(self._workplace.paths)
        return operation

    def _prepare(self, plan: Plan, connection: sa.Connection) -> None:
        """In the transaction that records the operation: deployment, status, secrets."""
        status = AT_WORK[plan.intent]
        changed = self._inventory.deployments.change(
            plan.deployment, status=status, connection=connection
        )
        if not changed and plan.intent in _MAKES_ONE:
            now = datetime.now(UTC)
            deployment = Deployment(
                id=plan.deployment,
                name=plan.name,
                application=plan.application,
                release=plan.release,
                provider=plan.provider,
                # A throw-away has the domain in its configuration, and is not reached by it.
                domain=f"{plan.name}.invalid" if plan.intent in _THROWS_AWAY else plan.domain,
                values=plan.values,
                records=plan.records or (),
                status=status,
                created=now,
                changed=now,
            )
            self._inventory.deployments.add(deployment, connection)
        self._planner.store_secrets(plan)

    def cancel(self, operation_id: str) -> None:
        """Ask the operation to stop. InvalidInput where it has ended already."""
        operation = self._inventory.operations.get(operation_id)
        asked = self._inventory.operations.ask_to_stop(operation.id)
        if not asked and self._inventory.operations.status(operation.id).is_final:
            raise InvalidInput(
                what="the operation cannot be cancelled",
                on=operation.id,
                why="it has ended already",
                do=f"See how: homeport operations {operation.plan.name}",
            )
        self._inventory.audit.record(f"cancel {operation.plan.name}", operation.id)
        ensure_worker(self._workplace.paths)

    def resume(self, operation_id: str) -> Operation:
        """Go on from the last finished step. InvalidInput, Busy, Conflict."""
        operation = self._inventory.operations.get(operation_id)
        if operation.status is OperationStatus.SUCCEEDED:
            raise InvalidInput(
                what="there is nothing to go on with",
                on=operation.id,
                why="the operation ended well",
                do="Make a new plan for what is to change now.",
            )
        if way_back_of(self._inventory, operation, {}).is_whole:
            raise InvalidInput(
                what="there is nothing to go on with",
                on=operation.id,
                why=f"it was taken back, and {operation.plan.name} runs as it did before",
                left="nothing was changed",
                do="Mend what made it fail and make a new plan.",
            )
        if operation.status.is_final:
            plan = operation.plan
            operation = self._inventory.operations.begin_again(
                operation,
                lambda connection: self._back_to_work(plan, connection),
            )
            self._inventory.audit.record(f"resume {plan.name}", operation.id)
        ensure_worker(self._workplace.paths)
        return operation

    def _back_to_work(self, plan: Plan, connection: sa.Connection) -> None:
        status = AT_WORK[plan.intent]
        self._inventory.deployments.change(plan.deployment, status=status, connection=connection)

    def follow(self, operation_id: str, after: int = 0) -> Iterator[Event]:
        """Events as they come, until the operation has ended and all are given.

        Keeps a worker alive meanwhile: one that died is replaced, and goes on.
        RemoteFailure where workers die one after the other without getting anywhere.
        """
        operation = self._inventory.operations.get(operation_id).id
        worker = _Watch(self._workplace.paths)
        while True:
            ended = self._inventory.operations.status(operation).is_final
            for event in self._inventory.events.after(operation, after):
                after = event.seq
                worker.got_somewhere()
                yield event
            if ended and not self._inventory.events.after(operation, after, limit=1):
                return
            if not ended:
                worker.keep_alive(operation)
            time.sleep(LOOK_SECONDS)


class _Watch:
    """Starts a worker where none is alive, but not for ever."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._started = float("-inf")
        self._started_in_vain = 0

    def got_somewhere(self) -> None:
        self._started_in_vain = 0

    def keep_alive(self, operation: str) -> None:
        now = time.monotonic()
        if now - self._started < _START_SECONDS or living_worker(self._paths) is not None:
            return
        if self._started_in_vain == _MOST_STARTS:
            raise RemoteFailure(
                what="the worker process does not stay alive",
                on=operation,
                why=end_of_log(self._paths) or f"{_MOST_STARTS} were started and ended at once",
                left="the operation is recorded and waits",
                do="Mend the cause, then run `homeport attach`: it starts the worker again.",
            )
        self._started = now
        self._started_in_vain += ensure_worker(self._paths)


def _check_approval(plan: Plan, approved_hash: str) -> None:
    if approved_hash != plan.hash:
        raise PlanChanged(
            what="the plan is not the one that was approved",
            on=plan.name,
            why=f"approved was {approved_hash[:12]}, this is {plan.hash[:12]}",
            left="nothing was changed",
            do="Read the plan again and approve it.",
        )
    if plan.is_empty:
        raise InvalidInput(
            what="the plan changes nothing",
            on=plan.name,
            why="everything is as it is wanted already",
            do="Change an option first.",
        )
