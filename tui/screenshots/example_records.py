"""DNS records of a deployment as values: served, missing, and another one than there should be."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.deployment import Deployment
from engine.model.plan import Change, Effect, Intent, Plan, PlannedStep
from engine.model.record import RecordSet, RecordsInZone, RecordStanding
from engine.planning.records import PUBLIC_ADDRESS, parse_record, with_added, without

_ADDED = ("MX @ 10 mail.harbour-a.lab", "TXT @ v=spf1 mx -all", "TXT _dmarc v=DMARC1; p=none")


def records_of(of: Deployment) -> RecordsInZone:
    domain = of.domain
    added = with_added((), _ADDED, domain)
    address, package = (
        parse_record(text, domain)
        for text in (f"A @ {PUBLIC_ADDRESS}", "SRV _caldavs._tcp 0 1 443 @")
    )
    there = {
        f"MX {domain}": ("10 mail.harbour-a.lab",),
        f"TXT {domain}": ("v=spf1 -all",),
    }
    standings = [
        RecordStanding(record=address, origin="address", served=True, there=("127.80.1.10",)),
        RecordStanding(record=package, origin="package", served=True, there=package.values),
    ]
    for record in added:
        values = there.get(record.key, ())
        served = values == record.values
        standings.append(RecordStanding(record=record, origin="owner", served=served, there=values))
    zone = domain.partition(".")[2]
    return RecordsInZone(
        zone=zone,
        domain=domain,
        records=tuple(standings),
        added=added,
        at=of.provider,
        offers=("harbour-b",),
    )


def records_plan(
    of: Deployment, add: Sequence[str], remove: Sequence[str], ttl: int | None
) -> Plan:
    before = records_of(of).added
    after = with_added(without(before, remove, of.domain), add, of.domain, ttl)
    old, new = (
        {record.key: ", ".join(record.values) for record in each} for each in (before, after)
    )
    changes = tuple(
        Change(path=key, old=old.get(key), new=new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )
    gone = ", ".join(sorted(old.keys() - new.keys()))
    step = PlannedStep(
        id="dns.apply",
        kind="dns.apply@1",
        title="Remove DNS records" if gone else "Write its DNS records",
        effect=Effect.DELETE if gone else Effect.CHANGE,
        subject=gone or ", ".join(sorted(new)),
        expected_seconds=3,
    )
    return _plan(of, (step,), after, changes)


def names_plan(of: Deployment, to: str) -> Plan:
    """Its names to another provider's name servers."""
    steps = tuple(
        PlannedStep(id=step, kind=f"{step}@1", title=title, effect=effect, subject=subject)
        for step, title, effect, subject in (
            ("names.begin", "Note that its names move", Effect.CHANGE, f"to {to}"),
            ("dns.apply", "Make its DNS records there", Effect.CREATE, f"A {of.domain}"),
            ("names.live", "Say where its names live", Effect.CHANGE, f"at {to}"),
        )
    )
    return _plan(of, steps, of.records)


def _plan(
    of: Deployment,
    steps: tuple[PlannedStep, ...],
    records: tuple[RecordSet, ...],
    changes: tuple[Change, ...] = (),
) -> Plan:
    return Plan(
        intent=Intent.RECONFIGURE,
        deployment=of.id,
        name=of.name,
        application=of.application,
        release=of.release,
        provider=of.provider,
        domain=of.domain,
        values=of.values,
        changes=changes,
        steps=steps,
        records=records,
    )
