"""What the rest of the listing says about a pair: rivals, siblings, and edits made alike.

Options move in groups. Where twelve options went from `a.*` to `b.*`, the thirteenth most
likely did; where an old option has an exact twin among the new, it is not also the origin of
something half like it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import fsum

from forms.identity.listing import Listing
from forms.identity.odds import probability
from forms.identity.option import Name
from forms.identity.views import View
from forms.identity.words import squashed

CONTEXT = (
    "first", "rank", "lead", "rival_lead", "share_of_old", "share_of_new",
    "moved_alike", "moved_alike_share", "edited_alike", "siblings_agree",
    "old_parent_lives", "new_parent_is_new",
    "subtree_found", "subtree_share", "new_subtree_share",
    "kin_telling", "place_lives", "place_is_new",
)  # fmt: skip

Edit = tuple[frozenset[str], frozenset[str]]
Move = tuple[Name, Name]


class Pair:
    """Positions of an old and a new option, and a first guess that they are the same."""

    __slots__ = ("edit", "guess", "move", "new", "odds", "old", "parents")

    def __init__(self, at: int, new_at: int, odds: float, old: View, new: View) -> None:
        self.old, self.new = at, new_at
        self.odds = odds
        """The guess as log-odds."""
        self.guess = probability(odds)
        self.move = moved(old.path, new.path)
        self.parents: Move = (old.parent, new.parent)
        self.edit: Edit = (old.words - new.words, new.words - old.words)
        """The words that went, and the words that came."""


class Neighbours:
    """Everything is counted over the guesses once; a pair's own part is taken out again."""

    def __init__(self, old: Listing, new: Listing, pairs: Mapping[int, Sequence[Pair]]) -> None:
        """pairs: by the position of each old option that is gone, with at least one guess."""
        self._old, self._new = old, new
        self._pairs = {at: sorted(some, key=_by_guess) for at, some in pairs.items()}
        self._of_new: dict[int, list[Pair]] = defaultdict(list)
        self._moves: dict[Move, float] = defaultdict(float)
        self._moved_from: dict[Name, float] = defaultdict(float)
        self._edits: dict[Edit, float] = defaultdict(float)
        self._to_parent: dict[Move, float] = defaultdict(float)
        self._from_parent: dict[Name, float] = defaultdict(float)
        self._below_old = _by_prefix(old.paths[at] for at in pairs)
        self._below_new = _by_prefix(new.paths[at] for at in new.without(old.path_set))
        self._subtree_cache: dict[Move, tuple[int, int, int, float]] = {}
        for some in self._pairs.values():
            for pair in some:
                self._of_new[pair.new].append(pair)
            self._count(some[0])
        for some in self._of_new.values():
            some.sort(key=_by_guess)
        self._guessed_of_new = {
            at: sum(pair.guess for pair in some) for at, some in self._of_new.items()
        }

    def _count(self, pair: Pair) -> None:
        self._moves[pair.move] += pair.guess
        self._moved_from[pair.move[0]] += pair.guess
        self._edits[pair.edit] += pair.guess
        self._to_parent[pair.parents] += pair.guess
        self._from_parent[pair.parents[0]] += pair.guess

    def _subtrees(self, move: Move) -> tuple[int, int, int, float]:
        """Of what went from below the one place and came below the other: how many are the
        same there, how many went, how many came, and how telling the same ones are: each by
        how few others of the new listing have its name."""
        known = self._subtree_cache.get(move)
        if known is None:
            gone = self._below_old.get(move[0], _NOTHING)
            came = self._below_new.get(move[1], _NOTHING)
            known = self._subtree_cache[move] = (
                len(gone & came),
                len(gone),
                len(came),
                fsum(self._telling(rest) for rest in gone & came),
            )
        return known

    def _telling(self, rest: str) -> float:
        return 1 / max(1, len(self._new.by_leaf.get(rest.split(".")[-2], ())))

    def of(self, pair: Pair) -> tuple[float, ...]:
        """One number per entry of CONTEXT."""
        own = self._pairs[pair.old]
        rivals = self._of_new[pair.new]
        best = own[0]
        other = own[1] if best is pair and len(own) > 1 else best
        rival = next((each for each in rivals if each is not pair), None)
        old, new = self._old[pair.old], self._new[pair.new]
        move = pair.move
        alike = _less(self._moves.get(move, 0.0), best, best.move == move)
        out = _less(self._moved_from.get(move[0], 0.0), best, best.move[0] == move[0])
        edits = _less(self._edits.get(pair.edit, 0.0), best, best.edit == pair.edit)
        agree = _less(self._to_parent.get(pair.parents, 0.0), best, best.parents == pair.parents)
        all_ = _less(self._from_parent[old.parent], best, True)
        found, gone_there, came_there, telling = self._subtrees(move)
        return (
            float(best is pair),
            float(own.index(pair)),
            pair.odds - (other.odds if other is not pair else _ALONE),
            pair.odds - (rival.odds if rival else _ALONE),
            pair.guess / sum(each.guess for each in own),
            pair.guess / self._guessed_of_new[pair.new],
            min(alike, 8.0),
            alike / (out + 0.5),
            min(edits, 8.0),
            agree / (all_ + 0.5),
            float(old.parent in self._new.parents),
            float(new.parent not in self._old.parents),
            min(float(found - 1), 16.0) if found else 0.0,
            max(found - 1, 0) / max(gone_there - 1, 1),
            max(found - 1, 0) / max(came_there - 1, 1),
            min(telling - self._telling(f"{old.leaf_squashed}."), 8.0) if found else 0.0,
            float(move[0] in self._new.places),
            float(move[1] not in self._old.places),
        )


_NOTHING: frozenset[str] = frozenset()
_ALONE = -7.0
"""Log-odds of a rival that there is not: one in a thousand."""


def _less(sum_: float, own: Pair, counted: bool) -> float:
    """A sum of guesses without that of the option itself, where it was counted in."""
    return max(0.0, round(sum_ - own.guess, 9)) if counted else sum_


def _by_prefix(paths: Iterable[Name]) -> dict[Name, frozenset[str]]:
    """Place -> what stands below it, spelt without case and punctuation."""
    found: dict[Name, set[str]] = defaultdict(set)
    for path in paths:
        rest = ""
        for depth in range(len(path) - 1, -1, -1):
            rest = f"{squashed(path[depth])}.{rest}"
            found[path[:depth]].add(rest)
    return {place: frozenset(rests) for place, rests in found.items()}


def _by_guess(pair: Pair) -> tuple[float, int, int]:
    return (-pair.odds, pair.old, pair.new)


def moved(old: Name, new: Name) -> Move:
    """What is left of both paths without the components that they end with alike."""
    back = 0
    most = min(len(old), len(new))
    while back < most and squashed(old[-1 - back]) == squashed(new[-1 - back]):
        back += 1
    return (old[: len(old) - back], new[: len(new) - back])
