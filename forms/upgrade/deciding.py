"""What a decision about a row comes to: a choice of its value, or identities over releases."""

from __future__ import annotations

import copy
from typing import Any

from forms.paths import Path, path_text
from forms.upgrade.decision import Became, Choice, Decided, Gone, Subject, Verb
from forms.upgrade.ledger import Identity
from forms.upgrade.rows import Said
from forms.upgrade.sheet import Item
from forms.upgrade.standing import set_at
from forms.upgrade.state import State
from forms.values import ABSENT


class Deciding:
    """Changes nothing: what it gives is to be made."""

    def __init__(self, state: State) -> None:
        self._state = state

    def decision(
        self, item: Item, verb: Verb, value: Any, target: Path | None, said: Said
    ) -> dict[Subject, Decided | None]:
        """What is decided by deciding one row so. ValueError, in words for the user, where that
        cannot be decided of it."""
        if verb is Verb.SAME:
            return self._same(item, target, said)
        name = path_text(item.path)
        if item.new_place is None:
            if item.traveller is None or verb is not Verb.OUT:
                raise ValueError(f"{name} has no place in the new release")
        elif verb is Verb.SET:
            if value is ABSENT:
                raise ValueError(f"there is no value to set for {name}")
            if not set_at(
                copy.deepcopy(self._state.document), item.new_place, copy.deepcopy(value)
            ):
                raise ValueError(f"something else is set where {name} belongs")
        elif verb is Verb.KEEP and self._state.standing.carried(item) is ABSENT:
            raise ValueError(f"{name} has no value of yours to keep")
        elif item.new_place == ():
            raise ValueError("the whole document cannot be taken out")
        kept = copy.deepcopy(value) if verb is Verb.SET else ABSENT
        return {item.key: Choice(verb, kept, said.by, said.at, said.why)}

    def _same(self, item: Item, target: Path | None, said: Said) -> dict[Subject, Decided | None]:
        parked = item.traveller.parked if item.traveller is not None else None
        name = path_text(item.path)
        if parked is None:
            raise ValueError(f"{name} is not gone: it need not be looked for")
        if target is None:
            raise ValueError(f"it is not said which option {name} is now")
        gone = Gone(parked.hop, parked.option)
        links = self._links(gone, target)
        if self._state.is_taken(target):
            raise ValueError(f"{path_text(target)} is set already")
        after: dict[Subject, Decided | None] = {
            one: Became(end, new, said.by, said.at, said.why) for one, end, new in links
        }
        if self._state.decisions.choice(item.key) is not None:
            after[item.key] = None
        return after

    def _links(self, gone: Gone, target: Path) -> list[tuple[Gone, int, Path]]:
        """What has to be identical for a gone option to be the one at `target`, with stars."""
        found = next((c for c in self._state.candidates.of(gone) if c.path == target), None)
        if found is not None:
            return [(one, one.hop + 1, new) for one, new in found.links]
        for end in range(gone.hop + 1, len(self._state.releases)):
            options = self._state.hops[end - 1].new
            for path in (target, *self._ancestry(target, end)):
                if path in options and self._forward(path, end) == target:
                    return [(gone, end, path)]
        raise ValueError(f"the new release has no option {path_text(target)}")

    def _ancestry(self, target: Path, end: int) -> list[Path]:
        """Options of a release that are known to become the one at `target`."""
        paths = [target]
        for hop in reversed(self._state.hops[end:]):
            paths = [
                old for old, ends in hop.became.items() if any(one in paths for one in ends)
            ] + paths
        return paths

    def _forward(self, path: Path, start: int) -> Path | None:
        for hop in self._state.hops[start:]:
            carried = hop.carried(path, {})
            if len(carried) != 1:
                return None
            path = carried[0]
        return path

    def identities(self) -> tuple[Identity, ...]:
        """What was confirmed and refused in this review, for the ledger."""
        found = [
            self._identity(gone, one.new, one, end=one.end)
            for gone, one in self._state.decisions.became().items()
        ]
        for key, choice in self._state.choices().items():
            item = self._state.standing.sheet.items.get(key)
            parked = item.traveller.parked if item and item.traveller else None
            if choice.verb is Verb.OUT and parked is not None:
                gone = Gone(parked.hop, parked.option)
                for candidate in self._state.candidates.of(gone):
                    first, new = candidate.links[0]
                    found.append(self._identity(first, new, choice, is_same=False))
        return tuple(dict.fromkeys(found))

    def _identity(
        self, gone: Gone, new: Path, said: Decided, *, end: int = 0, is_same: bool = True
    ) -> Identity:
        end = end or gone.hop + 1
        return Identity(
            self._state.application,
            self._state.releases[gone.hop].version,
            self._state.releases[end].version,
            gone.option,
            new,
            is_same,
            said.by,
            said.at,
            said.why,
        )
