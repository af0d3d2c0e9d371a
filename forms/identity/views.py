"""Options prepared for comparing: what is asked of each of them many times, worked out once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from forms.identity.option import Name, Option
from forms.identity.words import (
    description_words,
    letter_pairs,
    meaning,
    name_words,
    path_words,
    squashed,
)
from forms.values import ABSENT

_ANYTHING = frozenset({"anything", "raw", "unspecified", "unspecified value", "value", "Object"})
"""Names of types that say nothing."""
_TRIVIAL = frozenset({"", "null", "true", "false", '""', "[]", "{}", "0", "1"})
_canonical = json.JSONEncoder(sort_keys=True, default=str).encode


class View:
    """One option, seen as words."""

    __slots__ = (
        "choices",
        "default",
        "kinds",
        "leaf",
        "leaf_letters",
        "leaf_meaning",
        "leaf_set",
        "leaf_squashed",
        "leaf_words",
        "letters",
        "meaning",
        "option",
        "parent",
        "parent_words",
        "path",
        "said",
        "squashed",
        "tells_default",
        "words",
    )

    def __init__(self, option: Option) -> None:
        path = option.path
        self.option = option
        self.path: Name = path
        self.parent: Name = path[:-1]
        self.leaf = path[-1] if path else ""
        self.squashed = "".join(map(squashed, path))
        self.leaf_squashed = squashed(self.leaf)
        self.leaf_words = name_words(self.leaf)
        self.leaf_set = frozenset(self.leaf_words)
        self.parent_words = path_words(self.parent)
        self.words = self.parent_words | self.leaf_set
        self.leaf_meaning = meaning(self.leaf_set)
        self.meaning = meaning(self.words)
        self.leaf_letters = letter_pairs(self.leaf_squashed)
        self.letters = letter_pairs(self.squashed)
        self.said = description_words(option.description)
        """Words of the description."""
        self.default = "" if option.default is ABSENT else _canonical(option.default)
        """Canonical text of the default; empty where there is none."""
        self.tells_default = self.default not in _TRIVIAL
        """Has it a default that many others do not have as well?"""
        self.kinds = frozenset(_kinds(option.type))
        self.choices = frozenset(_choices(option.type))


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    found = schema.get("type")
    if isinstance(found, str):
        yield found
        if found == "array" and isinstance(schema.get("items"), Mapping):
            yield from (f"array of {kind}" for kind in _kinds(schema["items"]))
    elif isinstance(found, list):
        yield from map(str, found)
    for other in ("nix", "java"):
        if other in schema and schema[other] not in _ANYTHING:
            yield str(schema[other])
    if "enum" in schema:
        yield "string"
        yield "enum"
    if "format" in schema:
        yield f"format {schema['format']}"
    for branch in _branches(schema):
        yield from _kinds(branch)


def _choices(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(choice).lower() for choice in schema.get("enum", ()))
    for branch in _branches(schema):
        yield from _choices(branch)


def _branches(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for word in ("anyOf", "oneOf"):
        if word in schema:
            yield from (each for each in schema[word] if isinstance(each, Mapping))
