"""What the end of an operation means for its deployment; and for the reader, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.inventory.inventory import Inventory
from engine.model.deployment import DeploymentStatus, Health, HealthReport
from engine.model.events import StepFinished
from engine.model.plan import Effect, Intent, Operation, OperationStatus, Plan
from engine.operations.runner import StepResult
from engine.operations.wayback import WayBack, told_between, way_back_of

AT_WORK = {
    Intent.DEPLOY: DeploymentStatus.DEPLOYING,
    Intent.RECONFIGURE: DeploymentStatus.CHANGING,
    Intent.ROTATE: DeploymentStatus.CHANGING,
    Intent.UPGRADE: DeploymentStatus.CHANGING,
    Intent.ROLLBACK: DeploymentStatus.CHANGING,
    Intent.BACKUP: DeploymentStatus.CHANGING,
    Intent.RESTORE: DeploymentStatus.CHANGING,
    Intent.DRILL: DeploymentStatus.CHANGING,
    Intent.PROBE: DeploymentStatus.CHANGING,
    Intent.MIGRATE: DeploymentStatus.CHANGING,
    Intent.REVERT: DeploymentStatus.CHANGING,
    Intent.CONFIRM: DeploymentStatus.CHANGING,
    Intent.DESTROY: DeploymentStatus.DESTROYING,
}
"""The deployment's status while an operation of this intent is unfinished."""
_ENDED_WELL = {
    Intent.DEPLOY: DeploymentStatus.RUNNING,
    Intent.RECONFIGURE: DeploymentStatus.RUNNING,
    Intent.ROTATE: DeploymentStatus.RUNNING,
    Intent.UPGRADE: DeploymentStatus.RUNNING,
    Intent.ROLLBACK: DeploymentStatus.RUNNING,
    Intent.BACKUP: DeploymentStatus.RUNNING,
    Intent.RESTORE: DeploymentStatus.RUNNING,
    Intent.DRILL: DeploymentStatus.DESTROYED,
    Intent.PROBE: DeploymentStatus.DESTROYED,
    Intent.MIGRATE: DeploymentStatus.RUNNING,
    Intent.REVERT: DeploymentStatus.RUNNING,
    Intent.CONFIRM: DeploymentStatus.RUNNING,
    Intent.DESTROY: DeploymentStatus.DESTROYED,
}


def status_of(results: Mapping[str, StepResult]) -> tuple[OperationStatus, StepResult | None]:
    """The operation's final status, and the step result that explains it."""
    failed = [result for result in results.values() if result.outcome == "failed"]
    cancelled = [result for result in results.values() if result.outcome == "cancelled"]
    if failed:
        return OperationStatus.FAILED, failed[0]
    if cancelled:
        return OperationStatus.CANCELLED, cancelled[0]
    return OperationStatus.SUCCEEDED, None


def record_end(
    inventory: Inventory, operation: Operation, results: Mapping[str, StepResult]
) -> OperationStatus:
    """Write the operation's end and the deployment's status, in one transaction."""
    plan = operation.plan
    forward = {step: r for step, r in results.items() if step not in plan.rollback_ids}
    status, decisive = status_of(forward)
    error = decisive.error if decisive else None
    values, release, records = None, None, None
    if plan.intent is Intent.RECONFIGURE and plan.records is not None:
        # Names alone: the application is as it was, whatever became of them.
        after = inventory.operations.status_before(operation.id)
        records = plan.records if status is OperationStatus.SUCCEEDED else None
    elif status is OperationStatus.SUCCEEDED and len(forward) == len(results):
        after, values, release = _ENDED_WELL[plan.intent], plan.values, plan.release
    elif plan.rollback is not None:
        way_back = way_back_of(inventory, operation, results)
        after = _after(plan, way_back, inventory.operations.status_before(operation.id))
        if way_back.was_begun:
            error = way_back.told(plan, error or _first_error(inventory, operation))
            status = OperationStatus.FAILED if status is OperationStatus.SUCCEEDED else status
        elif error and plan.no_return in inventory.finished_steps.of(operation.id):
            error = told_between(operation, error)
            if plan.intent is Intent.ROTATE:
                after = DeploymentStatus.RUNNING
    elif plan.intent is Intent.CONFIRM:
        # What it removes is not what serves.
        after = inventory.operations.status_before(operation.id)
    elif plan.intent is Intent.DEPLOY or may_have_changed_something(operation, results):
        # The values may be on the guest already: a later plan must start from them.
        after, values = DeploymentStatus.FAILED, plan.values
    else:
        after = inventory.operations.status_before(operation.id)

    def deployment_too(connection: sa.Connection) -> None:
        inventory.deployments.change(
            plan.deployment,
            status=after,
            values=values,
            release=release,
            records=records,
            connection=connection,
        )

    inventory.operations.end(operation.id, status, error, deployment_too)
    if after is DeploymentStatus.RUNNING and values is not None:
        # Its last step asked the application; nobody need ask again to know.
        healthy = HealthReport(health=Health.HEALTHY, at=datetime.now(UTC))
        inventory.deployments.remember_health(plan.deployment, healthy)
    return status


def _after(plan: Plan, way_back: WayBack, before: DeploymentStatus) -> DeploymentStatus:
    if way_back.is_whole:
        is_throw_away = plan.intent in (Intent.DRILL, Intent.PROBE)
        return DeploymentStatus.DESTROYED if is_throw_away else DeploymentStatus.RUNNING
    return DeploymentStatus.FAILED if way_back.is_needed else before


def _first_error(inventory: Inventory, operation: Operation) -> dict[str, Any] | None:
    """What ended the way forward, as an earlier attempt told it."""
    ids = {step.id for step in operation.plan.steps}
    failed = [
        event.error
        for event in inventory.events.after(operation.id, 0)
        if isinstance(event, StepFinished) and event.step in ids and event.error
    ]
    return failed[-1] if failed else None


def may_have_changed_something(operation: Operation, results: Mapping[str, StepResult]) -> bool:
    """False only where no more than reading steps were ever tried."""
    started = {step.effect for step in operation.plan.steps if step.id in results}
    return operation.attempt > 1 or bool(started - {Effect.READ})
