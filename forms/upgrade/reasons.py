"""Why a row is as it is: what upstream did and said, what is in the way, who confirmed what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from forms.model.row import Problem
from forms.paths import Path, path_text
from forms.upgrade.decision import Key
from forms.upgrade.sheet import Item
from forms.upgrade.state import State
from forms.upgrade.status import Status


class Reasons:
    """text: how a value of a row is shown."""

    def __init__(self, state: State, text: Callable[[Key, Any], str]) -> None:
        self._state = state
        self._text = text

    def of(self, item: Item) -> Iterator[str]:
        """Plain sentences, of which some may come twice."""
        problem = self._state.problems.get(item.key)
        if problem is not None:
            yield _sentence(problem_text(problem, item.new_place))
            if problem.hint:
                yield _sentence(problem.hint)
        one = item.traveller
        for number, effect in one.effects if one is not None else ():
            if number >= 0:
                yield f"{self._state.releases[number + 1].version}: {_sentence(str(effect.change))}"
            if effect.why:
                yield _sentence(effect.why)
            if number >= 0:
                yield from self._said_of(number, effect.change)
        if one is not None and one.parked is not None and one.parked.why:
            yield _sentence(one.parked.why)
        if (
            self._state.standing.is_conflict(item)
            or self._state.standing.statuses[item.key] is Status.DEFAULT
        ):
            was, now = (self._text(item.key, v) for v in (item.old_default, item.new_default))
            yield f"The default was {was or 'none'}, and is {now or 'none'}."
        yield from self._said_by(item)
        yield from self._release_notes(item)

    def _said_of(self, number: int, change: Any) -> Iterator[str]:
        for migration in self._state.hops[number].declared:
            if any(each.change is change for each in migration.changes):
                yield from (text for text in (migration.note, migration.reference) if text)

    def _said_by(self, item: Item) -> Iterator[str]:
        """Who confirmed that an option is the one that it is taken for."""
        decided = self._state.decided_of(item)
        if decided is not None and decided.by:
            yield f"Decided by {decided.by}{f' on {decided.at}' if decided.at else ''}."
        if decided is not None and decided.why:
            yield _sentence(decided.why)
        place = item.old.path if item.old is not None else None
        for hop in self._state.hops:
            known = hop.confirmed.get(place) if place is not None else None
            if known is not None:
                by = f" by {known.by}" if known.by else ""
                yield f"Confirmed before{by}: it is now {path_text(known.new)}."
                place = known.new

    def _release_notes(self, item: Item) -> Iterator[str]:
        """What the notes of the releases say of an option by its name."""
        names = {str(p[-1]) for p in (item.old_place, item.new_place) if p}
        for release in self._state.releases[1:]:
            for note in release.notes:
                if any(len(name) > 3 and name in note for name in names):
                    yield f"{release.version}: {note}"


def problem_text(problem: Problem, place: Path | None) -> str:
    """What is wrong, and with what in the value at `place`."""
    inside = problem.path[len(place) :] if place is not None else ()
    return f"{path_text(inside)} {problem.message}" if inside else problem.message


def _sentence(text: str) -> str:
    first = text.partition(" ")[0]
    if not set("._") & set(first.rstrip(".")):  # the path of an option stays as it is written
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
