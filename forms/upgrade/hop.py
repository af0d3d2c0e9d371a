"""The way from one release to the next: what is known of it, and what it does to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forms.diff.identities import known_identities
from forms.migrations import Applied, Change, Effect, Migration, Outcome, composed
from forms.migrations.change import Rename
from forms.migrations.places import can_merge, can_put, filled, get, hits, merge, put, take
from forms.paths import Path, path_text
from forms.upgrade.ledger import Identity, certain
from forms.upgrade.options import Options
from forms.values import ABSENT


@dataclass
class Hop:
    """Two releases, one after the other.

    declared: what the package says that changed between them, oldest first.
    records: what people said of options of these two.
    """

    old: Options
    new: Options
    declared: Sequence[Migration] = ()
    records: Sequence[Identity] = ()
    changes: tuple[Change, ...] = field(init=False)
    became: dict[Path, tuple[Path, ...]] = field(init=False)
    """Where options went for certain; several paths where one was split."""
    confirmed: dict[Path, Identity] = field(init=False)
    """Those that are certain because somebody confirmed them."""

    def __post_init__(self) -> None:
        self.changes = tuple(each.change for one in self.declared for each in one.changes)
        known = known_identities(composed(self.changes), self.old.listing, self.new.listing)
        self.became = {}
        for old, new in known.pairs:
            self.became[old] = (*self.became.get(old, ()), new)
        taken = {new for several in self.became.values() for new in several}
        self.confirmed = {
            old: one
            for old, one in certain(self.records).items()
            if not self._is_carried(old) and one.new not in taken
        }
        self.became |= {old: (one.new,) for old, one in self.confirmed.items()}
        self.refused = {(one.old, one.new) for one in self.records if not one.same}

    def _is_carried(self, path: Path) -> bool:
        return any(path[:i] in self.became for i in range(1, len(path) + 1))

    def carried(self, path: Path, decided: Mapping[Path, Path]) -> tuple[Path, ...]:
        """Where an option of the old release is in the new one; empty if it is not there as
        far as is known. decided: identities that hold before those that are known."""
        for length in range(len(path), 0, -1):
            start = path[:length]
            ends = (decided[start],) if start in decided else self.became.get(start)
            if ends is not None:
                found = tuple((*end, *path[length:]) for end in ends)
                return tuple(end for end in found if end in self.new)
        return (path,) if path in self.new else ()

    def default(self, place: Path) -> Any:
        """The old default at a place of a document; ABSENT if there is none."""
        found = self.old.find(place)
        if found is None or found.inside:
            return ABSENT
        option = self.old.get(found.path)
        return ABSENT if option is None else option.default

    def moved(self, document: Any, decided: dict[Path, Path]) -> tuple[Applied, Stranded]:
        """A document, which is changed, with its values where they belong in the new release.
        All are taken out before any is put in: two options may have changed places."""
        pairs = {old: ends[0] for old, ends in self.became.items() if len(ends) == 1} | decided
        taken: list[tuple[Path, Path, Any]] = []
        for old in sorted(pairs, key=len, reverse=True):
            if old == pairs[old]:
                continue
            for place, stars in hits(document, old):
                if isinstance(get(document, place[:-1]), dict):
                    target = filled(pairs[old], stars)
                    taken.append((place, target, take(document, place)))
        effects: list[Effect] = []
        stranded: Stranded = {}
        for place, target, value in reversed(taken):
            _settle(document, place, target, value, effects, stranded)
        return Applied(document, tuple(effects)), stranded


Stranded = dict[Path, Any]
"""Values that have no place any more, by the place that they had."""


def _settle(
    document: Any,
    place: Path,
    target: Path,
    value: Any,
    effects: list[Effect],
    stranded: Stranded,
) -> None:
    change = Rename(place, target)
    there = get(document, target)
    if can_put(document, target):
        put(document, target, value)
    elif there is not ABSENT and can_merge(there, value):
        merge(there, value)
    else:
        why = "there is no room for it at" if there is ABSENT else "something else is set at"
        why = f"{why} {path_text(target)}"
        effects.append(Effect(Outcome.ASKED, change, ((place, value),), (), why))
        stranded[place] = value
        return
    effects.append(Effect(Outcome.MOVED, change, ((place, value),), ((target, value),)))
