"""Our names within a zone that octoDNS reads: the only place where desired state is made.

octoDNS reads the zone once for a plan. The editor is a processor within that plan: it copies
what was read and changes our own names in the copy, so that nothing that somebody else adds
at the same moment can ever look like something to delete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from octodns.processor.base import BaseProcessor

from engine.backends.dns.ownership import Mark, Node, Settlement, ZoneView, mark_name, marked_name
from engine.backends.dns.records import from_octodns, name_and_type, to_octodns
from engine.backends.protocols import DnsRecord

MARK_TTL = 300

Targets = Mapping[tuple[str, str], DnsRecord | None]
"""What shall be at (name, type) of ours; None: nothing."""


class ZoneEditor(BaseProcessor):  # type: ignore[misc]
    """Turns what is into what shall be; `decide` says so for the names that are ours."""

    def __init__(self, decide: Callable[[ZoneView], Targets]) -> None:
        super().__init__("homeport")
        self._decide = decide
        self.targets: Targets = {}

    def process_source_and_target_zones(
        self, desired: Any, existing: Any, target: Any, lenient: bool = False
    ) -> tuple[Any, Any]:
        self.targets = self._decide(view_of(existing))
        edited = existing.copy()
        present = {name_and_type(record): record for record in existing.records}
        for key, wanted in self.targets.items():
            if wanted is not None:
                edited.add_record(to_octodns(edited, wanted), replace=True, lenient=True)
            elif key in present:
                edited.remove_record(present[key])
        return edited, existing


def view_of(zone: Any) -> ZoneView:
    """A zone as the rule of ownership looks at it."""
    nodes: dict[str, Node] = {}
    for record in zone.records:
        name, rdtype = name_and_type(record)
        about = marked_name(name) or name
        node = nodes.get(about, Node())
        if about == name:
            nodes[about] = replace(node, types=node.types | {rdtype})
        elif rdtype == "TXT":
            nodes[about] = _with_texts(node, from_octodns(record).values)
        else:
            nodes[about] = replace(node, obstructed=True)
    return ZoneView(zone.name.rstrip(".").lower(), nodes)


def _with_texts(node: Node, texts: Iterable[str]) -> Node:
    marks = {text: Mark.parse(text) for text in texts}
    return replace(
        node,
        marks=tuple(mark for mark in marks.values() if mark is not None),
        foreign_texts=tuple(text for text, mark in marks.items() if mark is None),
    )


def marks_during(settlements: Iterable[Settlement]) -> Targets:
    return dict(_mark_target(settled.name, settled.during) for settled in settlements)


def marks_after(settlements: Iterable[Settlement]) -> Targets:
    return dict(_mark_target(settled.name, settled.after) for settled in settlements)


def records_after(settlements: Iterable[Settlement]) -> Targets:
    targets: dict[tuple[str, str], DnsRecord | None] = {}
    for settled in settlements:
        targets.update({(settled.name, rdtype): None for rdtype in settled.removed})
        targets.update({(record.name, record.type): record for record in settled.records})
    return targets


def _mark_target(name: str, texts: tuple[str, ...]) -> tuple[tuple[str, str], DnsRecord | None]:
    at = mark_name(name)
    return (at, "TXT"), DnsRecord(at, "TXT", tuple(sorted(texts)), MARK_TTL) if texts else None
