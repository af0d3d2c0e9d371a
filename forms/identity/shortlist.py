"""Which new options an old one could be at all: few enough to look at each closely.

Words lead to the options that have them. A word that a large part of the listing has leads
nowhere by itself, so the work grows with the number of options that changed, not with the
square of the listing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Hashable, Mapping, Sequence
from heapq import nlargest
from typing import TypeVar

from forms.identity.option import Name
from forms.identity.views import View, Weights

Key = TypeVar("Key", bound=Hashable)

_PER_OPTION = 24
_COMMON = 400
"""A word that more options have is not followed."""


class Shortlist:
    """Finds, for an old option, the new ones that share rare words with it.

    existed: paths that the old release had already. An option takes such a place over rarely,
    so their descriptions are not read.
    """

    def __init__(
        self, new: Sequence[View], names: Weights, texts: Weights, existed: Container[Name]
    ) -> None:
        self._names = names
        self._texts = texts
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_leaf: dict[str, list[int]] = defaultdict(list)
        self._by_said: dict[str, list[int]] = defaultdict(list)
        self._by_default: dict[str, list[int]] = defaultdict(list)
        self._by_parent: dict[Name, list[int]] = defaultdict(list)
        for at, view in enumerate(new):
            for word in view.words:
                self._by_word[word].append(at)
            self._by_leaf[view.leaf_squashed].append(at)
            self._by_parent[view.parent].append(at)
            if view.tells_default:
                self._by_default[view.default].append(at)
            if view.path in existed:
                continue
            for word in view.said:
                self._by_said[word].append(at)
        self._totals = [names.sum(view.words) for view in new]

    def of(self, old: View) -> list[int]:
        """Positions of new options, likeliest first."""
        found: dict[int, float] = defaultdict(float)
        names = self._names
        for word in old.words:
            self._follow(self._by_word, word, names[word], found)
        of_old = names.sum(old.words)
        for at in found:
            found[at] = 2 * found[at] / (of_old + self._totals[at])
        self._follow(self._by_leaf, old.leaf_squashed, 0.5, found)
        self._follow(self._by_parent, old.parent, 0.3, found)
        if old.tells_default:
            self._follow(self._by_default, old.default, 0.3, found)
        said = self._texts.sum(old.said) or 1.0
        for word in old.said:
            self._follow(self._by_said, word, self._texts[word] / said, found)
        return nlargest(_PER_OPTION, found, key=lambda at: (found[at], -at))

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
