"""Whether two schemas mean the same all the way down, recursion included."""

from __future__ import annotations

from collections.abc import Iterator

from forms.diff.meaning import Alternative, Condition, Meaning, Reader, Rule
from forms.schema.load import Schema
from forms.values import ABSENT, key_of

_DEPTH = 3
ANNOTATIONS = ("default", "deprecated", "readOnly", "x-managed")
"""Annotations whose change is a difference."""


class Likeness:
    """Compares the parts of two schema documents."""

    def __init__(self, old: Reader, new: Reader) -> None:
        self.old, self.new = old, new
        self._prints: dict[tuple[int, frozenset[int], int], int] = {}

    def alike(self, old: Schema, new: Schema) -> bool:
        """Do both mean the same? What refers to itself does where nothing tells it apart."""
        seen: set[tuple[frozenset[int], frozenset[int]]] = set()
        waiting = [(old, new)]
        while waiting:
            one, other = waiting.pop()
            a, b = self.old.meaning(one), self.new.meaning(other)
            if (a.key, b.key) in seen:
                continue
            seen.add((a.key, b.key))
            if _facts(self.old, a) != _facts(self.new, b):
                return False
            of_a, of_b = list(self._edges(self.old, a)), list(self._edges(self.new, b))
            if [label for label, _ in of_a] != [label for label, _ in of_b]:
                return False
            waiting += [(x, y) for (_, x), (_, y) in zip(of_a, of_b, strict=True)]
        return True

    def alternatives_alike(self, one: Alternative, other: Alternative) -> bool:
        """The same for one form of an old and one of a new option."""
        if alternative_facts(one) != alternative_facts(other):
            return False
        of_a, of_b = list(_alternative_edges(one)), list(_alternative_edges(other))
        return [label for label, _ in of_a] == [label for label, _ in of_b] and all(
            self.alike(x, y) for (_, x), (_, y) in zip(of_a, of_b, strict=True)
        )

    def rules_alike(self, one: Rule, other: Rule) -> bool:
        if (one.keyword, one.facts, len(one.schemas)) != (
            other.keyword,
            other.facts,
            len(other.schemas),
        ):
            return False
        left = list(other.schemas)
        for schema in one.schemas:
            found = next((i for i, it in enumerate(left) if self.alike(schema, it)), None)
            if found is None:
                return False
            del left[found]
        return True

    def conditions_meet(self, one: Condition, other: Condition) -> bool:
        """Do both hold for the same values?"""
        return one.key == other.key and self.alike(one.when, other.when)

    def _edges(self, reader: Reader, meaning: Meaning) -> Iterator[tuple[str, Schema]]:
        ordered = sorted(meaning.alternatives, key=lambda one: self._print_of(reader, one, _DEPTH))
        for i, one in enumerate(ordered):
            for label, schema in _alternative_edges(one):
                yield f"{i} {label}", schema
        yield from self._rule_edges(reader, meaning)

    def _rule_edges(self, reader: Reader, meaning: Meaning) -> Iterator[tuple[str, Schema]]:
        for rule in sorted(meaning.rules, key=lambda rule: (rule.keyword, rule.facts)):
            prints = sorted(rule.schemas, key=lambda it: self._print(reader, it, _DEPTH))
            yield from ((f"{rule.keyword} {rule.facts}", schema) for schema in prints)
        conditions = sorted(
            meaning.conditions, key=lambda it: (it.key, self._print(reader, it.when, _DEPTH))
        )
        for it in conditions:
            yield f"if {it.key}", it.when
            yield "then", it.then
            yield "else", it.otherwise

    def _print(self, reader: Reader, schema: Schema, depth: int) -> int:
        """A number that schemas share which are alike down to some depth."""
        meaning = reader.meaning(schema)
        key = (id(reader), meaning.key, depth)
        if key not in self._prints:
            below = sorted(self._print_of(reader, one, depth) for one in meaning.alternatives)
            self._prints[key] = hash((_facts(reader, meaning), tuple(below)))
        return self._prints[key]

    def _print_of(self, reader: Reader, one: Alternative, depth: int) -> int:
        edges: tuple[tuple[str, int], ...] = ()
        if depth:
            edges = tuple(
                (label, self._print(reader, schema, depth - 1))
                for label, schema in _alternative_edges(one)
            )
        return hash((alternative_facts(one), edges))


def _facts(reader: Reader, meaning: Meaning) -> tuple[object, ...]:
    words = meaning.words
    return (
        tuple(
            key_of(words[word]) if words.get(word, ABSENT) is not ABSENT else None
            for word in ANNOTATIONS
        ),
        meaning.secret,
        reader.exclusive(meaning),
        tuple(sorted(map(alternative_facts, meaning.alternatives), key=repr)),
    )


def alternative_facts(one: Alternative) -> tuple[object, ...]:
    """What is said of a form of an option, apart from what lies in it."""
    return (
        one.kind,
        one.whole and one.values is None,
        None if one.values is None else tuple(sorted(map(key_of, one.values))),
        tuple(sorted((word, key_of(value)) for word, value in one.bounds.items())),
        tuple(sorted(one.texts)),
        tuple(sorted(one.required)),
        tuple(sorted(one.together)),
        one.additional is False,
        one.items is False,
        one.deprecated,
    )


def _alternative_edges(one: Alternative) -> Iterator[tuple[str, Schema]]:
    for key in sorted(one.properties):
        yield f"property {key}", one.properties[key]
    for pattern in sorted(one.patterns):
        yield f"pattern {pattern}", one.patterns[pattern]
    yield "additional", one.additional
    for i, schema in enumerate(one.prefix):
        yield f"item {i}", schema
    yield "items", one.items
    for rule in sorted(one.rules, key=lambda rule: (rule.keyword, rule.facts)):
        yield from ((f"{rule.keyword} {rule.facts}", schema) for schema in rule.schemas)
    for condition in one.conditions:
        yield f"if {condition.key}", condition.when
        yield "then", condition.then
        yield "else", condition.otherwise
