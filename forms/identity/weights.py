"""How much words say, in the listings that are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum, log


class Weights:
    """The rarer a word is among the options compared, the more it says."""

    def __init__(self, counts: Mapping[str, int], total: int) -> None:
        """counts: how many of the `total` options have each word."""
        self.most = log(1 + total) + 0.5
        self._weight = _Default(self.most)
        for word, count in counts.items():
            self._weight[word] = log(1 + total / count) + 0.1
        self._sums: dict[frozenset[str], float] = {}

    def __getitem__(self, word: str) -> float:
        return self._weight[word]

    def rarest(self, words: Iterable[str]) -> float:
        """Of the rarest of the words; as a share of the most that a word can weigh."""
        return max(map(self._weight.__getitem__, words), default=0.0) / self.most

    def sum(self, words: frozenset[str]) -> float:
        """The same in any order of words."""
        known = self._sums.get(words)
        if known is None:
            known = self._sums[words] = self.sum_once(words)
        return known

    def sum_once(self, words: Iterable[str]) -> float:
        """`sum`, of words that are not asked for again."""
        return fsum(map(self._weight.__getitem__, words))


class _Default(dict[str, float]):
    """With a value for what it has not, and which it does not take in."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __missing__(self, _word: str) -> float:
        return self._value


@dataclass(frozen=True)
class Vocabulary:
    names: Weights
    """Of words in the paths of both listings."""
    texts: Weights
    """Of words in the descriptions of what went and what came."""
    old_names: frozenset[str]
    """All words in paths of the old listing."""
    new_names: frozenset[str]
