"""Two listings laid side by side: which options went, and what each of them could be now.

Used by matching, and by the training of the model that matching uses, so that both see the
same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from forms.identity.likeness import Vocabulary, likeness
from forms.identity.neighbours import Neighbours, Pair
from forms.identity.option import Name, Option
from forms.identity.shortlist import Shortlist
from forms.identity.views import View, Weights

_KEPT = 12
"""Candidates of an option that are worth asking its neighbours about."""

Vector = tuple[float, ...]


@dataclass(frozen=True)
class Looked:
    """A pair that was looked at closely. Positions in the two listings."""

    old: int
    new: int
    vector: Vector


class Comparison:
    """Lazy: nothing is compared before it is asked for. By path, so that an option's place in
    a listing never decides between candidates that are as likely."""

    def __init__(self, old: Sequence[Option], new: Sequence[Option]) -> None:
        self.old = [View(option) for option in sorted(old, key=_by_path)]
        self.new = [View(option) for option in sorted(new, key=_by_path)]
        self._existed = {view.path for view in self.old}
        stayed = {view.path for view in self.new}
        self.gone = [at for at, view in enumerate(self.old) if view.path not in stayed]

    @cached_property
    def words(self) -> Vocabulary:
        changed = [self.old[at] for at in self.gone]
        changed += [view for view in self.new if view.path not in self._existed]
        old, new = (Weights(view.words for view in side) for side in (self.old, self.new))
        return Vocabulary(
            names=old + new,
            old_names=old,
            new_names=new,
            texts=Weights(view.said for view in changed),
        )

    def looked_at(self) -> list[Looked]:
        """Every option that is gone with each of its likely candidates."""
        words = self.words
        shortlist = Shortlist(self.new, words.names, words.texts, self._existed)
        return [
            Looked(at, other, self._likeness(at, other))
            for at in self.gone
            for other in shortlist.of(self.old[at])
        ]

    def _likeness(self, old: int, new: int) -> Vector:
        other = self.new[new]
        existed = other.path in self._existed
        return likeness(self.old[old], other, self.words, existed=existed)

    def in_context(
        self, looked: Sequence[Looked], guess: Callable[[Vector], float]
    ) -> list[Looked]:
        """The best guesses of each option, their vectors with the guess and what the rest of
        the listing says added."""
        vectors = {(pair.old, pair.new): pair.vector for pair in looked}
        guesses: dict[int, list[Pair]] = {}
        for pair in looked:
            guesses.setdefault(pair.old, []).append(Pair(pair.old, pair.new, guess(pair.vector)))
        kept = {
            at: sorted(pairs, key=lambda pair: -pair.guess)[:_KEPT] for at, pairs in guesses.items()
        }
        neighbours = Neighbours(self.old, self.new, kept)
        return [
            Looked(
                pair.old,
                pair.new,
                (*vectors[pair.old, pair.new], pair.guess, *neighbours.of(pair)),
            )
            for pairs in kept.values()
            for pair in pairs
        ]


def _by_path(option: Option) -> Name:
    return option.path
