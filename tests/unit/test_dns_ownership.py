"""The rule of ownership, for any zone: nothing that somebody else made ever changes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from octodns.provider.base import BaseProvider

from engine.backends.dns.octodns_backend import OctodnsDns
from engine.backends.dns.octodns_zone import OctodnsZone
from engine.backends.dns.ownership import Mark, mark_name
from engine.backends.dns.records import from_octodns, name_and_type, to_octodns, zone_of
from engine.backends.dns.settings import OctodnsSettings
from engine.backends.protocols import DnsRecord
from engine.errors import Conflict, OutcomeUnknown

ZONE = "zone.test"
ME, OTHER = "hp-aaaaaaaa-00000001", "hp-aaaaaaaa-00000002"

VALUES = {
    "A": st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2"])),
    "AAAA": st.tuples(st.sampled_from(["2001:db8::1", "2001:db8::2"])),
    "TXT": st.tuples(st.sampled_from(["v=spf1 -all", "heritage=homeport", "x" * 300])),
    "MX": st.tuples(st.sampled_from(["10 mx1.example.org", "10 mx2.example.org"])),
    "CNAME": st.tuples(st.just("elsewhere.example.org")),
    "NS": st.tuples(st.just("ns.example.org")),
}
NAMES = st.sampled_from(
    [ZONE, f"a.{ZONE}", f"b.{ZONE}", f"x.a.{ZONE}", f"_acme-challenge.a.{ZONE}"]
)
FOREIGN_NAMES = NAMES | st.sampled_from([mark_name(f"a.{ZONE}"), mark_name(ZONE)])


def records(names: st.SearchStrategy[str], types: list[str]) -> st.SearchStrategy[DnsRecord]:
    return st.sampled_from(types).flatmap(
        lambda rdtype: st.builds(
            DnsRecord, names, st.just(rdtype), VALUES[rdtype], st.sampled_from([60, 300])
        )
    )


def zones(names: st.SearchStrategy[str], types: list[str]) -> Any:
    return st.lists(
        records(names, types), max_size=8, unique_by=lambda record: (record.name, record.type)
    )


FOREIGN = zones(FOREIGN_NAMES, list(VALUES)).filter(
    lambda found: not any(record.name == ZONE and record.type == "CNAME" for record in found)
)
DESIRED = zones(NAMES, ["A", "AAAA", "TXT"])


class MemoryProvider(BaseProvider):
    """A zone in a dict. dies_after: so many more changes, one record at a time, then no more."""

    SUPPORTS = frozenset(VALUES)
    SUPPORTS_GEO = SUPPORTS_DYNAMIC = False
    SUPPORTS_ROOT_NS = True

    def __init__(self, held: dict[tuple[str, str], DnsRecord]) -> None:
        import logging

        self.log = logging.getLogger("memory")
        # the limits have a test of their own; here they would only cut stories short
        super().__init__("memory", update_pcent_threshold=9.0, delete_pcent_threshold=9.0)
        self.held = held
        self.dies_after: int | None = None

    def populate(self, zone: Any, target: bool = False, lenient: bool = False) -> bool:
        for record in self.held.values():
            zone.add_record(to_octodns(zone, record), lenient=True)
        return True

    def _apply(self, plan: Any) -> None:
        for change in plan.changes:
            if self.dies_after == 0:
                raise ConnectionResetError("killed")
            if self.dies_after is not None:
                self.dies_after -= 1
            key = name_and_type(change.record)
            if change.new is None:
                del self.held[key]
            else:
                self.held[key] = from_octodns(change.new)


def backend(provider: MemoryProvider) -> OctodnsDns:
    zone = OctodnsZone(ZONE, "memory.Provider", {}, dict)
    zone.__dict__["_provider"] = provider
    configured = OctodnsSettings.model_validate({"class": "memory.Provider", "zone": ZONE})
    return OctodnsDns(configured, "aaaaaaaa", zone, nullcontext)


def make(dns: OctodnsDns, desired: list[DnsRecord], owner: str = ME) -> bool:
    """False where the rule refused."""
    try:
        dns.apply(dns.plan(owner, desired), desired)
    except Conflict:
        return False
    return True


def held(found: list[DnsRecord]) -> dict[tuple[str, str], DnsRecord]:
    """As the provider gives them back."""
    zone = zone_of(ZONE)
    normal = [from_octodns(to_octodns(zone, record)) for record in found]
    return {(record.name, record.type): record for record in normal}


@settings(max_examples=150, deadline=None)
@given(FOREIGN, st.lists(st.tuples(st.sampled_from([ME, OTHER]), DESIRED), max_size=4))
def test_foreign_records_never_change_whatever_owners_ask_for(foreign, wishes):
    theirs = held(foreign)
    provider = MemoryProvider(dict(theirs))
    dns = backend(provider)
    accepted: dict[str, list[DnsRecord]] = {ME: [], OTHER: []}
    for owner, desired in wishes:
        if make(dns, desired, owner):
            accepted[owner] = desired
        for key, record in theirs.items():
            assert provider.held[key] == record
        for each, wanted in accepted.items():
            assert {(r.name, r.type): r for r in dns.find(each)} == held(wanted)
    for owner in accepted:
        assert make(dns, [], owner)
    assert provider.held == theirs


@settings(max_examples=150, deadline=None)
@given(FOREIGN, DESIRED, DESIRED, st.integers(0, 12))
def test_a_kill_between_any_two_records_orphans_nothing(foreign, first, second, dies_after):
    theirs = held(foreign)
    provider = MemoryProvider(dict(theirs))
    dns = backend(provider)
    make(dns, first)
    provider.dies_after = dies_after
    try:
        settled = make(dns, second)
    except OutcomeUnknown:
        settled = True
    provider.dies_after = None
    assert make(dns, second) == settled
    if settled:
        assert {(r.name, r.type): r for r in dns.find(ME)} == held(second)
    assert make(dns, [])
    assert provider.held == theirs


@given(st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True), st.sets(st.sampled_from(list(VALUES))))
def test_marks_are_read_as_they_are_written(owner, types):
    mark = Mark(owner, frozenset(types))
    assert Mark.parse(mark.text) == (mark if types else None)


@pytest.mark.parametrize(
    "text",
    [
        "heritage=homeport",
        "heritage=homeport,owner=,types=A",
        "heritage=homeport,owner=hp-a-b,types=A,more",
        "heritage=external-dns,owner=hp-a-b,types=A",
        "heritage=homeport,owner=hp-a-b,types=A\n",
        "",
    ],
)
def test_what_is_not_a_mark_is_not_taken_for_one(text):
    assert Mark.parse(text) is None
