"""What a user's own document tells and the comparison of the schemas did not.

Comparing schemas has limits: rules that speak of each other, conditions in conditions. The
document has none, so it is checked by both schemas at the end. Whatever was right and is no
longer, and is touched by nothing that asks for something, is said as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from forms.diff.children import ANY
from forms.diff.difference import Difference, Kind, Severity
from forms.diff.reader import Reader
from forms.messages import problems_of
from forms.model.row import Problem
from forms.paths import Path


def unsaid(
    old: Reader, new: Reader, values: Any, differences: Iterable[Difference]
) -> Iterator[Difference]:
    """A difference for each problem that the document has by the new schema only."""
    problems = _problems(new, values)
    if not problems:
        return
    known = {problem.path for problem in _problems(old, values)}
    asking = [one for one in differences if one.severity in (Severity.DECIDE, Severity.CARRY)]
    said: set[Path] = set()
    for problem in problems:
        path = problem.path
        if path in known or path in said or any(_touches(one, path) for one in asking):
            continue
        said.add(path)
        yield Difference(
            Kind.CHANGED,
            Severity.DECIDE,
            f"is not right any more: {problem.message}",
            "Change your value: it does not fit any more.",
            path,
            path,
            yours=(path,),
        )


def _problems(reader: Reader, values: Any) -> list[Problem]:
    try:
        errors = list(reader.validator.errors(reader.document.root, values))
    except RecursionError:
        return []
    return [problem for error in errors for problem in problems_of(error)]


def _touches(one: Difference, path: Path) -> bool:
    """Is a difference about the place of a problem, something in it or what it lies in? In
    the whole document lies everything, which says nothing of its own problems."""
    places = (*one.yours, *(each for each in (one.old_path, one.new_path) if each is not None))
    return any(
        (bool(path) or not place) and all(a in (b, ANY) for a, b in zip(place, path, strict=False))
        for place in places
    )
