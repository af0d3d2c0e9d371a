"""Makes forms/identity/model.json from the labelled renames in ../shared/data/option-identity.

    python -m venv ML && ML/bin/pip install numpy==2.4.6 scikit-learn==1.9.1 lightgbm==4.7.0
    ML/bin/python -m tests.bench.identity_training              # about 1 minute, 3 GiB
    ML/bin/python -m tests.bench.identity_training --leave-out  # about 5 minutes

At the top of the repository, with Python 3.11; Homeport itself needs none of the three. The same
code, data and versions make the same file, byte for byte: the order of cases is that of the
data, seeds are fixed, and nothing is summed in an order that changes. `made_of` in the file is
the digest of the code and the data that it was made of.

With --leave-out, every source is then answered by a model that was made without it, in both
stages: the figures to expect of cases from elsewhere. They go to identity_left_out.json, which
`bench_identity` shows.

Each case is learnt from twice, the second time with the successors of half its sections taken
away, so that "gone for good" is learnt as well.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import lightgbm
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import forms.identity
from forms.identity.cases import read_option
from forms.identity.comparison import Comparison, Looked
from forms.identity.model import NAMES, Model, Sum, Tree
from tests.bench.bench_identity import DATA, LEFT_OUT, answers, figures, scorer

WIDE = "dev-wide.jsonl.gz"
FILES = {WIDE: 1.0, "dev.jsonl": 0.5}
"""And what a case of each weighs."""
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.06, "num_leaves": 12, "min_child_samples": 30,
    "min_sum_hessian_in_leaf": 1, "feature_fraction": 0.5, "bagging_fraction": 0.8,
    "bagging_freq": 1, "lambda_l2": 5, "verbose": -1, "num_threads": 1, "seed": 1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
ROUNDS = 100
LOST = 3.0
"""What a case whose successors were taken away weighs beside the case that it was: a wrong
suggestion for an option that is gone for good is worse than none for one that was renamed."""
TRUST = 0.01
"""How much the sums trust the sources that they are made from (scikit-learn's C): many features
say nearly the same, and trusted fully, what sets these sources apart is given large weights that
cancel out here and nowhere else."""
PROCESSES = 3
"""Of about 2 GiB each, that answer for sources left out."""
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
    asked: bool
    """Is it one to answer as it is, and not only to learn from?"""

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


def compared(case: dict[str, Any], weight: float, *, asked: bool = False) -> Case:
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
    return Case(case["id"], case["source"], weight, comparison, looked, labels, asked)


Table = tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]
"""Vectors, truths and weights of labelled pairs."""


class Lessons:
    """What can be learnt from the cases, with or without some sources. First guesses are
    remembered: a source left out of judging was also left out of guessing for the others."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.cases = list(cases)
        self.sources = sorted({case.source for case in self.cases})
        self._looked = {case.id: labelled(case, case.looked) for case in self.cases}
        self._guesses: dict[frozenset[str], Model] = {}

    def without(self, sources: Iterable[str]) -> list[Case]:
        return [case for case in self.cases if case.source not in sources]

    def guess(self, without: frozenset[str]) -> Model:
        """The first stage alone."""
        known = self._guesses.get(without)
        if known is None:
            sum_ = fit_sum(*table(self.without(without), self._looked))
            known = self._guesses[without] = Model(sum_, Sum(0.0, ()), ())
        return known

    def learn(self, without: frozenset[str] = frozenset()) -> Model:
        """Both stages. Each source is judged by first guesses that the others taught, as a new
        one will come."""
        judged = {}
        for case in self.without(without):
            guess = self.guess(without | {case.source}).guess
            judged[case.id] = labelled(case, case.comparison.in_context(case.looked, guess))
        return fit_judge(self.guess(without), table(self.without(without), judged))


def labelled(case: Case, pairs: list[Looked]) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Vectors and truths of the pairs of which the truth is known."""
    known = [pair for pair in pairs if case.truth(pair) != UNLABELLED]
    vectors = numpy.array([pair.vector for pair in known])
    return vectors, numpy.array([case.truth(pair) for pair in known])


def table(cases: list[Case], pairs: dict[str, tuple[numpy.ndarray, numpy.ndarray]]) -> Table:
    """No source outweighs all others."""
    count: Counter[str] = Counter()
    for case in cases:
        count[case.source] += len(case.labels)
    used = [case for case in cases if len(pairs[case.id][1])]
    weights = numpy.concatenate(
        [
            numpy.full(len(pairs[case.id][1]), case.weight / count[case.source] ** 0.5)
            for case in used
        ]
    )
    return (
        numpy.vstack([pairs[case.id][0] for case in used]),
        numpy.concatenate([pairs[case.id][1] for case in used]),
        weights * len(weights) / weights.sum(),
    )


def fit_sum(vectors: numpy.ndarray, truths: numpy.ndarray, weights: numpy.ndarray) -> Sum:
    scaler = StandardScaler().fit(vectors)
    fitted = LogisticRegression(C=TRUST, solver="newton-cholesky")
    fitted.fit(scaler.transform(vectors), truths, sample_weight=weights)
    slopes = fitted.coef_[0] / scaler.scale_
    bias = float(fitted.intercept_[0] - (slopes * scaler.mean_).sum())
    return Sum(round(bias, 6), tuple(round(float(slope), 6) for slope in slopes))


def fit_judge(model: Model, lessons: Table) -> Model:
    """The second stage added: the trees learn what the sum gets wrong."""
    vectors, truths, weights = lessons
    sum_ = fit_sum(*lessons)
    start = vectors @ numpy.array(sum_.weights) + sum_.bias
    data = lightgbm.Dataset(vectors, truths, weight=weights, init_score=start)
    fitted = lightgbm.train(PARAMETERS, data, ROUNDS)
    trees = (tree(each["tree_structure"]) for each in fitted.dump_model()["tree_info"])
    return replace(model, together=sum_, trees=tuple(trees))


def tree(node: dict[str, Any]) -> Tree:
    if "leaf_value" in node:
        return round(float(node["leaf_value"]), 6)
    threshold = float(f"{node['threshold']:.9g}")
    return (
        int(node["split_feature"]),
        threshold,
        tree(node["left_child"]),
        tree(node["right_child"]),
    )


def answer(case: Case, model: Model) -> dict[str, Any]:
    """A line of predictions."""
    found: dict[str, list[Any]] = defaultdict(list)
    for pair in case.comparison.in_context(case.looked, model.guess):
        old, new = case.comparison.old[pair.old].path, case.comparison.new[pair.new].path
        found[".".join(old)].append((".".join(new), model.judge(pair.vector)))
    return {"case": case.id, "candidates": found}


def leave_out(lessons: Lessons) -> dict[str, Any]:
    """What a model of all other sources makes of each source."""
    pool = get_context("fork").Pool(PROCESSES, _AT_HAND.append, (lessons,))
    with pool:
        lines = [line for some in pool.imap(_answered_by_others, lessons.sources) for line in some]
    items = list(scorer().load_cases(str(DATA / WIDE)))
    return figures(scorer().evaluate(items, answers(lines), by="source"))


_AT_HAND: list[Lessons] = []
"""In each process of `leave_out`: inherited, since they are too large to be sent."""


def _answered_by_others(source: str) -> list[dict[str, Any]]:
    """Predictions for the cases of a source, by a model of all other sources."""
    lessons = _AT_HAND[0]
    model = lessons.learn(frozenset({source}))
    print("left out:", source, file=sys.stderr, flush=True)
    asked = [case for case in lessons.cases if case.source == source and case.asked]
    return [answer(case, model) for case in asked]


def read_cases() -> list[Case]:
    chance = random.Random(5)
    cases = []
    for name, weight in FILES.items():
        for data in read(DATA / name):
            cases.append(compared(data, weight, asked=name == WIDE))
            if fewer := without_successors(data, chance):
                cases.append(compared(fewer, LOST * weight))
    return cases


def made_of() -> str:
    """Digest of everything that decides what the model is, but for the versions above."""
    code = [*Path(forms.identity.__file__).parent.glob("*.py"), Path(__file__)]
    digest = hashlib.sha256()
    for path in [*sorted(code), *(DATA / name for name in sorted(FILES))]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def main() -> None:
    lessons = Lessons(read_cases())
    model = lessons.learn()
    data = {
        "made_of": made_of(),
        "names": NAMES,
        "alone": [model.alone.bias, model.alone.weights],
        "together": [model.together.bias, model.together.weights],
        "trees": model.trees,
    }
    target = Path(forms.identity.__file__).with_name("model.json")
    target.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="ascii")
    if "--leave-out" in sys.argv:
        result = {"made_of": made_of(), **leave_out(lessons)}
        LEFT_OUT.write_text(json.dumps(result, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
