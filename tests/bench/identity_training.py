"""Makes forms/identity/model.json from the labelled renames in ../shared/data/option-identity.

    python -m tests.bench.identity_training [--leave-out]

Needs numpy, scikit-learn and lightgbm, which Homeport itself does not. With --leave-out every
source is scored by a model that never saw it, and nothing is written: that is the figure to
expect of cases from elsewhere. Each case is learnt from twice, the second time with the
successors of half its sections taken away, so that "gone for good" is learnt as well.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import forms.identity
from forms.identity.cases import read_option
from forms.identity.comparison import Comparison, Looked
from forms.identity.model import NAMES, Model, Tree

DATA = Path(__file__).resolve().parents[3] / "shared/data/option-identity"
FILES = {"dev-wide.jsonl.gz": 1.0, "dev.jsonl": 0.5}
"""And what a case of each weighs."""
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.06, "num_leaves": 12, "min_child_samples": 30,
    "min_sum_hessian_in_leaf": 1, "feature_fraction": 0.5, "bagging_fraction": 0.8,
    "bagging_freq": 1, "lambda_l2": 5, "verbose": -1, "num_threads": 1, "seed": 1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
ROUNDS = 150
UNLABELLED = -1


@dataclass
class Case:
    """A case compared, with the truth of every pair that was looked at."""

    id: str
    source: str
    weight: float
    comparison: Comparison
    looked: list[Looked]
    labels: dict[int, set[tuple[str, ...]]]
    """Position of a labelled old option -> its right answers; empty: it was removed."""

    def truth(self, pair: Looked) -> int:
        right = self.labels.get(pair.old)
        if right is None:
            return UNLABELLED
        return int(self.comparison.new[pair.new].path in right)


def read(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def without_successors(case: dict[str, Any], chance: random.Random) -> dict[str, Any] | None:
    """The case with half of its sections' successors taken out of the new release."""
    sections = sorted({tuple(old[:-1]) for old, _ in case["renames"]})
    lost = {section for section in sections if chance.random() < 0.5}
    before = {tuple(option["path"]) for option in case["old"]}
    taken = {tuple(new) for old, new in case["renames"] if tuple(old[:-1]) in lost} - before
    if not taken:
        return None
    kept = [pair for pair in case["renames"] if tuple(pair[1]) not in taken]
    still = {tuple(old) for old, _ in kept}
    gone = [old for old, _ in case["renames"] if tuple(old) not in still]
    return case | {
        "id": f"{case['id']} without",
        "new": [option for option in case["new"] if tuple(option["path"]) not in taken],
        "renames": kept,
        "removed": [*case["removed"], *gone],
    }


def compared(case: dict[str, Any], weight: float) -> Case:
    old, new = ([read_option(each) for each in case[side]] for side in ("old", "new"))
    comparison = Comparison(old, new)
    right: dict[tuple[str, ...], set[tuple[str, ...]]] = {tuple(p): set() for p in case["removed"]}
    for before, after in case["renames"]:
        right.setdefault(tuple(before), set()).add(tuple(after))
    labels = {
        at: right[comparison.old[at].path]
        for at in comparison.gone
        if comparison.old[at].path in right
    }
    looked = comparison.looked_at()
    return Case(case["id"], case["source"], weight, comparison, looked, labels)


def table(
    cases: Iterable[Case], pairs: dict[str, list[Looked]]
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Vectors, truths and weights of the labelled pairs; no source outweighs all others."""
    cases = list(cases)
    count: Counter[str] = Counter()
    for case in cases:
        count[case.source] += len(case.labels)
    vectors, truths, weights = [], [], []
    for case in cases:
        for pair in pairs[case.id]:
            truth = case.truth(pair)
            if truth != UNLABELLED:
                vectors.append(pair.vector)
                truths.append(truth)
                weights.append(case.weight / count[case.source] ** 0.5)
    found = numpy.array(weights)
    return numpy.array(vectors), numpy.array(truths), found * len(found) / found.sum()


def fit_guess(cases: list[Case], looked: dict[str, list[Looked]]) -> Model:
    vectors, truths, weights = table(cases, looked)
    scaler = StandardScaler().fit(vectors)
    fitted = LogisticRegression(C=0.3, max_iter=500)
    fitted.fit(scaler.transform(vectors), truths, sample_weight=weights)
    slopes = fitted.coef_[0] / scaler.scale_
    bias = float(fitted.intercept_[0] - (slopes * scaler.mean_).sum())
    return Model(bias, tuple(map(float, slopes)), ())


def fit_trees(cases: list[Case], judged: dict[str, list[Looked]]) -> tuple[Tree, ...]:
    vectors, truths, weights = table(cases, judged)
    data = lightgbm.Dataset(vectors, truths, weight=weights, feature_name=list(NAMES))
    fitted = lightgbm.train(PARAMETERS, data, ROUNDS)
    return tuple(flat(tree["tree_structure"]) for tree in fitted.dump_model()["tree_info"])


def flat(root: dict[str, Any]) -> Tree:
    """A tree as lists of numbers (see `forms.identity.model.Tree`)."""
    inner: list[tuple[int, float, int, int]] = []
    leaves: list[float] = []

    def add(node: dict[str, Any]) -> int:
        if "leaf_value" in node:
            leaves.append(round(node["leaf_value"], 6))
            return -len(leaves)
        at = len(inner)
        inner.append((0, 0.0, 0, 0))
        left, right = add(node["left_child"]), add(node["right_child"])
        inner[at] = (node["split_feature"], float(f"{node['threshold']:.9g}"), left, right)
        return at

    add(root)
    feature, threshold, left, right = zip(*inner, strict=True) if inner else ((), (), (), ())
    return Tree(feature, threshold, left, right, tuple(leaves))


def guesses_from_others(
    cases: list[Case], looked: dict[str, list[Looked]]
) -> dict[str, list[Looked]]:
    """Each source in context, by first guesses that others taught; as a new one will come."""
    judged = {}
    for source in sorted({case.source for case in cases}):
        model = fit_guess([case for case in cases if case.source != source], looked)
        for case in cases:
            if case.source == source:
                judged[case.id] = case.comparison.in_context(case.looked, model.guess)
    return judged


def leave_out(cases: list[Case], judged: dict[str, list[Looked]]) -> None:
    """Write each source's predictions by a model of all others, for score.py."""
    rows: dict[str, dict[str, list[Any]]] = {}
    for source in sorted({case.source for case in cases}):
        trees = fit_trees([case for case in cases if case.source != source], judged)
        model = Model(0.0, (), trees)
        for case in cases:
            if case.source != source or case.id.endswith(" without"):
                continue
            found: dict[str, list[Any]] = defaultdict(list)
            for pair in judged[case.id]:
                path = ".".join(case.comparison.new[pair.new].path)
                before = ".".join(case.comparison.old[pair.old].path)
                found[before].append([path, model.judge(pair.vector)])
            rows[case.id] = found
    for case_id, found in rows.items():
        print(json.dumps({"case": case_id, "candidates": found}))


def main() -> None:
    chance = random.Random(5)
    cases = []
    for name, weight in FILES.items():
        for case in read(DATA / name):
            cases.append(compared(case, weight))
            if fewer := without_successors(case, chance):
                cases.append(compared(fewer, weight))
    looked = {case.id: case.looked for case in cases}
    judged = guesses_from_others(cases, looked)
    if "--leave-out" in sys.argv:
        leave_out(cases, judged)
        return
    guess = fit_guess(cases, looked)
    trees = fit_trees(cases, judged)
    model = {
        "names": NAMES,
        "bias": round(guess.bias, 6),
        "weights": [round(weight, 6) for weight in guess.weights],
        "trees": [[t.feature, t.threshold, t.left, t.right, t.leaf] for t in trees],
    }
    target = Path(forms.identity.__file__).with_name("model.json")
    target.write_text(json.dumps(model, separators=(",", ":")) + "\n", encoding="ascii")


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sums follow the order of sets: the same model is made every time only with one seed.
        again = {**os.environ, "PYTHONHASHSEED": "0"}
        sys.exit(subprocess.run(sys.orig_argv, env=again, check=False).returncode)
    main()
