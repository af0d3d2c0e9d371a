"""The deployment's address, taken from the provider's pool and given back."""

from __future__ import annotations

from engine.backends.protocols import AddressLease
from engine.errors import NotFound
from engine.model.deployment import ResourceKind
from engine.operations.declared import only_approved
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome


@handles("address.allocate@1")
def allocate(ctx: StepContext) -> StepOutcome:
    addresses = only_approved(ctx.backends.addresses, ctx.step, ctx)
    known = addresses.find(ctx.owner)
    lease = addresses.allocate(ctx.owner, ctx.plan.name)
    attributes = {"gateway": lease.gateway, "nameservers": list(lease.nameservers)}
    ctx.remember(ResourceKind.ADDRESS, "main", lease.address, attributes)
    ctx.log(f"Address {lease.address}")
    return StepOutcome(changed=known is None, output={"address": lease.address})


@handles("address.release@1")
def release(ctx: StepContext) -> StepOutcome:
    released = only_approved(ctx.backends.addresses, ctx.step, ctx).release(ctx.owner)
    ctx.forget(ResourceKind.ADDRESS, "main")
    return StepOutcome(changed=released)


def leased(ctx: StepContext) -> AddressLease:
    """The deployment's address. NotFound where the pool does not know it any more."""
    lease = ctx.backends.addresses.find(ctx.owner)
    if lease is None:
        raise NotFound(
            "the deployment has no address",
            on=ctx.plan.name,
            why="the pool's claim is gone",
            left="nothing was changed",
            do="Destroy the deployment and deploy it again.",
        )
    return lease
