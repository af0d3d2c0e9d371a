"""Options prepared for comparing: what is asked of each of them many times, worked out once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from math import fsum, log
from typing import Any

from forms.identity.option import Name, Option
from forms.identity.words import description_words, letter_pairs, meaning, name_words, squashed
from forms.values import ABSENT

_TRIVIAL = frozenset({"null", "true", "false", '""', "[]", "{}", "0", "1"})


class View:
    """One option, seen as words."""

    __slots__ = (
        "__dict__",
        "leaf",
        "leaf_squashed",
        "leaf_words",
        "option",
        "parent",
        "path",
        "words",
    )

    def __init__(self, option: Option) -> None:
        self.option = option
        self.path: Name = option.path
        self.parent: Name = option.path[:-1]
        self.leaf = option.path[-1] if option.path else ""
        self.leaf_squashed = squashed(self.leaf)
        self.leaf_words = name_words(self.leaf)
        self.words = frozenset(word for part in option.path for word in name_words(part))

    @cached_property
    def squashed(self) -> str:
        return "".join(map(squashed, self.path))

    @cached_property
    def leaf_meaning(self) -> frozenset[str]:
        return meaning(self.leaf_words)

    @cached_property
    def meaning(self) -> frozenset[str]:
        return meaning(self.words)

    @cached_property
    def parent_words(self) -> frozenset[str]:
        return frozenset(word for part in self.parent for word in name_words(part))

    @cached_property
    def leaf_letters(self) -> frozenset[str]:
        return letter_pairs(self.leaf_squashed)

    @cached_property
    def letters(self) -> frozenset[str]:
        return letter_pairs(self.squashed)

    @cached_property
    def said(self) -> frozenset[str]:
        """Words of the description."""
        return description_words(self.option.description)

    @cached_property
    def default(self) -> str:
        """Canonical text of the default; empty where there is none."""
        if self.option.default is ABSENT:
            return ""
        return json.dumps(self.option.default, sort_keys=True, default=str)

    @property
    def tells_default(self) -> bool:
        """Has it a default that many others do not have as well?"""
        return bool(self.default) and self.default not in _TRIVIAL

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(_kinds(self.option.type))

    @cached_property
    def type_key(self) -> str:
        return json.dumps(self.option.type, sort_keys=True, default=str)

    @cached_property
    def choices(self) -> frozenset[str]:
        return frozenset(_choices(self.option.type))


def _kinds(schema: Mapping[str, Any]) -> Iterable[str]:
    found = schema.get("type")
    if isinstance(found, str):
        yield found
        if found == "array" and isinstance(schema.get("items"), Mapping):
            yield from (f"array of {kind}" for kind in _kinds(schema["items"]))
    elif isinstance(found, list):
        yield from map(str, found)
    for other in ("nix", "java"):
        if other in schema:
            yield str(schema[other])
    if "enum" in schema:
        yield "string"
        yield "enum"
    if "format" in schema:
        yield f"format {schema['format']}"
    for word in ("anyOf", "oneOf"):
        for branch in schema.get(word, ()):
            if isinstance(branch, Mapping):
                yield from _kinds(branch)


def _choices(schema: Mapping[str, Any]) -> Iterable[str]:
    yield from (str(choice).lower() for choice in schema.get("enum", ()))
    for word in ("anyOf", "oneOf"):
        for branch in schema.get(word, ()):
            if isinstance(branch, Mapping):
                yield from _choices(branch)


class Weights:
    """How much a word says: the rarer among the options compared, the more."""

    def __init__(self, groups: Iterable[Iterable[str]] = ()) -> None:
        self._counts: Counter[str] = Counter()
        self._total = 0
        for group in groups:
            self._total += 1
            self._counts.update(group)
        self._weigh()

    def _weigh(self) -> None:
        total = self._total
        self.most = log(1 + total) + 0.5
        self._weight = {w: log(1 + total / count) + 0.1 for w, count in self._counts.items()}

    def __add__(self, other: Weights) -> Weights:
        """The weights among the options of both."""
        both = Weights()
        both._counts = self._counts + other._counts
        both._total = self._total + other._total
        both._weigh()
        return both

    def __getitem__(self, word: str) -> float:
        return self._weight.get(word, self.most)

    def __contains__(self, word: str) -> bool:
        return word in self._weight

    def sum(self, words: Iterable[str]) -> float:
        weight, most = self._weight, self.most
        return fsum([weight.get(word, most) for word in words])  # the same in any order
