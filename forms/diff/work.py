"""A comparison in progress: what is at hand, and how a difference is noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forms.diff import judge
from forms.diff.alike import Likeness
from forms.diff.difference import Kind
from forms.diff.findings import Findings
from forms.diff.lockstep import Pair, Walk
from forms.diff.overlap import Overlaps
from forms.diff.reader import Reader
from forms.diff.wording import bound_word, brief
from forms.schema.load import Schema
from forms.values import ABSENT


@dataclass(slots=True)
class Work:
    """One comparison of two schemas, as far as it got."""

    old: Reader
    new: Reader
    likeness: Likeness
    validity: Likeness
    """The same without annotations: for what decides only whether a value is valid."""
    overlaps: Overlaps
    walk: Walk
    findings: Findings
    given: bool
    """Are there values of the user?"""

    def note(
        self, pair: Pair, kind: Kind, verdict: judge.Verdict, text: str, **details: Any
    ) -> None:
        """Note a difference of a pair."""
        details = {"old_path": pair.old_path, "new_path": pair.new_path, **details}
        self.findings.add(kind, verdict, text, pair=pair, **details)

    def fits(self, schema: Schema) -> Callable[[Any], bool]:
        """Tells whether values are valid by a part of the new schema."""
        return lambda value: self.new.validator.is_valid(schema, value)

    def constraint(
        self,
        pair: Pair,
        kind: Kind,
        keyword: str,
        *,
        old: Any = ABSENT,
        new: Any = ABSENT,
        text: str = "",
        probe: Schema | None = None,
    ) -> None:
        """A bound or rule that differs. probe: the schema that tells whether a value fits."""
        fits = self.fits(pair.new if probe is None else probe)
        verdict = judge.of_constraint(kind, self.given, pair.hits, fits)
        if not text:
            text = f"{bound_word(keyword)} {_turn(kind, old, new)}"
        self.note(pair, kind, verdict, text, keyword=keyword, old=old, new=new, hits=pair.hits)


def shown(value: Any) -> str:
    """A default or bound on a line, none if there is none."""
    return "none" if value is ABSENT else brief(value)


def _turn(kind: Kind, old: Any, new: Any) -> str:
    if old is ABSENT and new is ABSENT:
        return {Kind.TIGHTENED: "is new", Kind.LOOSENED: "is gone"}.get(kind, "changed")
    return f"was {shown(old)}, is {shown(new)}"
