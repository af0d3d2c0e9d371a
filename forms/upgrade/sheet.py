"""All options of an upgrade, old and new side by side: what the rows of a review are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forms.diff import ANY, Option
from forms.migrations import apply, traced
from forms.migrations.change import NewDefault, sources
from forms.migrations.places import get, put
from forms.paths import Path
from forms.upgrade.decision import Became, Gone, Key
from forms.upgrade.hop import Hop
from forms.upgrade.journey import Arrived, Traveller
from forms.values import ABSENT


@dataclass(slots=True)
class Item:
    """One option, by identity: what it was and what it is."""

    key: Key
    old: Option | None
    new: Option | None
    old_place: Path | None
    new_place: Path | None
    """Where its value belongs in the new document; None where it has no place (any more)."""
    traveller: Traveller | None = None
    old_default: Any = ABSENT
    carried_default: Any = ABSENT
    """The old default as the new release writes it."""
    new_default: Any = ABSENT
    ends: tuple[Path, ...] = ()
    """Where a value went that was split, or joined with others."""
    order: tuple[int, int, int] = (0, 0, 0)

    @property
    def path(self) -> Path:
        """What to call it: by the new name if there is one."""
        if self.new_place is not None:
            return self.new_place
        assert self.old_place is not None
        return self.old_place

    @property
    def option(self) -> Option | None:
        return self.new or self.old


class Sheet:
    """Items in the order of the new form; what is gone stands after what it stood after."""

    def __init__(
        self, hops: Sequence[Hop], arrived: Arrived, became: Mapping[Gone, Became]
    ) -> None:
        self._hops = hops
        self._first, self._last = hops[0].old, hops[-1].new
        self._arrived = arrived
        self._became = became
        self._decided = [
            {gone.option: one.new for gone, one in became.items() if gone.hop == i == one.end - 1}
            for i in range(len(hops))
        ]
        self._rewritten = {
            path for hop in hops for change in hop.changes for path in sources(change)
        }
        self._declared = self._declared_defaults()
        self.items: dict[Key, Item] = {}
        owned = self._of_travellers()
        owned = self._of_old_options(owned)
        self._of_new_options(owned)
        self._sort()

    def end_of(self, path: Path) -> tuple[Path, ...]:
        """Where an option of the first release is in the last one, with stars."""
        paths: tuple[Path, ...] = (path,)
        number = 0
        while number < len(self._hops):
            found: list[Path] = []
            for one in paths:
                leap = self._became.get(Gone(number, one))
                if leap is not None and leap.end > number + 1:
                    if len(paths) == 1:
                        number = leap.end - 1
                    found.append(leap.new)
                else:
                    found += self._hops[number].carried(one, self._decided[number])
            paths = tuple(dict.fromkeys(found))
            number += 1
        return paths

    def _of_travellers(self) -> set[Path]:
        """Items of what the user set; gives the places that are theirs."""
        sharing = Counter(p for one in self._arrived.travellers for p in one.places)
        owned: set[Path] = set()
        for one in self._arrived.travellers:
            place = one.places[0] if len(one.places) == 1 else None
            if place is not None and (
                sharing[place] > 1 or get(self._arrived.document, place) is ABSENT
            ):
                place = None
            ends = one.places if place is None else ()
            item = Item(Key("old", one.origin), None, None, one.origin, place, one, ends=ends)
            item.old, item.old_default = self._option(self._first, one.origin)
            if place is not None:
                owned.add(place)
                item.new, item.new_default = self._option(self._last, place)
            item.carried_default = self._default_now(item)
            self.items[item.key] = item
        return owned

    @staticmethod
    def _option(options: Any, place: Path) -> tuple[Option | None, Any]:
        found = options.find(place)
        if found is None or found.inside:
            return None, ABSENT
        option = options.get(found.path)
        return option, ABSENT if option is None else option.default

    def _of_old_options(self, owned: set[Path]) -> set[Path]:
        """Items of what the user did not set."""
        parked = {one.parked.option for one in self._arrived.travellers if one.parked is not None}
        claimed = set(owned)
        for path, option in self._first.listing.items():
            key = Key("old", path)
            if key in self.items or self._first.is_section(path):
                continue
            ends = self.end_of(path)
            end = ends[0] if len(ends) == 1 else None
            if end is not None and (end in claimed or self._last.is_section(end)):
                if end in claimed or path == end:
                    if end != path and path not in parked:
                        self.items[key] = Item(key, option, None, path, None, ends=(end,))
                    continue
                end = None
            new = self._last.get(end) if end is not None else None
            item = Item(key, option, new, path, end, old_default=option.default)
            if end is None:
                item.ends = ends
            if new is not None:
                claimed.add(new.path)
                item.new_default = new.default
            item.carried_default = self._default_now(item)
            if ANY not in path or self._differs(item):
                self.items[key] = item
        return claimed

    @staticmethod
    def _differs(item: Item) -> bool:
        return (
            item.new is None
            or item.carried_default != item.new_default
            or (item.old is not None and item.old.type_text != item.new.type_text)
        )

    def _of_new_options(self, owned: set[Path]) -> None:
        for path, option in self._last.listing.items():
            if path not in owned and not self._last.is_section(path):
                key = Key("new", path)
                item = Item(key, None, option, None, path, new_default=option.default)
                self.items[key] = item
        joined = {p for one in self._arrived.travellers for p in one.places} - owned
        for place in joined:
            key = Key("new", place)
            if key not in self.items and get(self._arrived.document, place) is not ABSENT:
                option, default = self._option(self._last, place)  # type: ignore[assignment]
                self.items[key] = Item(key, None, option, None, place, new_default=default)

    def added(self, place: Path) -> Item:
        """An item for a place that has none: something that must be set there."""
        key = Key("new", place)
        option, default = self._option(self._last, place)
        item = Item(key, None, option, None, place, new_default=default)
        last = max((one.order for one in self.items.values()), default=(0, 0, 0))
        item.order = (*self._order_of(place, last[0]), 0)
        self.items[key] = item
        return item

    # defaults

    def _declared_defaults(self) -> dict[Path, NewDefault]:
        changes = (change for hop in self._hops for change in hop.changes)
        return {one.path: one for one in changes if isinstance(one, NewDefault)}

    def _default_now(self, item: Item) -> Any:
        """The old default as the new release writes it; defaults that only a package declares
        are put where the schemas name none."""
        if item.new is not None and self._declared:
            declared = self._declared.get(item.new.path)
            if declared is not None:
                if item.old_default is ABSENT:
                    item.old_default = declared.was
                if item.new_default is ABSENT:
                    item.new_default = declared.value
        place = item.old_place
        if item.old_default is ABSENT or place is None or not self._is_rewritten(item):
            return item.old_default
        if any(isinstance(part, int) or part == ANY for part in place):
            return item.old_default
        document: Any = {}
        put(document, place, item.old_default)
        for hop in self._hops:
            if not hop.changes:
                continue
            applied = apply(hop.changes, document)
            if not applied.effects:
                continue
            places = traced(place, applied.effects)
            if len(places) != 1:
                return item.old_default
            document, place = applied.document, places[0]
        found = get(document, place)
        return item.old_default if found is ABSENT else found

    def _is_rewritten(self, item: Item) -> bool:
        """Is a declared change about it, or about a section that it is in?"""
        paths = [path for path in (item.old_place, item.new_place) if path is not None]
        return any(path[: i + 1] in self._rewritten for path in paths for i in range(len(path)))

    # order

    def _sort(self) -> None:
        old_order = self._first.order
        end = len(self._last.order)
        anchors: dict[Path, int] = {}
        last = -1
        by_old = {item.old.path: item for item in self.items.values() if item.old is not None}
        for path in sorted(old_order, key=old_order.__getitem__):
            item = by_old.get(path)
            if item is not None and item.new is not None:
                last = self._last.order.get(item.new.path, last)
            elif path in self._last.order:
                last = self._last.order[path]
            anchors[path] = last
        for number, item in enumerate(self.items.values()):
            if item.new_place is not None:
                item.order = (*self._order_of(item.new_place, end), number)
            else:
                path = item.old.path if item.old is not None else ()
                item.order = (anchors.get(path, end), 1, number)
        ordered = sorted(self.items.values(), key=lambda item: item.order)
        self.items = {item.key: item for item in ordered}

    def _order_of(self, place: Path, end: int) -> tuple[int, int]:
        found = self._last.find(place)
        return (end, 0) if found is None else (self._last.order.get(found.path, end), 0)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items.values())
