"""What the end of an operation means for its deployment; and for the reader, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from engine.inventory.inventory import Inventory
from engine.model.deployment import DeploymentStatus, Health, HealthReport
from engine.model.plan import Effect, Intent, Operation, OperationStatus
from engine.operations.runner import StepResult

AT_WORK = {
    Intent.DEPLOY: DeploymentStatus.DEPLOYING,
    Intent.RECONFIGURE: DeploymentStatus.CHANGING,
    Intent.DESTROY: DeploymentStatus.DESTROYING,
}
"""The deployment's status while an operation of this intent is unfinished."""
_ENDED_WELL = {
    Intent.DEPLOY: DeploymentStatus.RUNNING,
    Intent.RECONFIGURE: DeploymentStatus.RUNNING,
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
    status, decisive = status_of(results)
    plan = operation.plan

    values = None
    if status is OperationStatus.SUCCEEDED:
        after, values = _ENDED_WELL[plan.intent], plan.values
    elif plan.intent is Intent.DEPLOY or may_have_changed_something(operation, results):
        # The values may be on the guest already: a later plan must start from them.
        after, values = DeploymentStatus.FAILED, plan.values
    else:
        after = inventory.operations.status_before(operation.id)

    def deployment_too(connection: sa.Connection) -> None:
        inventory.deployments.change(
            plan.deployment, status=after, values=values, connection=connection
        )

    error = decisive.error if decisive else None
    inventory.operations.end(operation.id, status, error, deployment_too)
    if status is OperationStatus.SUCCEEDED and plan.intent is not Intent.DESTROY:
        # Its last step asked the application; nobody need ask again to know.
        healthy = HealthReport(health=Health.HEALTHY, at=datetime.now(UTC))
        inventory.deployments.remember_health(plan.deployment, healthy)
    return status


def may_have_changed_something(operation: Operation, results: Mapping[str, StepResult]) -> bool:
    """False only where no more than reading steps were ever tried."""
    started = {step.effect for step in operation.plan.steps if step.id in results}
    return operation.attempt > 1 or bool(started - {Effect.READ})
