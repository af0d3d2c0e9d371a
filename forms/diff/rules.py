"""Rules that are compared as a whole, and conditions."""

from __future__ import annotations

from collections.abc import Iterable

from forms.diff import pairing
from forms.diff.difference import Kind
from forms.diff.lockstep import Pair
from forms.diff.meaning import Condition, Rule
from forms.diff.work import Work
from forms.schema.load import Schema


def compare_rules(work: Work, pair: Pair, old: Iterable[Rule], new: Iterable[Rule]) -> None:
    """Compare keywords that speak of a value as a whole."""
    _, gone, come = pairing.paired(old, new, work.likeness.rules_alike)
    both, gone, come = pairing.paired(gone, come, lambda a, b: a.keyword == b.keyword)
    for one, other in both:
        if one.keyword not in ("anyOf", "oneOf"):
            work.constraint(pair, Kind.CHANGED, one.keyword)
            continue
        met, lost, found = pairing.branches(work.likeness, one, other, (work.old, work.new))
        for before, after in met:
            _add_to(work, pair, before, after, "in one of many forms")
        if lost or found:
            text = f"{len(found)} forms came and {len(lost)} went, of {len(other.schemas)}"
            kind = Kind.CHANGED if lost and found else Kind.TIGHTENED if lost else Kind.LOOSENED
            if one.keyword == "oneOf":
                kind = Kind.CHANGED
            work.constraint(pair, kind, one.keyword, text=text)
    for one in gone:
        work.constraint(pair, Kind.LOOSENED, one.keyword)
    for one in come:
        work.constraint(pair, Kind.TIGHTENED, one.keyword)


def compare_conditions(
    work: Work, pair: Pair, old: Iterable[Condition], new: Iterable[Condition]
) -> None:
    """Compare what holds under conditions; their sides are pairs of their own."""
    met, gone, come = pairing.conditions(work.likeness, old, new)
    for one, other in met:
        where = f"where {one.key} is set" if one.key else "under a condition"
        _add_to(work, pair, one.then, other.then, where)
        otherwise = "unless a condition holds"
        _add_to(work, pair, one.otherwise, other.otherwise, otherwise)
    while gone and come:
        gone.pop()
        come.pop()
        work.constraint(pair, Kind.CHANGED, "if")
    for _ in gone:
        work.constraint(pair, Kind.LOOSENED, "if")
    for _ in come:
        work.constraint(pair, Kind.TIGHTENED, "if")


def _add_to(work: Work, pair: Pair, old: Schema, new: Schema, where: str) -> None:
    """Compare schemas that add to those of a pair, where they hold."""
    work.walk.add(
        Pair(
            pair.old_path,
            pair.new_path,
            old,
            new,
            pair.hits,
            pair,
            where,
            pair.old_keys,
            pair.new_keys,
            added=True,
        )
    )
