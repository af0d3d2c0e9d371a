"""Which new options an old one could be at all: few enough to look at each closely.

Words lead to the options that have them. A word that a large part of the listing has leads
nowhere by itself (it only counts where others led), so the work grows with the number of options
that changed, not with the square of the listing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from heapq import nlargest
from operator import neg
from typing import TypeVar

from forms.identity.listing import Listing
from forms.identity.option import Name
from forms.identity.views import View
from forms.identity.weights import Vocabulary
from forms.identity.words import path_words

Key = TypeVar("Key", bound=Hashable)

_PER_OPTION = 24
_BEHIND = 0.7
"""An option for which so much less speaks than for the likeliest is not looked at."""
_COMMON = 400
"""A word that more options have is not followed."""


class Shortlist:
    """Finds, for an old option that is gone, the new ones that share rare words with it.

    existed: paths that the old release had already. An option takes such a place over rarely,
    so of these only the names are read.
    """

    def __init__(
        self, gone: Sequence[View], new: Listing, words: Vocabulary, existed: frozenset[Name]
    ) -> None:
        self._names, self._texts = words.names, words.texts
        self._new = new
        self._by_leaf = new.by_leaf
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_said: dict[str, list[int]] = defaultdict(list)
        self._by_default: dict[str, list[int]] = defaultdict(list)
        self._by_parent: dict[Name, list[int]] = defaultdict(list)
        self._by_place: dict[tuple[Name, frozenset[str]], list[int]] = defaultdict(list)
        self._totals: list[float] = []
        asked = frozenset().union(*(view.words for view in gone))
        parents = {view.parent for view in gone}
        for at, path in enumerate(new.paths):
            found = path_words(path)
            self._totals.append(self._names.sum_once(found))
            for word in found & asked:
                self._by_word[word].append(at)
            if path[:-1] in parents:
                self._by_parent[path[:-1]].append(at)
        for at in new.without(existed):
            view = new[at]
            self._by_place[view.parent, view.leaf_meaning].append(at)
            if view.tells_default:
                self._by_default[view.default].append(at)
            for word in view.said:
                self._by_said[word].append(at)

    def of(self, old: View) -> list[int]:
        """Positions of new options, likeliest first."""
        found: dict[int, float] = defaultdict(float)
        names = self._names
        for word in sorted(old.words):
            self._follow(self._by_word, word, names[word], found)
        of_old = names.sum(old.words)
        for at in found:
            found[at] = 2 * found[at] / (of_old + self._totals[at])
        namesakes = len(self._by_leaf.get(old.leaf_squashed, ()))
        self._follow(
            self._by_leaf, old.leaf_squashed, 0.5 * min(1, _PER_OPTION / (namesakes or 1)), found
        )
        self._follow(self._by_place, (old.parent, old.leaf_meaning), 0.5, found)
        self._follow(self._by_parent, old.parent, 0.3, found)
        if old.tells_default:
            self._follow(self._by_default, old.default, 0.3, found)
        said = self._texts.sum(old.said) or 1.0
        for word in sorted(old.said):
            self._follow(self._by_said, word, self._texts[word] / said, found)
        common = frozenset(word for word in old.words if len(self._by_word.get(word, ())) > _COMMON)
        if common:  # which of the likely ones have them as well?
            for _, at in _likeliest(found, 2 * _PER_OPTION):
                shared = names.sum(common & path_words(self._new.paths[at]))
                found[at] += 2 * shared / (of_old + self._totals[at])
        least = max(found.values(), default=0.0) - _BEHIND
        return [at for speaks, at in _likeliest(found, _PER_OPTION) if speaks >= least]

    def _follow(
        self,
        index: Mapping[Key, Sequence[int]],
        key: Key,
        weight: float,
        found: dict[int, float],
    ) -> None:
        places = index.get(key, ())
        if len(places) <= _COMMON:
            for at in places:
                found[at] += weight


def _likeliest(found: Mapping[int, float], most: int) -> list[tuple[float, int]]:
    """What speaks most, with its position; the earlier position of those that are as likely."""
    ranked = nlargest(most, zip(found.values(), map(neg, found), strict=True))
    return [(speaks, -at) for speaks, at in ranked]
