"""The deployment's DNS records: its own, and nothing else in the zone."""

from __future__ import annotations

from ipaddress import ip_address

from engine.backends.protocols import DnsRecord, NamesAddresses
from engine.errors import Conflict
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.address import leased
from engine.operations.steps.planned import planned_records, pointing_at
from engine.operations.steps.settling import challenge_owner, settle

_FAMILIES = ("A", "AAAA")
"""The domain has the one record that its address needs."""


@handles("dns.apply@1")
def apply(ctx: StepContext) -> StepOutcome:
    """args: records; address_at, the provider of the side that they shall point at, where that
    is another one than holds the names; also: only as long as the names are there as well as
    elsewhere, which may be over by the time an operation goes on."""
    if ctx.step.args.get("also") and ctx.provider.name not in ctx.name_servers.all:
        ctx.log(f"Its names are not at {ctx.provider.name} any more; nothing is written there")
        return StepOutcome(changed=False)
    at = str(ctx.step.args.get("address_at", ""))
    address = leased(ctx.at(at) if at else ctx).address.partition("/")[0]
    desired = pointing_at(address, planned_records(ctx.step))
    for record in desired:
        attributes = {"values": list(record.values), "ttl": record.ttl}
        ctx.remember(ResourceKind.RECORD, _key(record), record.name, attributes)
    known = {_key(record) for record in ctx.backends.dns.find(ctx.owner)}
    known |= {f"{ctx.plan.domain} {family}" for family in _FAMILIES}
    for key in known - {_key(record) for record in desired}:
        ctx.forget(ResourceKind.RECORD, key)
    changed = settle(ctx.backends.dns, ctx.owner, desired)
    ctx.backends.dns.verify(desired, ctx)
    for record in desired:
        ctx.log(f"{record.name} {record.type} {', '.join(record.values)}")
    return StepOutcome(changed=changed, output={"records": len(desired)})


@handles("dns.remove@1")
def remove(ctx: StepContext) -> StepOutcome:
    """All that bears the deployment's marks, challenges of a broken-off certificate too. args:
    records; leaves: there is a copy elsewhere, where the names live."""
    if ctx.step.args.get("leaves"):
        refuse_the_only_ones(ctx)
    found = ctx.backends.dns.find(ctx.owner)
    changed = settle(ctx.backends.dns, ctx.owner, ())
    changed |= settle(ctx.backends.dns, challenge_owner(ctx.owner), ())
    for record in (*found, *planned_records(ctx.step)):
        ctx.forget(ResourceKind.RECORD, _key(record))
    return StepOutcome(changed=changed)


@handles("names.forget@1")
def forget(ctx: StepContext) -> StepOutcome:
    """args: records, which stay where they are because nobody answers there."""
    refuse_the_only_ones(ctx)
    for record in planned_records(ctx.step):
        ctx.forget(ResourceKind.RECORD, _key(record))
    return StepOutcome()


def refuse_the_only_ones(ctx: StepContext) -> None:
    """An operation that broke off may go on after another one has settled it otherwise."""
    if ctx.name_servers.also != ctx.provider.name:
        raise Conflict(
            what="these are the only name servers that have its names",
            on=f"{ctx.plan.name} at {ctx.provider.name}",
            why="its names do not move any more, or live there now",
            left="nothing was changed",
            do=f"See where they are: homeport records {ctx.plan.name} check",
        )


@handles("reverse.ensure@1")
def name_address(ctx: StepContext) -> StepOutcome:
    """What the address is called, in the zone of the provider that holds it."""
    name = ip_address(leased(ctx).address.partition("/")[0]).reverse_pointer
    dns = ctx.backends.dns
    zone = dns.reverse_of(name) if isinstance(dns, NamesAddresses) else None
    if zone is None:
        ctx.log(f"{name} is in none of the provider's reverse zones: the address gets no name")
        return StepOutcome(changed=False)
    record = DnsRecord(name, "PTR", (ctx.plan.domain,))
    attributes = {"values": list(record.values), "ttl": record.ttl}
    ctx.remember(ResourceKind.REVERSE, "main", name, attributes)
    changed = settle(zone, ctx.owner, [record])
    zone.verify([record], ctx)
    ctx.log(f"{name} PTR {ctx.plan.domain}")
    return StepOutcome(changed=changed)


@handles("reverse.remove@1")
def unname_address(ctx: StepContext) -> StepOutcome:
    """All that bears the deployment's marks, in whichever of the provider's zones."""
    dns = ctx.backends.dns
    zones = dns.reverse_zones() if isinstance(dns, NamesAddresses) else ()
    changed = [settle(zone, ctx.owner, ()) for zone in zones]
    ctx.forget(ResourceKind.REVERSE, "main")
    return StepOutcome(changed=any(changed))


def _key(record: DnsRecord) -> str:
    return f"{record.name} {record.type}"
