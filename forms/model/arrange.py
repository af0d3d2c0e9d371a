"""The order in which a section shows its options.

By `x-order`, else as the schema has them; options of one `x-group` together, after those of
none; advanced and deprecated ones in a fold at the end of their group. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forms.walk import Child


@dataclass(frozen=True, slots=True)
class Fold:
    """Options under a heading: a group, or the advanced ones (which have no title)."""

    key: str
    title: str
    entries: tuple[Entry, ...]


Option = tuple[str, Child]
Entry = Option | Fold


ARRANGING = frozenset({"x-group", "x-order", "x-advanced", "deprecated"})
"""Annotations without which options stand in the order of their schema."""


def arranged(options: Iterable[tuple[str, Child, Mapping[str, Any]]]) -> list[Entry]:
    """Options, each with its annotations, in the order and under the headings to show."""
    groups: dict[str, _Group] = {}
    for i, (key, child, words) in enumerate(options):
        name = words.get("x-group")
        group = groups.setdefault(name if isinstance(name, str) else "", _Group([], []))
        order = words.get("x-order")
        place = float(order) if isinstance(order, int | float) else float(i)
        deprecated = words.get("deprecated") is True
        advanced = deprecated or words.get("x-advanced") is True
        (group.advanced if advanced else group.plain).append((deprecated, place, i, (key, child)))
    loose = groups.pop("", _Group([], []))
    named = sorted(groups.items(), key=lambda item: item[1].first)
    hidden: tuple[Entry, ...] = tuple(
        Fold(name, name, _in_order(group.advanced)) for name, group in named if not group.plain
    )
    shown = [
        Fold(name, name, _in_order(group.plain) + _folded(name, _in_order(group.advanced)))
        for name, group in named
        if group.plain
    ]
    return [*_in_order(loose.plain), *shown, *_folded("", _in_order(loose.advanced) + hidden)]


_Placed = tuple[bool, float, int, Option]


@dataclass(slots=True)
class _Group:
    plain: list[_Placed]
    advanced: list[_Placed]

    @property
    def first(self) -> tuple[float, int]:
        return min((place, i) for _, place, i, _ in (*self.plain, *self.advanced))


def _in_order(placed: list[_Placed]) -> tuple[Entry, ...]:
    return tuple(option for *_, option in sorted(placed, key=lambda item: item[:3]))


def _folded(key: str, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return (Fold(key, "", entries),) if entries else ()
