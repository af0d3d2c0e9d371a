"""Plans for the DNS records that a deployment's owner adds, seen against what is in the zone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.backends.protocols import Dns, DnsChange, DnsPlan, DnsRecord
from engine.errors import HomeportError, NotFound
from engine.model.deployment import Deployment, Resource, ResourceKind
from engine.model.names import NameServers
from engine.model.plan import Change, Effect, Intent, Plan, PlannedStep
from engine.model.record import RecordsElsewhere, RecordSet, RecordsInZone, RecordStanding
from engine.operations.gates import refuse_destroyed
from engine.operations.moving import refuse_moved
from engine.operations.steps.planned import planned_records, pointing_at
from engine.operations.workplace import Workplace
from engine.planning.desired import Desired
from engine.planning.records import (
    PUBLIC_ADDRESS,
    beside_the_address,
    check_together,
    more_than_the_address,
    record_args,
    with_added,
    without,
)
from engine.planning.reverse import reverse_named
from engine.planning.sequence import in_order, named
from engine.planning.zones import offers, zone_at

if TYPE_CHECKING:
    from engine.operations.planner import Planner


class Recording:
    def __init__(self, workplace: Workplace, planner: Planner) -> None:
        self._workplace = workplace
        self._planner = planner

    def owned(self, name: str) -> tuple[RecordSet, ...]:
        """By its package and by its owner, beside the one of its address."""
        return beside_the_address(self.desired(self._workplace.inventory.deployments.get(name)))

    def in_zone(self, name: str) -> RecordsInZone:
        inventory = self._workplace.inventory
        deployment = inventory.deployments.get(name)
        servers, address = self.named(deployment)
        return RecordsInZone(
            zone=zone_at(inventory.providers.get(servers.at)),
            domain=deployment.domain,
            records=self._standings(deployment, address, servers.at),
            added=deployment.records,
            at=servers.at,
            other=self._elsewhere(deployment, address, servers),
            offers=()
            if servers.also
            else offers(deployment, servers.at, inventory.providers.all()),
        )

    def _standings(
        self, deployment: Deployment, address: str, at: str
    ) -> tuple[RecordStanding, ...]:
        desired = self.desired(deployment)
        own = RecordSet(name=desired.domain, type=desired.record_type, values=(PUBLIC_ADDRESS,))
        sets = (own, *beside_the_address(desired))
        wanted = pointing_at(address, [DnsRecord(s.name, s.type, s.values, s.ttl) for s in sets])
        found = self._dns(at).find(self._workplace.owner(deployment.id))
        there = {(record.name, record.type): record.values for record in found}
        added = {(record.name, record.values) for record in deployment.records}
        standings = []
        for each, want in zip(sets, wanted, strict=True):
            values = there.get((want.name, want.type), ())
            served = _in_one_form(want.type, values) == _in_one_form(want.type, want.values)
            of = "address" if each is own else "package"
            origin = "owner" if (each.name, each.values) in added else of
            fields = {"record": each, "origin": origin, "served": served, "there": values}
            standings.append(RecordStanding.model_validate(fields))
        return tuple(standings)

    def _elsewhere(
        self, deployment: Deployment, address: str, servers: NameServers
    ) -> RecordsElsewhere | None:
        move = self._workplace.inventory.names_moves.of(deployment.id)
        if move is None:
            return None
        told = RecordsElsewhere(at=servers.also, source=move.source, target=move.target)
        try:
            records = self._standings(deployment, address, servers.also)
        except HomeportError as error:
            return told.model_copy(update={"trouble": str(error)})
        return told.model_copy(update={"records": records})

    def change(
        self, name: str, add: Sequence[str], remove: Sequence[str], ttl: int | None = None
    ) -> Plan:
        """InvalidInput for what is no record; Conflict for a name that is somebody else's; NotFound
        before the deployment has a name. Empty where the zone is so already."""
        deployment = self._workplace.inventory.deployments.get(name)
        left = without(deployment.records, remove, deployment.domain)
        return self.planned(deployment, with_added(left, add, deployment.domain, ttl))

    def planned(self, deployment: Deployment, records: tuple[RecordSet, ...]) -> Plan:
        """records: all that its owner shall have added."""
        refuse_destroyed(deployment)
        inventory = self._workplace.inventory
        refuse_moved(deployment, inventory.moves.of(deployment.id))
        resources = inventory.resources.of(deployment.id)
        servers, address = self.named(deployment)
        desired = replace(self.desired(deployment), records=records)
        check_together(beside_the_address(desired), deployment.domain)
        writes = [write_step(desired, at, also=at != servers.at) for at in servers.all]
        wanted = pointing_at(address, planned_records(writes[0]))
        owner = self._workplace.owner(deployment.id)
        seen = [self._dns(write.at).plan(owner, wanted) for write in writes]
        steps = [
            *(_telling(*each) for each in zip(writes, seen, strict=True) if each[1].changes),
            *_unnamed(desired, resources),
        ]
        if not steps and records != deployment.records:
            # What it says is in the zone already, by its package: only the books change.
            steps = writes
        told = _fixed(desired, address)
        plan = desired.plan(Intent.RECONFIGURE, in_order(steps), changes_of(*seen), told)
        return plan.model_copy(update={"records": records})

    def _dns(self, provider: str) -> Dns:
        return self._workplace.backends(self._workplace.inventory.providers.get(provider)).dns

    def named(self, deployment: Deployment) -> tuple[NameServers, str]:
        """Where it has its names, and the address that they lead to. NotFound before it has."""
        inventory = self._workplace.inventory
        servers = inventory.name_servers(deployment.id)
        address = inventory.resources.addresses(deployment.id).get(deployment.id)
        if servers is None or address is None:
            raise NotFound(
                "the deployment has no name in DNS yet",
                on=deployment.name,
                left="nothing was changed",
                do=f"Finish what was begun: homeport operations {deployment.name}",
            )
        return servers, address.partition("/")[0]

    def desired(self, deployment: Deployment) -> Desired:
        package = self._workplace.package(deployment.application)
        return self._planner.with_history(self._planner.as_it_is(deployment, package))


def _in_one_form(rdtype: str, values: Iterable[str]) -> set[str]:
    """People write a value in several ways, and a zone has it in one."""
    import dns.exception

    from engine.backends.dns.records import rdata_text

    def formed(value: str) -> str:
        try:
            return rdata_text(rdtype, value)
        except (ValueError, dns.exception.DNSException):
            return value  # somebody else wrote it over ours

    return {formed(value) for value in values}


def write_step(desired: Desired, at: str, *, also: bool = False) -> PlannedStep:
    """also: at further name servers than those where its names live."""
    step = desired.step(
        "dns.apply@1",
        "Write its DNS records",
        Effect.CHANGE,
        f"{desired.record_type} {desired.domain}{more_than_the_address(desired)}",
        (),
        {"records": record_args(desired), "address_at": desired.provider.name},
    )
    if also:
        step = named(step, f"{step.id}.{at}")
        more = {"title": f"{step.title}, and at {at}"}
        step = step.model_copy(update=more)
    return step.model_copy(update={"at": at})


def _telling(step: PlannedStep, seen: DnsPlan) -> PlannedStep:
    """The step, as what it does in the zone; one that removes is called so."""
    gone = [_key(each) for each in _own(seen) if each.action == "delete"]
    if not gone:
        return step
    told = {"title": "Remove DNS records", "effect": Effect.DELETE}
    return step.model_copy(update={**told, "subject": ", ".join(gone)})


def _unnamed(desired: Desired, resources: Sequence[Resource]) -> list[PlannedStep]:
    """A provider may have got its zone of addresses after the deployment was made."""
    named = any(
        found.kind is ResourceKind.REVERSE and found.provider == desired.provider.name
        for found in resources
    )
    return [] if named else reverse_named(desired)


def _fixed(desired: Desired, address: str) -> tuple[str, ...]:
    """What a move would leave pointing at the old side."""
    there = re.compile(rf"(?<![0-9.]){re.escape(address)}(?![0-9.])")
    keys = [record.key for record in desired.records if any(map(there.search, record.values))]
    if not keys:
        return ()
    return (
        f"The address {address} stands in {', '.join(keys)}: a move will not change it there. "
        f"Write {PUBLIC_ADDRESS} in its place, and it will.",
    )


def changes_of(*seen: DnsPlan) -> tuple[Change, ...]:
    """Without marks; what is the same at several name servers once."""
    found: list[Change] = []
    for each in (change for plan in seen for change in _own(plan)):
        old, new = _told(each.before, each.after), _told(each.after, each.before)
        change = Change(path=_key(each), old=old, new=new)
        if change not in found:
            found.append(change)
    return tuple(found)


def _told(record: DnsRecord | None, other: DnsRecord | None) -> str | None:
    """What it says; and for how long, where that is what differs."""
    if record is None:
        return None
    differs = other is not None and other.ttl != record.ttl
    return ", ".join(record.values) + (f" (TTL {record.ttl} s)" if differs else "")


def _own(seen: DnsPlan) -> list[DnsChange]:
    """Without the marks of whose they are."""
    return [each for each in seen.changes if not _key(each).partition(" ")[2].startswith(_MARK)]


_MARK = "_homeport."


def _key(change: DnsChange) -> str:
    record = change.after or change.before
    assert record is not None
    return f"{record.type} {record.name}"
