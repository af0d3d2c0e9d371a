"""The deployment's DNS records: its own, and nothing else in the zone."""

from __future__ import annotations

from engine.backends.protocols import DnsRecord
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.address import leased
from engine.operations.steps.planned import planned_records
from engine.operations.steps.settling import challenge_owner, settle

_FAMILIES = {"A", "AAAA"}
"""A name has the one record that its address needs."""


@handles("dns.apply@1")
def apply(ctx: StepContext) -> StepOutcome:
    """args: records; address_at, the provider of the side that they shall point at, where that
    is another one than holds the names."""
    at = str(ctx.step.args.get("address_at", ""))
    address = leased(ctx.at(at) if at else ctx).address.partition("/")[0]
    desired = [
        DnsRecord(record.name, record.type, (address,), record.ttl)
        for record in planned_records(ctx.step)
    ]
    for record in desired:
        attributes = {"values": list(record.values), "ttl": record.ttl}
        key = f"{record.name} {record.type}"
        ctx.remember(ResourceKind.RECORD, key, record.name, attributes)
        for family in _FAMILIES - {record.type}:
            ctx.forget(ResourceKind.RECORD, f"{record.name} {family}")
    changed = settle(ctx.backends.dns, ctx.owner, desired)
    ctx.backends.dns.verify(desired, ctx)
    ctx.log(f"{', '.join(record.name for record in desired)} points at {address}")
    return StepOutcome(changed=changed, output={"records": len(desired)})


@handles("dns.remove@1")
def remove(ctx: StepContext) -> StepOutcome:
    """All that bears the deployment's marks, challenges of a broken-off certificate too."""
    changed = settle(ctx.backends.dns, ctx.owner, ())
    changed |= settle(ctx.backends.dns, challenge_owner(ctx.owner), ())
    for record in planned_records(ctx.step):
        ctx.forget(ResourceKind.RECORD, f"{record.name} {record.type}")
    return StepOutcome(changed=changed)
