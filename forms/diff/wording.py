"""Kinds, bounds and values as a person says them."""

from __future__ import annotations

from typing import Any

from forms.diff.meaning import KINDS, Alternative, Meaning
from forms.schema.branches import type_word
from forms.schema.regex import for_people
from forms.values import written

_LONGEST = 40
_BOUND_WORDS = {
    "minLength": "shortest length",
    "maxLength": "greatest length",
    "minimum": "least value",
    "exclusiveMinimum": "bound that values must exceed",
    "maximum": "greatest value",
    "exclusiveMaximum": "bound that values must stay below",
    "multipleOf": "step",
    "minItems": "least number of items",
    "maxItems": "greatest number of items",
    "uniqueItems": "rule that no item occurs twice",
    "minProperties": "least number of entries",
    "maxProperties": "greatest number of entries",
    "pattern": "pattern",
    "format": "format",
    "contentEncoding": "encoding",
    "contentMediaType": "media type",
    "not": "rule of what is not allowed",
    "contains": "rule of what the list must contain",
    "propertyNames": "rule for names of entries",
    "anyOf": "rule of what must be set",
    "oneOf": "rule of which one must be set",
    "contentSchema": "schema of the content",
    "unevaluatedItems": "rule for further items",
    "if": "condition",
    "together": "rule of what must be set together",
    "readOnly": "mark that it is only read",
    "secret": "mark that it is a secret",
    "x-managed": "mark that Homeport decides it",
    "x-refused": "part of the schema that cannot be read",
    "prefixItems": "rule for the first items",
    "patternProperties": "rule for entries by name",
    "exclusive": "rule that only one form may fit",
}


def bound_word(keyword: str) -> str:
    """What a keyword of JSON Schema bounds."""
    return _BOUND_WORDS.get(keyword, keyword)


def brief(value: Any) -> str:
    """A value on a line, cut where it is long."""
    text = for_people(value) if isinstance(value, str) and "\\Z" in value else written(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def kind_word(kind: str, whole: bool = False) -> str:
    return type_word("integer" if whole else kind)


def kinds_text(kinds: dict[str, bool]) -> str:
    """Kinds of values, as `Meaning.kinds` gives them."""
    if len(kinds) == len(KINDS):
        return "anything"
    return " or ".join(kind_word(kind, kinds[kind]) for kind in KINDS if kind in kinds) or "nothing"


def type_text(meaning: Meaning) -> str:
    """The type of an option: `whole number`, `one of "a", "b" or nothing`."""
    if len(meaning.kinds()) == len(KINDS):
        return _implied(meaning)
    return " or ".join(_spoken(one) for one in meaning.alternatives) or "nothing"


def _implied(meaning: Meaning) -> str:
    """Where no type is said, what is said of one kind of value only is meant for that kind."""
    meant = [one for one in meaning.alternatives if not one.free]
    return _spoken(meant[0]) if len(meant) == 1 else "anything"


def _spoken(one: Alternative) -> str:
    if one.values is not None:
        shown = ", ".join(map(brief, one.values[:6]))
        return f"one of {shown}{', ...' if len(one.values) > 6 else ''}"
    return kind_word(one.kind, one.whole)
