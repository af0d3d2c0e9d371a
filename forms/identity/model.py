"""The weighing of likeness, as data: made by `tests/bench/identity_training.py`, read here.

Two stages. A weighted sum gives a first guess for every pair; boosted trees then judge the
best guesses of each option with what its neighbours say. Both give probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any

from forms.identity.likeness import FEATURES
from forms.identity.neighbours import CONTEXT

NAMES = (*FEATURES, "guess", *CONTEXT)


@dataclass(frozen=True)
class Tree:
    """Inner node n asks whether feature[n] <= threshold[n] and goes to left[n], or else to
    right[n]; a negative number -k-1 is the k-th leaf."""

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaf: tuple[float, ...]

    def value(self, vector: Sequence[float]) -> float:
        at = 0 if self.feature else -1
        while at >= 0:
            below = vector[self.feature[at]] <= self.threshold[at]
            at = self.left[at] if below else self.right[at]
        return self.leaf[-at - 1]


@dataclass(frozen=True)
class Model:
    bias: float
    weights: tuple[float, ...]
    """By FEATURES."""
    trees: tuple[Tree, ...]
    """By NAMES."""

    def guess(self, vector: Sequence[float]) -> float:
        """From the pair alone; a probability."""
        return _probability(
            self.bias + sum(w * v for w, v in zip(self.weights, vector, strict=True))
        )

    def judge(self, vector: Sequence[float]) -> float:
        """From the pair in its context; a probability."""
        return _probability(sum(tree.value(vector) for tree in self.trees))


def read_model(data: dict[str, Any]) -> Model:
    """ValueError if the file was made for other features than these."""
    if tuple(data["names"]) != NAMES:
        raise ValueError("the model was made for other features: train it again")
    trees = tuple(Tree(*(tuple(part) for part in tree)) for tree in data["trees"])
    return Model(data["bias"], tuple(data["weights"]), trees)


@cache
def shipped_model() -> Model:
    """The model that Homeport comes with."""
    text = files("forms.identity").joinpath("model.json").read_text(encoding="ascii")
    return read_model(json.loads(text))


def _probability(sum_: float) -> float:
    return 1 / (1 + exp(-max(-60.0, min(60.0, sum_))))
