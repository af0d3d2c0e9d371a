"""A user's values on their way over all releases of an upgrade.

Each value is followed from the place that it had. What has no place in a release is parked
there, out of the document, until somebody says what becomes of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forms.migrations import Applied, Effect, Outcome, Runner, apply, traced
from forms.migrations.places import can_put, filled, get, put, take
from forms.paths import Path
from forms.upgrade.hop import Hop, Stranded
from forms.values import ABSENT, identical


@dataclass(frozen=True, slots=True)
class Link:
    """That an option of release `start` (its number in the chain) is one of release `end`."""

    start: int
    old: Path
    end: int
    new: Path


@dataclass(frozen=True, slots=True)
class Parked:
    """A value that has no place in the release after `hop`."""

    hop: int
    place: Path
    option: Path
    """The option that it belonged to, with stars."""
    stars: tuple[str | int, ...]
    value: Any
    why: str = ""
    """Why it could not be put where its option is now; empty where the option is gone."""


@dataclass(slots=True)
class Traveller:
    """One value that the user set."""

    origin: Path
    value: Any
    places: tuple[Path, ...]
    """Where it is now; several if it was split, none if it was dropped or is parked."""
    effects: list[tuple[int, Effect]] = field(default_factory=list)
    """What was done to it, or to something in it, with the number of the hop."""
    parked: Parked | None = None

    @property
    def dropped(self) -> Effect | None:
        """What took it out, as a package declared."""
        if self.places or self.parked or not self.effects:
            return None
        last = self.effects[-1][1]
        return last if last.outcome is Outcome.DROPPED else None

    @property
    def asked(self) -> list[Effect]:
        """What could not be done to it as declared."""
        return [one for _, one in self.effects if one.outcome is Outcome.ASKED]


@dataclass(frozen=True, slots=True)
class Arrived:
    """document: of the last release, as far as all is certain."""

    document: Any
    travellers: tuple[Traveller, ...]


def travel(
    hops: Sequence[Hop],
    document: Any,
    links: Iterable[Link] = (),
    runner: Runner | None = None,
) -> Arrived:
    """Bring a document, which is not changed, over all hops. links: identities that were
    decided, beside those that the hops know."""
    document = copy.deepcopy(document)
    travellers = tuple(
        Traveller(place, copy.deepcopy(value), (place,))
        for place, value in hops[0].old.values(document)
    )
    links = list(links)
    for number, hop in enumerate(hops):
        step = _Step(number, hop, travellers)
        applied = apply(hop.changes, document, defaults=hop.default, runner=runner)
        step.follow(applied)
        applied, stranded = hop.moved(applied.document, _decided(links, number))
        step.follow(applied)
        document = applied.document
        step.park(document, stranded)
        for link in links:
            if link.end == number + 1 and link.start < number:
                step.settle(document, link)
    return Arrived(document, travellers)


def _decided(links: Iterable[Link], number: int) -> dict[Path, Path]:
    return {one.old: one.new for one in links if one.start == number and one.end == number + 1}


class _Step:
    """Follows all values over one hop."""

    def __init__(self, number: int, hop: Hop, travellers: Sequence[Traveller]) -> None:
        self._number = number
        self._hop = hop
        self._travellers = travellers
        self._before = {one.origin: one.places for one in travellers}

    def follow(self, applied: Applied) -> None:
        for effect in applied.effects:
            for one in self._travellers:
                if any(_touches(effect, place) for place in one.places):
                    one.effects.append((self._number, effect))
                    one.places = traced_all(one.places, effect)

    def park(self, document: Any, stranded: Stranded) -> None:
        taken: dict[Path, Any] = {}  # several values may have become the one at a place
        for one in self._travellers:
            if len(one.places) != 1:
                continue
            (place,) = one.places
            left = _stranded(place, stranded)
            if left is ABSENT and self._hop.new.find(place) is not None:
                continue
            before = self._before[one.origin][0]
            found = self._hop.old.find(before)
            if left is ABSENT:
                if found is None:
                    continue  # no schema ever knew it: that is for the last one to judge
                if place not in taken:
                    taken[place] = take(document, place)
                left = copy.deepcopy(taken[place])
            option, stars = (found.path, found.stars) if found else (before, ())
            why = next((effect.why for effect in reversed(one.asked)), "")
            one.parked = Parked(self._number, place, option, stars, left, why)
            one.places = ()

    def settle(self, document: Any, link: Link) -> None:
        """Put what was parked at an earlier hop where it was decided to belong."""
        for one in self._travellers:
            parked = one.parked
            if parked is None or (parked.hop, parked.option) != (link.start, link.old):
                continue
            place = filled(link.new, parked.stars)
            if can_put(document, place):
                put(document, place, copy.deepcopy(parked.value))
                one.places, one.parked = (place,), None


def _stranded(place: Path, stranded: Mapping[Path, Any]) -> Any:
    for at, value in stranded.items():
        if place[: len(at)] == at:
            return get(value, place[len(at) :])
    return ABSENT


def _touches(effect: Effect, place: Path) -> bool:
    """Is an effect about what is at a place, about what holds it, or about something in it?"""
    return any(place[: len(at)] == at or at[: len(place)] == place for at, _ in effect.before)


def traced_all(places: Iterable[Path], effect: Effect) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(new for place in places for new in traced(place, (effect,))))


def is_untouched(one: Traveller, document: Any) -> bool:
    """Is the very value that the user set in the document, where it belongs?"""
    if len(one.places) != 1:
        return False
    now = get(document, one.places[0])
    return identical(now, one.value) or (one.value == {} and isinstance(now, dict))
