"""What a schema means at one place, whatever its notation.

JSON Schema's keywords speak of one kind of value each, so a meaning is a union of
alternatives: "a text of at least 2 characters, or one of 1 and 2, or nothing". Two schemas
that differ only in how they say it have equal meanings: enum of one against const, anyOf with
null against a list of types, exclusive bounds of whole numbers against inclusive ones.

Meanings go one level deep; what lies below is left as schemas, as in `forms.schema.merge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forms.diff.cases import Piece
from forms.schema.load import Schema
from forms.walk import is_secret

KINDS = ("string", "number", "boolean", "array", "object", "null")
"""Kinds of values; a whole number is a number with `Alternative.whole`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A keyword that is compared as a whole, with its schemas."""

    keyword: str
    schemas: tuple[Schema, ...]
    facts: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds where `when` does; `otherwise` holds where it does not. `key` instead of
    `when` where the condition is that a key is set."""

    when: Schema
    then: Schema
    otherwise: Schema = True
    key: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One kind of value, with all that is asked of it."""

    kind: str
    whole: bool = False
    values: tuple[Any, ...] | None = None
    """The only values there may be; None where they are not listed."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of values, by `key_of`."""
    bounds: Mapping[str, Any] = field(default_factory=dict)
    texts: frozenset[tuple[str, str]] = frozenset()
    """Pattern, format and the like: keyword and what it says."""
    properties: Mapping[str, Schema] = field(default_factory=dict)
    patterns: Mapping[str, Schema] = field(default_factory=dict)
    additional: Schema = True
    """What keys may hold that no property and no pattern speaks of."""
    required: frozenset[str] = frozenset()
    together: frozenset[tuple[str, str]] = frozenset()
    """Pairs of keys: where the first is set, the second must be too."""
    prefix: tuple[Schema, ...] = ()
    items: Schema = True
    rules: tuple[Rule, ...] = ()
    conditions: tuple[Condition, ...] = ()
    title: str = ""
    deprecated: bool = False
    """Is this form deprecated, but not the option?"""

    @property
    def free(self) -> bool:
        """Is any value of the kind allowed?"""
        return not (
            self.whole
            or self.values is not None
            or self.bounds
            or self.texts
            or self.properties
            or self.patterns
            or self.additional is not True
            or self.required
            or self.together
            or self.prefix
            or self.items is not True
            or self.rules
            or self.conditions
            or self.deprecated
        )


@dataclass(frozen=True, slots=True)
class Form:
    """An alternative with what it was read from."""

    alternative: Alternative
    pieces: tuple[Piece, ...]
    taken: frozenset[tuple[int, int]]
    """Branches of oneOfs, as `forms.diff.cases.Case` has them."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a schema says at its own place."""

    alternatives: tuple[Alternative, ...]
    """Empty where no value is allowed."""
    words: Mapping[str, Any]
    """Annotations: default, title, description, deprecated, x-..."""
    rules: tuple[Rule, ...] = ()
    conditions: tuple[Condition, ...] = ()
    forms: tuple[Form, ...] = ()
    """All its forms one by one, where a oneOf is among the choices."""
    one_ofs: tuple[tuple[Schema, ...], ...] = ()
    """The branches of these oneOfs."""
    plain: bool = False
    """Was it read by the short way? Then two with the same alternatives have one tuple of them,
    and nothing lies in it."""
    key: frozenset[int] = frozenset()
    """Identities of the schema objects that it was read from: that of the same option met
    again further down is the same, which is how recursion is seen."""

    def overlays(self) -> Iterator[Schema]:
        """Schemas that may hold at this place as well: sides of conditions, and the branches
        of choices with too many cases."""
        for condition in self.conditions:
            yield from (condition.then, condition.otherwise)
        for rule in self.rules:
            if rule.keyword in ("anyOf", "oneOf"):
                yield from rule.schemas
        for one in self.alternatives:
            for condition in one.conditions:
                yield from (condition.then, condition.otherwise)

    @property
    def secret(self) -> bool:
        return is_secret(self.words)

    def kinds(self) -> dict[str, bool]:
        """The kinds of values with whether all numbers among them are whole."""
        found: dict[str, bool] = {}
        for one in self.alternatives:
            found[one.kind] = found.get(one.kind, True) and one.whole
        return found
