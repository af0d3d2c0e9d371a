"""The guest kept as a whole by its hypervisor, and what was kept removed again."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.backends.protocols import HasSafetyNets
from engine.errors import NotFound
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome


@handles("guest.keep-net@1")
def keep(ctx: StepContext) -> StepOutcome:
    """args: kind, "snapshot" or "backup"."""
    hypervisor, kind = ctx.backends.hypervisor, ctx.step.args["kind"]
    name = f"homeport-{ctx.operation_id.replace('-', '')[:12]}"
    known_as = None
    if isinstance(hypervisor, HasSafetyNets):
        try:
            with ctx.spent("provider-task"):
                known_as = hypervisor.keep(ctx.owner, name, kind, ctx)
        except NotFound:
            ctx.log("There is no guest to keep")
    if known_as is None:
        ctx.log(f"No {kind} was made: it cannot be had there")
        return StepOutcome(changed=False)
    attributes = {"kind": kind, "at": datetime.now(UTC).isoformat()}
    ctx.remember(ResourceKind.SAFETY_NET, name, known_as, attributes)
    ctx.log(f"Kept as {known_as}")
    return StepOutcome(output={"net": known_as})


@handles("guest.drop-net@1")
def drop(ctx: StepContext) -> StepOutcome:
    """args: names of nets."""
    hypervisor, removed = ctx.backends.hypervisor, []
    for name in ctx.step.args["names"]:
        net = ctx.resource(ResourceKind.SAFETY_NET, name)
        if net is None:
            continue
        if isinstance(hypervisor, HasSafetyNets):
            with ctx.spent("provider-task"):
                if hypervisor.drop(ctx.owner, net.external_id, net.attributes["kind"], ctx):
                    removed.append(net.external_id)
        ctx.forget(ResourceKind.SAFETY_NET, name)
    return StepOutcome(changed=bool(removed), output={"removed": removed})
