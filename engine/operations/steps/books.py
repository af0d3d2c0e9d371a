"""Closing the books on what is gone: the inventory keeps its history, no resource."""

from __future__ import annotations

from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import planned_records

_MAIN = (
    ResourceKind.GUEST,
    ResourceKind.ADDRESS,
    ResourceKind.REVERSE,
    ResourceKind.CERTIFICATE,
    ResourceKind.BUCKET,
    ResourceKind.MAILBOX,
)


@handles("deployment.forget@1")
def forget(ctx: StepContext) -> StepOutcome:
    forget_side(ctx)
    for record in planned_records(*ctx.plan.steps):
        ctx.forget(ResourceKind.RECORD, f"{record.name} {record.type}")
    ctx.names_moves.end(ctx.plan.deployment)
    for name in ctx.step.args.get("own_captures", ()):
        ctx.forget(ResourceKind.CAPTURE, f"{ctx.operation_id}.{name}")
    return StepOutcome()


@handles("side.forget@1")
def forget_side(ctx: StepContext) -> StepOutcome:
    """All that the inventory knew of a side that is gone; names are not of a side."""
    for account in ctx.package.accounts:
        ctx.forget(ResourceKind.ACCOUNT, account.secret)
    for name in ctx.package.secrets:
        ctx.forget(ResourceKind.SECRET, name)
    for name in ctx.step.args.get("captures", ()):
        ctx.forget(ResourceKind.CAPTURE, name)
    for component in ctx.package.needs.components:
        ctx.forget(ResourceKind.DATABASE, component)
    for kind in _MAIN:
        ctx.forget(kind, "main")
    return StepOutcome()
