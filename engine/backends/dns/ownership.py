"""Whose name is it? The rule by which Homeport shares a zone with everybody else.

Each name we use bears a mark beside it: a TXT record at `_homeport.<name>` that says who owns
which record types there ("heritage=homeport,owner=hp-ab12cd34-ef56gh78,types=A+AAAA"). What
no mark of ours covers is somebody else's and is never changed, taken over or deleted.

The mark is written before the records and removed after them, so that wherever work is cut
short, what was made is known to be ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.backends.protocols import DnsRecord
from engine.errors import Conflict, InvalidInput

LABEL = "_homeport"
_MARK = re.compile(r"heritage=homeport,owner=([a-z0-9-]{1,80}),types=([A-Z0-9]+(?:\+[A-Z0-9]+)*)")
_NAME = re.compile(
    r"(?!.{254})([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.(?!$|\.)[a-z0-9_-]{1,63})*"
)
_OWNER = re.compile(r"[a-z0-9-]{1,80}")
_ADDRESSES = frozenset({"A", "AAAA", "ALIAS", "CNAME"})
"""Types that say where a name is found."""


@dataclass(frozen=True)
class Mark:
    """One owner's claim on record types of a name."""

    owner: str
    types: frozenset[str]

    @property
    def text(self) -> str:
        return f"heritage=homeport,owner={self.owner},types={'+'.join(sorted(self.types))}"

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """None for what is not a mark."""
        found = _MARK.fullmatch(text)
        return cls(found[1], frozenset(found[2].split("+"))) if found else None


@dataclass(frozen=True)
class Node:
    """What is at a name now, and at its mark's name: marks, texts that are none, and whether
    records of another type are there."""

    types: frozenset[str] = frozenset()
    marks: tuple[Mark, ...] = ()
    foreign_texts: tuple[str, ...] = ()
    obstructed: bool = False


@dataclass(frozen=True)
class Settlement:
    """What shall be at one name. `during` are the texts at its mark while records change."""

    name: str
    records: tuple[DnsRecord, ...]
    removed: frozenset[str]
    """Types of ours that go."""
    during: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class ZoneView:
    """A zone by name (full, no trailing dot)."""

    zone: str
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def node(self, name: str) -> Node:
        return self.nodes.get(name, Node())


def mark_name(name: str) -> str:
    return f"{LABEL}.{name}"


def marked_name(name: str) -> str | None:
    """The name that a mark at `name` speaks of; None: this is no mark's name."""
    return name.removeprefix(f"{LABEL}.") if name.startswith(f"{LABEL}.") else None


def check_desired(zone: str, owner: str, desired: Iterable[DnsRecord]) -> None:
    """InvalidInput for what can't be asked for in this zone, whoever owns what."""
    seen: set[tuple[str, str]] = set()
    if not _OWNER.fullmatch(owner):
        raise InvalidInput("the owner's mark cannot be used", on=owner)
    for record in desired:
        name = record.name
        if name != zone and not name.endswith(f".{zone}"):
            raise InvalidInput(
                "the name is not in this provider's zone",
                on=name,
                why=f"the zone is {zone}",
                do=f"Choose a name that ends in .{zone}",
            )
        if not _NAME.fullmatch(name) or len(mark_name(name)) > 253 or marked_name(name):
            raise InvalidInput(
                "the name cannot be used",
                on=name,
                why="it is too long, or has characters that host names do not have",
                do="Use letters, digits and hyphens, with dots between",
            )
        if (name, record.type) in seen:
            raise InvalidInput("a record is asked for twice", on=f"{name} {record.type}")
        seen.add((name, record.type))


def settle(view: ZoneView, owner: str, desired: Sequence[DnsRecord]) -> list[Settlement]:
    """How the zone must become, name by name, so that `owner` owns exactly `desired`.

    Conflict for a name or record that somebody else made. Names without a change to come are
    included; names that are neither owned nor desired are not.
    """
    check_desired(view.zone, owner, desired)
    for record in desired:
        if record.type == "MX":
            _check_mail_servers(view, owner, record, desired)
    names = {record.name for record in desired} | set(owned_types(view, owner))
    return [
        _settle_name(view, owner, name, tuple(r for r in desired if r.name == name))
        for name in sorted(names)
    ]


def owned_types(view: ZoneView, owner: str) -> dict[str, frozenset[str]]:
    """The names that bear the owner's mark, with the types it speaks of."""
    return {
        name: mark.types
        for name, node in view.nodes.items()
        for mark in node.marks
        if mark.owner == owner
    }


def _settle_name(
    view: ZoneView, owner: str, name: str, wanted: tuple[DnsRecord, ...]
) -> Settlement:
    node = view.node(name)
    mine = frozenset[str]().union(*(mark.types for mark in node.marks if mark.owner == owner))
    others = tuple(mark for mark in node.marks if mark.owner != owner)
    kept = (*node.foreign_texts, *(mark.text for mark in others))
    types = frozenset(record.type for record in wanted)
    if wanted:
        _refuse_others(view, name, others)
        _refuse_foreign(view, name, types, mine)
    claimed_by_others = frozenset[str]().union(*(mark.types for mark in others))
    return Settlement(
        name=name,
        records=wanted,
        removed=mine - types - claimed_by_others,
        during=(*kept, Mark(owner, mine | types).text),
        after=(*kept, Mark(owner, types).text) if wanted else kept,
    )


def _refuse_others(view: ZoneView, name: str, others: tuple[Mark, ...]) -> None:
    node = view.node(name)
    if node.foreign_texts or node.obstructed:
        raise _conflict(mark_name(name), "there is a record that Homeport did not write")
    if others:
        raise _conflict(name, f"it belongs to another deployment ({others[0].owner})")


def _refuse_foreign(view: ZoneView, name: str, types: frozenset[str], mine: frozenset[str]) -> None:
    foreign = view.node(name).types - mine
    if name == view.zone:
        # name servers, mail and policies live at the zone's own name: only what answers for
        # the same question is in the way
        foreign &= types | (_ADDRESSES if types & _ADDRESSES else {"CNAME"})
    elif mine and "CNAME" not in types:
        foreign &= types | {"CNAME", "NS", "DNAME"}
    if foreign:
        listed = ", ".join(sorted(foreign))
        raise _conflict(name, f"somebody else made records there ({listed})")
    for parent in _parents_below_zone(name, view.zone):
        if view.node(parent).types & {"NS", "DNAME"}:
            raise _conflict(name, f"{parent} is delegated to other name servers")


def _check_mail_servers(
    view: ZoneView, owner: str, record: DnsRecord, desired: Sequence[DnsRecord]
) -> None:
    """A mail server has an address by its own name (RFC 2181, 10.3); BIND refuses the record
    otherwise, without a word why. What lies in other zones is not known here."""
    for target in (value.split()[-1].rstrip(".").lower() for value in record.values):
        if target != view.zone and not target.endswith(f".{view.zone}"):
            continue
        if any(view.node(name).types & {"NS", "DNAME"} for name in _below_zone(target, view.zone)):
            continue
        types = view.node(target).types - owned_types(view, owner).get(target, frozenset())
        types |= {each.type for each in desired if each.name == target}
        if not types & {"A", "AAAA"}:
            raise InvalidInput(
                "the mail server has no address",
                on=f"{record.name} MX {target}",
                why="it is an alias" if "CNAME" in types else "no A or AAAA record is at its name",
                left="nothing was changed",
                do="Add a record for its address first, or name another server",
            )


def _below_zone(name: str, zone: str) -> Iterable[str]:
    """The name and what is above it, without the zone's own."""
    return (name, *_parents_below_zone(name, zone)) if name != zone else ()


def _parents_below_zone(name: str, zone: str) -> Iterable[str]:
    while name != zone:
        _, _, name = name.partition(".")
        if name == zone:
            return
        yield name


def _conflict(name: str, why: str) -> Conflict:
    return Conflict(
        "the name is taken",
        on=name,
        why=why,
        left="nothing of theirs was touched",
        do="Choose another name, or remove those records yourself if nobody needs them",
    )
