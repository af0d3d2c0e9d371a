"""DNS through any octoDNS provider: our own names, octoDNS's safety limits, never forced.

Changes are made in up to three steps, each planned on what is there at that moment: marks
first, then the records, then the marks of what has gone (see `ownership`). An installation makes
one change of a zone at a time: there are providers that write the whole zone anew, and servers
that answer one of two writers with an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from engine.backends.dns.authoritative import Server, servers_of, wait_until_served
from engine.backends.dns.delegation import delegated_to, named_by
from engine.backends.dns.octodns_zone import OctodnsZone
from engine.backends.dns.ownership import ZoneView, marked_name, owned_types, settle
from engine.backends.dns.records import from_octodns, name_and_type
from engine.backends.dns.settings import OctodnsSettings
from engine.backends.dns.zone_editor import (
    Targets,
    marks_after,
    marks_during,
    records_after,
    view_of,
)
from engine.backends.protocols import DnsChange, DnsPlan, DnsRecord, NameServer, Progress
from engine.backends.registry import BackendEnvironment, failed_check, read_settings
from engine.errors import HomeportError, PlanChanged
from engine.model.provider import Check, CheckStatus
from engine.private_files import exclusive

_PROBE = "_homeport-check"
_LONGEST = 200
"""Of a zone's name in a file's; two that only begin otherwise wait for each other."""


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> OctodnsDns:
    """The driver `dns.octodns`. Nothing is connected or imported before it is used."""
    checked = read_settings(OctodnsSettings, environment, settings)

    def read_secrets() -> Mapping[str, str]:
        return {
            name: environment.read_secret(reference)
            for name, reference in checked.secret_args.items()
        }

    def opened(settings: OctodnsSettings, reverse: Sequence[OctodnsDns] = ()) -> OctodnsDns:
        zone = OctodnsZone(settings.zone, settings.class_path, settings.args, read_secrets)
        lock = environment.paths.state / "dns" / f"{settings.zone[-_LONGEST:]}.lock"
        turn = partial(exclusive, lock)
        return OctodnsDns(settings, environment.installation, zone, turn, reverse)

    reverse = [
        opened(checked.model_copy(update={"zone": name, "reverse_zones": ()}))
        for name in checked.reverse_zones
    ]
    return opened(checked, reverse)


class OctodnsDns:
    """`protocols.Dns` for one zone. installation: tells our check's name from others'. turn: held
    while the zone is changed. reverse: zones with the names of addresses."""

    def __init__(
        self,
        settings: OctodnsSettings,
        installation: str,
        zone: OctodnsZone,
        turn: Callable[[], AbstractContextManager[None]],
        reverse: Sequence[OctodnsDns] = (),
    ) -> None:
        self._settings = settings
        self._turn = turn
        self._installation = installation
        self._zone = zone
        self._reverse = reverse

    def reverse_zones(self) -> Sequence[OctodnsDns]:
        return self._reverse

    def reverse_of(self, name: str) -> OctodnsDns | None:
        holding = [zone for zone in self._reverse if name.endswith(f".{zone._settings.zone}")]
        return max(holding, key=lambda zone: len(zone._settings.zone), default=None)

    def plan(self, owner: str, desired: Sequence[DnsRecord]) -> DnsPlan:
        def decide(view: ZoneView) -> Targets:
            settlements = settle(view, owner, desired)
            return {**records_after(settlements), **marks_after(settlements)}

        plan = self._zone.plan(decide)
        changes = [_described(change) for change in plan.changes] if plan is not None else []
        return DnsPlan(self._settings.zone, owner, tuple(sorted(changes, key=_key)))

    def apply(self, plan: DnsPlan, desired: Sequence[DnsRecord]) -> None:
        with self._turn():
            self._apply(plan, desired)

    def _apply(self, plan: DnsPlan, desired: Sequence[DnsRecord]) -> None:
        if self.plan(plan.owner, desired) != plan:
            raise PlanChanged(
                "the DNS records changed after the plan was made",
                on=self._settings.zone,
                why="what is in the zone now would need other changes",
                left="nothing was changed",
                do="Make the plan again and look at it",
            )
        marks = {change.action for change in plan.changes if _is_mark(change)}
        records = any(not _is_mark(change) for change in plan.changes)
        if marks & {"create", "update"}:
            self._zone.change(lambda view: marks_during(settle(view, plan.owner, desired)))
        if records:
            self._zone.change(lambda view: records_after(settle(view, plan.owner, desired)))
        if marks & {"update", "delete"}:
            self._zone.change(lambda view: marks_after(settle(view, plan.owner, desired)))

    def verify(self, desired: Sequence[DnsRecord], progress: Progress) -> None:
        wait_until_served(self._servers(), desired, self._settings.verify_seconds, progress)

    def name_servers(self) -> tuple[NameServer, ...]:
        return named_by(self._settings.zone, self._servers())

    def delegation(self) -> tuple[NameServer, ...]:
        resolver = Server.parse(self._settings.resolver) if self._settings.resolver else None
        return delegated_to(self._settings.zone, resolver)

    def _servers(self) -> list[Server]:
        servers = [Server.parse(text) for text in self._settings.authoritative]
        return servers or servers_of(self._settings.zone)

    def find(self, owner: str) -> list[DnsRecord]:
        zone = self._zone.read()
        owned = owned_types(view_of(zone), owner)
        found = [
            from_octodns(record)
            for record, (name, rdtype) in ((each, name_and_type(each)) for each in zone.records)
            if rdtype in owned.get(name, ())
        ]
        return sorted(found, key=lambda record: (record.name, record.type))

    def check(self) -> list[Check]:
        return [check for zone in (self, *self._reverse) for check in zone._check_zone()]

    def _check_zone(self) -> list[Check]:
        name = self._settings.zone
        read, write = f"DNS zone {name} can be read", f"records of {name} can be changed"
        try:
            count = len(self._zone.read().records)
        except HomeportError as error:
            return [_failed(read, error)]
        found = f"{count} record sets, read by {self._settings.class_path}"
        try:
            probe = self._write_probe()
        except HomeportError as error:
            return [_passed(read, found), _failed(write, error)]
        return [
            _passed(read, found),
            _passed(write, f"a TXT record was written to {probe} and removed again"),
        ]

    def _write_probe(self) -> str:
        """Write and remove one record under a name that nobody uses; that name."""
        name = f"{_PROBE}-{self._installation}.{self._settings.zone}"
        probe = DnsRecord(name, "TXT", ("written and removed by Homeport's check",), 60)
        with self._turn():
            self._zone.change(lambda view: {(name, "TXT"): probe})
            self._zone.change(lambda view: {(name, "TXT"): None})
        return name


def _described(change: Any) -> DnsChange:
    return DnsChange(
        action=type(change).__name__.lower(),
        before=from_octodns(change.existing) if change.existing is not None else None,
        after=from_octodns(change.new) if change.new is not None else None,
    )


def _key(change: DnsChange) -> tuple[str, str]:
    record = _subject(change)
    return record.name, record.type


def _is_mark(change: DnsChange) -> bool:
    return marked_name(_subject(change).name) is not None


def _subject(change: DnsChange) -> DnsRecord:
    record = change.after or change.before
    assert record is not None
    return record


def _passed(title: str, found: str) -> Check:
    return Check(service="dns", title=title, status=CheckStatus.PASS, found=found)


def _failed(title: str, error: HomeportError) -> Check:
    return failed_check("dns", error, title, in_full=True)
