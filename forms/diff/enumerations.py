"""Lists of the only values that an option may have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from forms.diff import constraints, judge
from forms.diff.difference import Kind
from forms.diff.judge import Set
from forms.diff.lockstep import Pair
from forms.diff.meaning import Alternative
from forms.diff.wording import brief
from forms.diff.work import Work
from forms.values import ABSENT, same


def compare_values(work: Work, pair: Pair, old: Alternative, new: Alternative) -> None:
    """Compare the values that one form lists, where either does."""
    if old.values is None and new.values is None:
        return
    if old.values is None or new.values is None:
        listed_values = old.values or new.values or ()
        other = work.new if new.values is None else work.old
        schema = pair.new if new.values is None else pair.old
        kind = Kind.CHANGED
        if old.kind == "boolean" or all(
            other.validator.is_valid(schema, value) for value in listed_values
        ):
            kind = Kind.LOOSENED if new.values is None else Kind.TIGHTENED
        shown = ", ".join(map(brief, listed_values[:6]))
        text = (
            f"any value is allowed, no longer {shown} only"
            if new.values is None
            else f"only {shown} is allowed"
            if len(listed_values) == 1
            else f"only some values are allowed: {shown}{', ...' * (len(listed_values) > 6)}"
        )
        work.constraint(pair, kind, "enum", old=_list(old.values), new=_list(new.values), text=text)
        return
    marked = work.new.meaning(pair.new).words.get("x-renamed-values")
    changed = constraints.values(old, new, marked if isinstance(marked, dict) else {})
    for was, now, declared in changed.renamed:
        verdict = judge.of_value(Kind.VALUE_RENAMED, work.given, pair.hits, was, declared)
        verb = "is" if declared else "is probably"
        text = f"the value {brief(was)} {verb} now called {brief(now)}"
        work.note(pair, Kind.VALUE_RENAMED, verdict, text, old=was, new=now, hits=_using(pair, was))
    for was in changed.dropped:
        verdict = judge.of_value(Kind.VALUE_DROPPED, work.given, pair.hits, was)
        text = f"the value {brief(was)} is no longer allowed"
        work.note(pair, Kind.VALUE_DROPPED, verdict, text, old=was, hits=_using(pair, was))
    for now in changed.added:
        verdict = judge.of_value(Kind.VALUE_ADDED, work.given, pair.hits, now)
        text = f"the value {brief(now)} is allowed too"
        work.note(pair, Kind.VALUE_ADDED, verdict, text, new=now)


def all_listed(kind: str, some: Iterable[Alternative]) -> Alternative:
    """The listed values of one kind; none where there is nothing of the kind."""
    values = [value for one in some for value in ((None,) if kind == "null" else one.values or ())]
    return Alternative(kind, values=tuple(values))


def _list(values: Any) -> Any:
    return ABSENT if values is None else list(values)


def _using(pair: Pair, value: Any) -> Set:
    return tuple(hit for hit in pair.hits if same(hit[1], value))
