"""Whether several branches of a oneOf may fit the same value, which is not allowed then.

Where no value fits two of them, oneOf says no more than anyOf. In doubt they may: what is
called apart here is apart for every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations

from forms.diff.alternatives import united
from forms.diff.meaning import Alternative, Form, Meaning, Rule
from forms.diff.reader import Reader
from forms.schema.load import Schema
from forms.values import key_of

EXCLUSIVE = "exclusive"
"""Stands for a keyword: a value must not fit several of these schemas."""
_ENDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_STRICT_ENDS = (
    ("exclusiveMinimum", "maximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
)


class Overlaps:
    """What oneOf says beyond anyOf, for the parts of any schema documents."""

    def __init__(self) -> None:
        self._rules: dict[tuple[int, frozenset[int]], tuple[Rule, ...]] = {}

    def rules(self, reader: Reader, meaning: Meaning) -> tuple[Rule, ...]:
        """For each oneOf of which a value could fit several branches: that it must not."""
        key = id(reader), meaning.key
        if key not in self._rules:
            taken = {each for form in meaning.forms for each in form.taken}
            self._rules[key] = tuple(
                Rule(EXCLUSIVE, _taken(meaning.one_ofs[number], number, taken))
                for number in sorted(_overlapping(reader, meaning.forms))
            )
        return self._rules[key]

    def hidden(self, reader: Reader, meaning: Meaning) -> tuple[Alternative, ...]:
        """Forms that count though another allows every value of their kind: that one may be
        excluded where they are not."""
        if not self.rules(reader, meaning):
            return ()
        found: list[Alternative] = []
        for kind in {one.kind for one in meaning.alternatives if one.free}:
            forms = [form.alternative for form in meaning.forms if form.alternative.kind == kind]
            found += united([one for one in forms if not one.free])
            found += [one for one in forms if one.free][1:]
        return tuple(found)


def _taken(
    branches: tuple[Schema, ...], number: int, taken: set[tuple[int, int]]
) -> tuple[Schema, ...]:
    """The branches that some value may fit."""
    return tuple(branch for i, branch in enumerate(branches) if (number, i) in taken)


def _overlapping(reader: Reader, forms: Iterable[Form]) -> set[int]:
    """Numbers of the oneOfs of which a value may fit several branches."""
    by_kind: dict[str, list[Form]] = {}
    for form in forms:
        by_kind.setdefault(form.alternative.kind, []).append(form)
    found: set[int] = set()
    for same_kind in by_kind.values():
        for one, other in combinations(same_kind, 2):
            numbers = _told_by(one, other) - found
            if numbers and not _apart(reader, one, other):
                found |= numbers
    return found


def _told_by(one: Form, other: Form) -> set[int]:
    """The oneOfs of which both took a branch, but not the same."""
    branches = dict(other.taken)
    return {number for number, i in one.taken if branches.get(number, i) != i}


def _apart(reader: Reader, one: Form, other: Form) -> bool:
    a, b = one.alternative, other.alternative
    if a.values is not None and b.values is not None:
        return {*map(key_of, a.values)}.isdisjoint(map(key_of, b.values))
    if a.values is not None:
        return not any(reader.fits(other.pieces, value) for value in a.values)
    if b.values is not None:
        return not any(reader.fits(one.pieces, value) for value in b.values)
    return (
        _bounds_apart(a, b)
        or _bounds_apart(b, a)
        or any(_key_apart(reader, a, b, key) for key in a.required | b.required)
    )


def _bounds_apart(one: Alternative, other: Alternative) -> bool:
    """Does one begin where the other has ended?"""
    low, high = one.bounds, other.bounds
    return any(
        least in low and most in high and low[least] > high[most] for least, most in _ENDS
    ) or any(
        least in low and most in high and low[least] >= high[most] for least, most in _STRICT_ENDS
    )


def _key_apart(reader: Reader, one: Alternative, other: Alternative, key: str) -> bool:
    """Can a key that is there not suit both?"""
    said = [of.properties[key] for of in (one, other) if key in of.properties]
    if any(_forbids(of, key) for of in (one, other)):
        return True
    if len(said) < 2:
        return False
    a, b = (reader.meaning(schema) for schema in said)
    if a.kinds().keys().isdisjoint(b.kinds()):
        return True
    before, after = reader.listed(a), reader.listed(b)
    return bool(
        before is not None
        and after is not None
        and {*map(key_of, before)}.isdisjoint(map(key_of, after))
    )


def _forbids(of: Alternative, key: str) -> bool:
    if key in of.properties:
        return of.properties[key] is False
    return of.additional is False and not any(re.search(it, key) for it in of.patterns)
