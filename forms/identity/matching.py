"""Which option of an old release is which of a new one: candidates with scores and reasons.

Nothing here decides. What is known (a marker of upstream's, a decision made before) is certain
and comes first; everything else is for a person to confirm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forms.identity.comparison import Comparison, Looked
from forms.identity.model import Model, shipped_model
from forms.identity.option import Name, Option
from forms.identity.reasons import reasons

_SHOWN = 5
"""Candidates of one option: more is no help to who has to choose."""
KNOWN = "declared, or confirmed before"


@dataclass(frozen=True)
class Candidate:
    """A new option that an old one may have become. score: the probability that it did."""

    old: Name
    new: Name
    score: float
    reasons: tuple[str, ...]


def match(
    old: Sequence[Option],
    new: Sequence[Option],
    *,
    known: Mapping[Name, Name] | None = None,
    model: Model | None = None,
) -> dict[Name, tuple[Candidate, ...]]:
    """For every option that the new listing does not have: its candidates, best first.

    known: old path -> new path of identities that are certain; they are never questioned, and
    a new option that is taken by one is no candidate for another.
    """
    known = known or {}
    weighing = model or shipped_model()
    taken = set(known.values())
    comparison = Comparison(
        [option for option in old if option.path not in known],
        [option for option in new if option.path not in taken],
    )
    judged = comparison.in_context(comparison.looked_at(), weighing.guess)
    scored: dict[int, list[tuple[float, Looked]]] = {at: [] for at in comparison.gone}
    for pair in judged:
        scored[pair.old].append((weighing.judge(pair.vector), pair))
    found: dict[Name, tuple[Candidate, ...]] = {
        path: (Candidate(path, to, 1.0, (KNOWN,)),) for path, to in known.items()
    }
    for at, pairs in scored.items():
        pairs.sort(key=lambda each: (-each[0], comparison.new[each[1].new].path))
        path = comparison.old[at].path
        found[path] = tuple(
            Candidate(path, comparison.new[pair.new].path, score, reasons(pair.vector))
            for score, pair in pairs[:_SHOWN]
        )
    return found
