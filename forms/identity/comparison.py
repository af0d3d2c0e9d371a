"""Two listings laid side by side: which options went, and what each of them could be now.

Used by matching, and by the training of the model that matching uses, so that both see the
same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from forms.identity.likeness import likeness
from forms.identity.listing import Listing
from forms.identity.neighbours import Neighbours, Pair
from forms.identity.option import Name, Option
from forms.identity.shortlist import Shortlist
from forms.identity.weights import Vocabulary, Weights
from forms.identity.words import path_words

_KEPT = 8
"""Candidates of an option that are worth asking its neighbours about."""
_BEHIND = 7.0
"""Log-odds: a candidate that is a thousand times less likely than the best is not."""

Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """A pair that was looked at closely. Positions in the two listings."""

    old: int
    new: int
    vector: Vector


class Comparison:
    """Lazy: nothing is compared before it is asked for."""

    def __init__(self, old: Iterable[Option], new: Iterable[Option]) -> None:
        self.old, self.new = Listing(old), Listing(new)
        self.gone = self.old.without(self.new.path_set)

    @cached_property
    def words(self) -> Vocabulary:
        old, new = self.old, self.new
        came = new.without(old.path_set)
        stayed = Counter(_all_words(old.path_set & new.path_set))
        gone_words = Counter(_all_words(old.paths[at] for at in self.gone))
        came_words = Counter(_all_words(new.paths[at] for at in came))
        names = gone_words + came_words
        for word, count in stayed.items():
            names[word] += 2 * count
        changed = [old[at] for at in self.gone] + [new[at] for at in came]
        said = Counter(chain.from_iterable(view.said for view in changed))
        return Vocabulary(
            names=Weights(names, len(old.paths) + len(new.paths)),
            texts=Weights(said, len(changed)),
            old_names=frozenset(stayed) | frozenset(gone_words),
            new_names=frozenset(stayed) | frozenset(came_words),
        )

    def looked_at(self) -> list[Looked]:
        """Every option that is gone with each of its likely candidates."""
        if not self.gone:
            return []
        words, existed = self.words, self.old.path_set
        shortlist = Shortlist([self.old[at] for at in self.gone], self.new, words, existed)
        found = []
        for at in self.gone:
            view = self.old[at]
            for other in shortlist.of(view):
                new = self.new[other]
                vector = likeness(view, new, words, existed=new.path in existed)
                found.append(Looked(at, other, vector))
        return found

    def in_context(
        self, looked: Sequence[Looked], guess: Callable[[Vector], float]
    ) -> list[Looked]:
        """The best guesses of each option, their vectors with the guess and what the rest of
        the listing says added. guess: from a pair's vector to the log-odds that it is true."""
        by_old: dict[int, list[tuple[float, Looked]]] = {}
        for pair in looked:
            by_old.setdefault(pair.old, []).append((guess(pair.vector), pair))
        kept: dict[int, list[Pair]] = {}
        vectors: dict[Pair, Vector] = {}
        for at, pairs in by_old.items():
            pairs.sort(key=_by_guess)
            least = pairs[0][0] - _BEHIND
            for odds, pair in pairs[:_KEPT]:
                if odds >= least:
                    found = Pair(at, pair.new, odds, self.old[at], self.new[pair.new])
                    kept.setdefault(at, []).append(found)
                    vectors[found] = pair.vector
        neighbours = Neighbours(self.old, self.new, kept)
        return [
            Looked(pair.old, pair.new, (*vector, pair.odds, *neighbours.of(pair)))
            for pair, vector in vectors.items()
        ]


def _all_words(paths: Iterable[Name]) -> Iterator[str]:
    """Those of each path once."""
    return chain.from_iterable(map(path_words, paths))


def _by_guess(guessed: tuple[float, Looked]) -> float:
    return -guessed[0]
