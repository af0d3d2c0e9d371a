"""What can be decided of a row, the likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from forms.migrations import Outcome
from forms.migrations.places import get
from forms.model.row import Problem
from forms.paths import Path, path_text
from forms.upgrade.candidates import Candidates
from forms.upgrade.checker import Checker
from forms.upgrade.decision import Gone, Key, Verb
from forms.upgrade.fitting import suggestions
from forms.upgrade.rows import Action
from forms.upgrade.sheet import Item
from forms.upgrade.standing import Standing
from forms.values import ABSENT, identical, same

_LIKELY = 0.5
"""A candidate above this is suggested."""


class Actions:
    """Of one standing, with one document."""

    def __init__(
        self,
        standing: Standing,
        checker: Checker,
        candidates: Candidates,
        document: Any,
        problems: Mapping[Key, Problem],
        text: Callable[[Key, Any], str],
        is_taken: Callable[[Path], bool],
    ) -> None:
        self._standing = standing
        self._checker = checker
        self._candidates = candidates
        self._document = document
        self._problems = problems
        self._text = text
        self._is_taken = is_taken

    def of(self, item: Item) -> tuple[tuple[Action, ...], bool]:
        """Actions, and whether the first one is to be suggested."""
        if item.new_place is None:
            return self._of_gone(item)
        if item.new_place == ():
            return (), False
        found = tuple(self._of_value(item, self._problems.get(item.key)))
        first = found[0]
        return found, first.verb is Verb.KEEP or first.value is not ABSENT

    def _of_gone(self, item: Item) -> tuple[tuple[Action, ...], bool]:
        one = item.traveller
        if one is None or (one.parked is None and one.dropped is None):
            return (), False
        likely: list[Action] = []
        unlikely: list[Action] = []
        if one.parked is not None:
            for candidate in self._candidates.of(Gone(one.parked.hop, one.parked.option)):
                if self._is_taken(candidate.path):
                    continue
                action = Action(
                    Verb.SAME,
                    f"it is now {path_text(candidate.path)}",
                    self._text(item.key, one.parked.value),
                    target=candidate.path,
                    reasons=candidate.reasons,
                    score=candidate.score,
                )
                (likely if candidate.score >= _LIKELY else unlikely).append(action)
        out = Action(Verb.OUT, "take it out; the archive keeps it")
        return (*likely, out, *unlikely), True

    def _of_value(self, item: Item, problem: Problem | None) -> Iterator[Action]:
        place = item.new_place
        assert place is not None
        carried, default = self._standing.carried(item), item.new_default
        base = self._standing.base_problem(item)
        if carried is not ABSENT and base is None and not self._asked(item):
            yield Action(Verb.KEEP, "keep yours", self._text(item.key, carried))
        yield from self._suggested(item, place, carried)
        if carried is not ABSENT and self._asked(item) and base is None:
            yield Action(Verb.KEEP, "keep it as it is", self._text(item.key, carried))
        if carried is not ABSENT or get(self._document, place) is not ABSENT:
            if default is not ABSENT:
                label = "take the new default"
                yield Action(Verb.DEFAULT, label, self._text(item.key, default))
            elif item.new is None or not item.new.required:
                known = item.new is not None
                label = "leave it unset" if known else "take it out; the archive keeps it"
                yield Action(Verb.DEFAULT if known else Verb.OUT, label)
        elif default is not ABSENT and problem is None:
            yield Action(Verb.DEFAULT, "follow the default", self._text(item.key, default))
        yield from self._as_before(item, carried)
        yield Action(Verb.SET, "set another value")

    def _asked(self, item: Item) -> bool:
        return item.traveller is not None and bool(item.traveller.asked)

    def _suggested(self, item: Item, place: Path, carried: Any) -> Iterator[Action]:
        """Values that the carried one could become."""
        if carried is ABSENT or place in self._standing.held:
            return
        could = [
            value
            for _, effect in (item.traveller.effects if item.traveller else ())
            if effect.outcome is Outcome.ASKED
            for at, value in effect.after
            if at == place
        ]
        schema = self._checker.schema_at(self._document, place)
        faults = partial(self._checker.faults, schema)
        for value in could:
            if not faults(value):
                yield Action(Verb.SET, "convert it", self._text(item.key, value), value)
        if self._standing.base_problem(item) is None:
            return
        for one in suggestions(carried, self._checker.words(schema), faults):
            if not any(identical(one.value, value) for value in could):
                yield Action(Verb.SET, one.label, self._text(item.key, one.value), one.value)

    def _as_before(self, item: Item, carried: Any) -> Iterator[Action]:
        """Setting what was the default: for whoever does not want the new one."""
        before, after = item.carried_default, item.new_default
        if (
            carried is not ABSENT
            or before is ABSENT
            or (after is not ABSENT and same(before, after))
        ):
            return
        yield Action(Verb.SET, "keep the old default", self._text(item.key, before), before)
