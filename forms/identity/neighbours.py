"""What the rest of the listing says about a pair: rivals, siblings, and edits made alike.

Options move in groups. Where twelve options went from `a.*` to `b.*`, the thirteenth most
likely did; where an old option has an exact twin among the new, it is not also the origin of
something half like it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from forms.identity.option import Name
from forms.identity.views import View
from forms.identity.words import squashed

CONTEXT = (
    "first", "rank", "lead", "rival_lead", "share_of_old", "share_of_new",
    "moved_alike", "moved_alike_share", "edited_alike", "siblings_agree", "siblings",
    "old_parent_lives", "new_parent_is_new", "twins_of_leaf", "gone_of_leaf",
    "subtree_found", "subtree_share", "new_subtree_share",
)  # fmt: skip

Edit = tuple[frozenset[str], frozenset[str]]
Move = tuple[Name, Name]


@dataclass(frozen=True)
class Pair:
    """Positions of an old and a new option, and a first guess that they are the same."""

    old: int
    new: int
    guess: float


class Neighbours:
    """Everything is counted over the guesses once; a pair's own part is taken out again."""

    def __init__(
        self, old: Sequence[View], new: Sequence[View], pairs: Mapping[int, Sequence[Pair]]
    ) -> None:
        """pairs: by the position of each old option that is gone, with at least one guess."""
        self._old, self._new = old, new
        self._old_parents = {view.parent for view in old}
        self._new_parents = {view.parent for view in new}
        old_paths = {view.path for view in old}
        self._pairs = {at: sorted(some, key=_by_guess) for at, some in pairs.items()}
        self._of_new: dict[int, list[Pair]] = defaultdict(list)
        self._moves: dict[Move, float] = defaultdict(float)
        self._moved_from: dict[Name, float] = defaultdict(float)
        self._edits: dict[Edit, float] = defaultdict(float)
        self._to_parent: dict[Name, dict[Name, float]] = defaultdict(lambda: defaultdict(float))
        self._gone_leaves = Counter(old[at].leaf_squashed for at in pairs)
        self._gone_parents = Counter(old[at].parent for at in pairs)
        self._below_old = _by_prefix(old[at] for at in pairs)
        self._below_new = _by_prefix(view for view in new if view.path not in old_paths)
        self._subtree_cache: dict[Move, tuple[int, int, int]] = {}
        self._new_leaves = Counter(view.leaf_squashed for view in new)
        for some in self._pairs.values():
            for pair in some:
                self._of_new[pair.new].append(pair)
            self._count(some[0], 1)
        for some in self._of_new.values():
            some.sort(key=_by_guess)

    def _count(self, pair: Pair, sign: int) -> None:
        weight = sign * pair.guess
        old, new = self._old[pair.old], self._new[pair.new]
        move = moved(old.path, new.path)
        self._moves[move] += weight
        self._moved_from[move[0]] += weight
        self._edits[edited(old, new)] += weight
        self._to_parent[old.parent][new.parent] += weight

    def _subtrees(self, move: Move) -> tuple[int, int, int]:
        """Of what went from below the one place and came below the other: how many are the
        same there, how many went, how many came."""
        known = self._subtree_cache.get(move)
        if known is None:
            gone = self._below_old.get(move[0], _NOTHING)
            came = self._below_new.get(move[1], _NOTHING)
            known = self._subtree_cache[move] = (len(gone & came), len(gone), len(came))
        return known

    def of(self, pair: Pair) -> tuple[float, ...]:
        """One number per entry of CONTEXT."""
        own = self._pairs[pair.old]
        rivals = self._of_new[pair.new]
        best = own[0]
        other = own[1] if best is pair and len(own) > 1 else best
        rival = next((each for each in rivals if each is not pair), None)
        old, new = self._old[pair.old], self._new[pair.new]
        self._count(best, -1)
        move = moved(old.path, new.path)
        alike, out = self._moves[move], self._moved_from[move[0]]
        edits = self._edits[edited(old, new)]
        to = self._to_parent[old.parent]
        agree, all_ = to[new.parent], sum(to.values())
        self._count(best, 1)
        siblings = self._gone_parents[old.parent] - 1
        found, gone_there, came_there = self._subtrees(move)
        return (
            float(best is pair),
            float(own.index(pair)),
            pair.guess - (other.guess if other is not pair else 0.0),
            pair.guess - (rival.guess if rival else 0.0),
            pair.guess / sum(each.guess for each in own),
            pair.guess / sum(each.guess for each in rivals),
            min(alike, 8.0),
            alike / (out + 0.5),
            min(edits, 8.0),
            agree / (all_ + 0.5),
            min(float(siblings), 8.0),
            float(old.parent in self._new_parents),
            float(new.parent not in self._old_parents),
            min(float(self._new_leaves[old.leaf_squashed]), 8.0),
            min(float(self._gone_leaves[old.leaf_squashed]), 8.0),
            min(float(found - 1), 16.0) if found else 0.0,
            max(found - 1, 0) / max(gone_there - 1, 1),
            max(found - 1, 0) / max(came_there - 1, 1),
        )


_NOTHING: frozenset[str] = frozenset()


def _by_prefix(views: Iterable[View]) -> dict[Name, frozenset[str]]:
    """Place -> what stands below it, spelt without case and punctuation."""
    found: dict[Name, set[str]] = defaultdict(set)
    for view in views:
        rest = ""
        for depth in range(len(view.path) - 1, -1, -1):
            rest = f"{squashed(view.path[depth])}.{rest}"
            found[view.path[:depth]].add(rest)
    return {place: frozenset(rests) for place, rests in found.items()}


def _by_guess(pair: Pair) -> tuple[float, int, int]:
    return (-pair.guess, pair.old, pair.new)


def moved(old: Name, new: Name) -> Move:
    """What is left of both paths without the components that they end with alike."""
    back = 0
    most = min(len(old), len(new))
    while back < most and squashed(old[-1 - back]) == squashed(new[-1 - back]):
        back += 1
    return (old[: len(old) - back], new[: len(new) - back])


def edited(old: View, new: View) -> Edit:
    """The words that went, and the words that came."""
    return (old.words - new.words, new.words - old.words)
