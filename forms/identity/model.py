"""The weighing of likeness, as data: made by `tests/bench/identity_training.py`, read here.

Two stages. A weighted sum gives a first guess for every pair; the best guesses of each option
are then judged with what its neighbours say, by another weighted sum that boosted trees correct.
(The sum carries over to applications that nothing was learnt from; the trees know better where
numbers only count together.)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import mul
from typing import Any, TypeAlias

from forms.identity.likeness import FEATURES
from forms.identity.neighbours import CONTEXT
from forms.identity.odds import bounded, probability

NAMES = (*FEATURES, "guess", *CONTEXT)


Tree: TypeAlias = "float | tuple[int, float, Tree, Tree]"
"""A leaf's value; or a question and where to go on: (feature, threshold, tree where the feature
is not above the threshold, tree where it is)."""


@dataclass(frozen=True)
class Sum:
    bias: float
    weights: tuple[float, ...]

    def value(self, vector: Sequence[float]) -> float:
        total: float = sum(map(mul, self.weights, vector), self.bias)
        return total


@dataclass(frozen=True)
class Model:
    alone: Sum
    """By FEATURES."""
    together: Sum
    """By NAMES, as the trees are."""
    trees: tuple[Tree, ...]

    def guess(self, vector: Sequence[float]) -> float:
        """From the pair alone; log-odds."""
        return bounded(self.alone.value(vector))

    def judge(self, vector: Sequence[float]) -> float:
        """From the pair in its context; a probability."""
        corrections = sum([_value(tree, vector) for tree in self.trees])
        return probability(self.together.value(vector) + corrections)


def _value(tree: Tree, vector: Sequence[float]) -> float:
    while isinstance(tree, tuple):
        feature, threshold, below, above = tree
        tree = below if vector[feature] <= threshold else above
    return tree


def read_model(data: dict[str, Any]) -> Model:
    """ValueError if the file was made for other features than these."""
    if tuple(data["names"]) != NAMES:
        raise ValueError("the model was made for other features: train it again")
    alone, together = (Sum(*data[stage]) for stage in ("alone", "together"))
    return Model(alone, together, tuple(map(_tree, data["trees"])))


def _tree(data: Any) -> Tree:
    if not isinstance(data, list):
        return float(data)
    feature, threshold, below, above = data
    return (feature, threshold, _tree(below), _tree(above))


@cache
def shipped_model() -> Model:
    """The model that Homeport comes with."""
    text = files("forms.identity").joinpath("model.json").read_text(encoding="ascii")
    return read_model(json.loads(text))
