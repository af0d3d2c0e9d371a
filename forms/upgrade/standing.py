"""Where a review stands: the new document, what is wrong with it, and what is still to decide.

Made anew from the values, the identities and the choices whenever one of these changes; what
depends on identities alone is kept while only choices change.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from forms.migrations import Effect, Outcome, Runner
from forms.migrations.change import MapValues, Rename
from forms.migrations.places import can_put, get, put, take
from forms.model.row import Problem
from forms.paths import Path
from forms.upgrade.checker import Checker
from forms.upgrade.decision import Became, Choice, Gone, Key, Verb
from forms.upgrade.fitting import without_loss
from forms.upgrade.hop import Hop
from forms.upgrade.journey import Arrived, Link, Traveller, is_untouched, travel
from forms.upgrade.sheet import Item, Sheet
from forms.upgrade.status import Status
from forms.values import ABSENT, same

FIT = "it is written as the new type wants it, with nothing lost"


@dataclass(frozen=True, slots=True)
class Archived:
    """A value that the user set and that is not in the new document as it was set."""

    place: Path
    """Where it was in the old document."""
    value: Any
    why: str
    secret: bool = False


class Standing:
    """One set of identities, with everything that follows from them."""

    def __init__(
        self,
        hops: Sequence[Hop],
        checker: Checker,
        values: Any,
        held: Collection[Path],
        became: Mapping[Gone, Became],
        runner: Runner | None,
    ) -> None:
        self._checker = checker
        self._last = hops[-1].new
        self._first = hops[0].old
        links = [Link(gone.hop, gone.option, one.end, one.new) for gone, one in became.items()]
        self.arrived = travel(hops, values, links, runner)
        self.held = frozenset(
            place for one in self.arrived.travellers if one.origin in held for place in one.places
        )
        self._fit(self.arrived)
        self.sheet = Sheet(hops, self.arrived, became)
        self._fit_defaults()
        self._by_place = {
            item.new_place: item.key for item in self.sheet if item.new_place is not None
        }
        self.statuses: dict[Key, Status] = {}
        self._base_problems = self._placed(checker.problems(self.arrived.document, self.held))
        self.statuses = {item.key: self._status(item) for item in self.sheet}
        self.asks = {item.key for item in self.sheet if self._asks(item)}

    def _fit(self, arrived: Arrived) -> None:
        """Give values the type that they must have now, where nothing is lost by that."""
        wrong = {problem.path for problem in self._checker.problems(arrived.document, self.held)}
        for one in arrived.travellers:
            if len(one.places) != 1 or one.places[0] not in wrong:
                continue
            (place,) = one.places
            value = get(arrived.document, place)
            schema = self._checker.schema_at(arrived.document, place)
            words = self._checker.words(schema)
            made = without_loss(value, words, partial(self._checker.faults, schema))
            if made is not ABSENT:
                put(arrived.document, place, made)
                ends = ((place, value),), ((place, made),)
                one.effects.append((-1, Effect(Outcome.CHANGED, MapValues(place, ()), *ends, FIT)))

    def _fit_defaults(self) -> None:
        """Write old defaults as their new types want them, or every default whose type changed
        would look as if it were another."""
        for item in self.sheet:
            if item.carried_default is ABSENT or not self._is_retyped(item):
                continue
            assert item.new_place is not None
            schema = self._checker.schema_at(self.arrived.document, item.new_place)
            faults = partial(self._checker.faults, schema)
            if faults(item.carried_default):
                words = self._checker.words(schema)
                made = without_loss(item.carried_default, words, faults)
                if made is not ABSENT:
                    item.carried_default = made

    # what is so before anybody decides

    def carried(self, item: Item) -> Any:
        """The value as it came into the new release; ABSENT if there is none."""
        if item.new_place is None:
            return ABSENT
        return get(self.arrived.document, item.new_place)

    def is_customised(self, item: Item) -> bool:
        """Did the user set something else than the old default?"""
        one = item.traveller
        return one is not None and (
            item.old_default is ABSENT or not same(one.value, item.old_default)
        )

    def is_secret(self, item: Item) -> bool:
        return bool(
            (item.old_place is not None and self._first.is_secret(item.old_place))
            or (item.new_place is not None and self._last.is_secret(item.new_place))
        )

    def base_problem(self, item: Item) -> Problem | None:
        return self._base_problems.get(item.key)

    def _status(self, item: Item) -> Status:
        if item.new_place is None:
            return Status.MOVED if item.ends else Status.REMOVED
        problem = self.base_problem(item)
        if problem is not None:
            if item.old is None and item.traveller is None and self.carried(item) is ABSENT:
                return Status.NEW
            retyped = item.traveller is not None and self._is_retyped(item)
            return Status.RETYPED if retyped else Status.INVALID
        if item.traveller is not None:
            return self._status_of_set(item, item.traveller)
        if item.old is None:
            return Status.NEW
        if item.old_place != item.new_place:
            return Status.MOVED
        if not _same_default(item.carried_default, item.new_default):
            return Status.DEFAULT
        return Status.RETYPED if self._is_retyped(item) else Status.SAME

    def _status_of_set(self, item: Item, one: Traveller) -> Status:
        if one.asked:
            return Status.RETYPED
        if self.is_conflict(item):
            return Status.CONFLICT
        if any(e.outcome is Outcome.CHANGED for _, e in one.effects):
            return Status.RETYPED
        if item.old_place != item.new_place:
            return Status.MOVED
        if self.is_secret(item):
            return Status.SECRET
        if self.is_customised(item):
            follows = same(self.carried(item), item.new_default)
            return Status.SAME if follows else Status.CUSTOM
        changed = not _same_default(item.carried_default, item.new_default)
        return Status.DEFAULT if changed else Status.SAME

    @staticmethod
    def _is_retyped(item: Item) -> bool:
        return bool(item.old and item.new and item.old.type_text != item.new.type_text)

    def is_conflict(self, item: Item) -> bool:
        """Did both the user and the new release change it, to different values?"""
        before, after = item.carried_default, item.new_default
        if before is ABSENT or after is ABSENT or same(before, after):
            return False
        return self.is_customised(item) and not same(self.carried(item), after)

    def _asks(self, item: Item) -> bool:
        """Must a person say something, whatever the document looks like?"""
        one = item.traveller
        if one is None:
            return False
        if item.new_place is None:
            gone = one.parked is not None or one.dropped is not None
            return gone and self.is_customised(item)
        return bool(one.asked) or (
            self.statuses[item.key] is Status.CONFLICT and item.new_place not in self.held
        )

    # what is so with what was decided

    def document(self, choices: Mapping[Key, Choice]) -> tuple[Any, set[Key]]:
        """The new document, and the rows whose chosen value has no place in it."""
        document = copy.deepcopy(self.arrived.document)
        changes = [
            (item.new_place, key, choice)
            for key, choice in choices.items()
            if (item := self.sheet.items.get(key)) is not None and item.new_place is not None
        ]
        for place, _, choice in changes:
            if choice.verb in (Verb.DEFAULT, Verb.OUT) and get(document, place) is not ABSENT:
                take(document, place)
        changes = [one for one in changes if one[2].verb is Verb.SET]
        homeless = {
            key
            for place, key, choice in sorted(changes, key=lambda one: len(one[0]))
            if not set_at(document, place, copy.deepcopy(choice.value))
        }
        return document, homeless

    def problems(self, document: Any) -> dict[Key, Problem]:
        """What is wrong with a document, by row."""
        return self._placed(self._checker.problems(document, self.held))

    def _placed(self, problems: Iterable[Problem]) -> dict[Key, Problem]:
        found: dict[Key, Problem] = {}
        for problem in problems:
            for key in self._rows_of(problem.path):
                found.setdefault(key, problem)
        return found

    def _rows_of(self, place: Path) -> list[Key]:
        for length in range(len(place), 0, -1):
            key = self._by_place.get(place[:length])
            if key is not None:
                return [key]
        below = [
            item.key
            for item in self.sheet
            if item.traveller is not None
            and item.new_place is not None
            and item.new_place[: len(place)] == place
        ]
        if below and place:
            return below
        item = self.sheet.added(place)
        self._by_place[place] = item.key
        self.statuses[item.key] = Status.NEW if place else Status.INVALID
        return [item.key]

    def archive(self, document: Any, choices: Mapping[Key, Choice]) -> tuple[Archived, ...]:
        """Every value that the user set and that is not in the document as it was set."""
        return tuple(
            Archived(one.origin, one.value, self._why_archived(one, choices), secret)
            for one in self.arrived.travellers
            if not is_untouched(one, document)
            for secret in [self.is_secret(self.sheet.items[Key("old", one.origin)])]
        )

    @staticmethod
    def _why_archived(one: Traveller, choices: Mapping[Key, Choice]) -> str:
        choice = choices.get(Key("old", one.origin))
        if choice is not None and choice.verb is not Verb.KEEP:
            said = {
                Verb.DEFAULT: "it follows the new default",
                Verb.SET: "another value was set",
                Verb.OUT: "the option is gone",
            }[choice.verb]
            return f"{said}: {choice.why}" if choice.why else said
        if one.parked is not None:
            return one.parked.why or "the option is gone"
        changes = [e.change for _, e in one.effects if e.outcome is not Outcome.ASKED]
        told = [str(change) for change in changes if not isinstance(change, MapValues | Rename)]
        return "; ".join(dict.fromkeys(told)) or "it is written otherwise now"


def set_at(document: Any, place: Path, value: Any) -> bool:
    """Put a value at a place, in place of what is there; False where there is no way to it."""
    if not place:
        return False
    if get(document, place) is ABSENT and not can_put(document, place):
        return False
    put(document, place, value)
    return True


def _same_default(before: Any, after: Any) -> bool:
    if before is ABSENT or after is ABSENT:
        return before is after
    return same(before, after)
