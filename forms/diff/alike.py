"""Whether two schemas mean the same all the way down, recursion included."""

from __future__ import annotations

from collections.abc import Iterator

from forms.diff.meaning import Alternative, Condition, Meaning, Rule
from forms.diff.overlap import Overlaps
from forms.diff.reader import Reader
from forms.schema.load import Schema
from forms.values import ABSENT, key_of

_DEPTH = 3
_Edges = tuple[tuple[str, ...], tuple[Schema, ...]]
ANNOTATIONS = ("default", "deprecated", "readOnly", "x-managed")
"""Annotations whose change is a difference."""


class Likeness:
    """Compares the parts of two schema documents.

    annotated: are defaults and other `ANNOTATIONS` a part of what they mean? They are not
    where only what is valid matters.
    """

    def __init__(
        self, old: Reader, new: Reader, overlaps: Overlaps, *, annotated: bool = True
    ) -> None:
        self.old, self.new = old, new
        self._overlaps = overlaps
        self._annotated = annotated
        self._prints: dict[tuple[int, frozenset[int], int], int] = {}
        self._edges_of: dict[tuple[int, frozenset[int]], _Edges] = {}
        self._facts_of: dict[tuple[int, frozenset[int]], object] = {}
        self._same: set[tuple[frozenset[int], frozenset[int]]] = set()
        self._different: set[tuple[frozenset[int], frozenset[int]]] = set()

    def alike(self, old: Schema, new: Schema) -> bool:
        """Do both mean the same? What refers to itself does where nothing tells it apart."""
        if self.old.meaning(old) is self.new.meaning(new):
            return True
        top = self.old.meaning(old).key, self.new.meaning(new).key
        seen: set[tuple[frozenset[int], frozenset[int]]] = set()
        waiting = [(old, new)]
        while waiting:
            one, other = waiting.pop()
            a, b = self.old.meaning(one), self.new.meaning(other)
            if a is b or (a.key, b.key) in seen or (a.key, b.key) in self._same:
                continue
            seen.add((a.key, b.key))
            labels, below = self._edges(self.old, a)
            other_labels, other_below = self._edges(self.new, b)
            if (
                (a.key, b.key) in self._different
                or self._facts(self.old, a) != self._facts(self.new, b)
                or labels != other_labels
            ):
                self._different.add(top)
                return False
            waiting += zip(below, other_below, strict=True)
        self._same |= seen
        return True

    def alternatives_alike(self, one: Alternative, other: Alternative) -> bool:
        """The same for one form of an old and one of a new option."""
        if self._alternative_facts(one) != self._alternative_facts(other):
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

    def _edges(self, reader: Reader, meaning: Meaning) -> _Edges:
        """What lies below, in an order that does not depend on notation: labels and schemas."""
        key = id(reader), meaning.key
        if key not in self._edges_of:
            found = [*self._form_edges(reader, meaning), *self._rule_edges(reader, meaning)]
            labels = tuple(label for label, _ in found)
            self._edges_of[key] = labels, tuple(schema for _, schema in found)
        return self._edges_of[key]

    def _form_edges(self, reader: Reader, meaning: Meaning) -> Iterator[tuple[str, Schema]]:
        forms = (*meaning.alternatives, *self._overlaps.hidden(reader, meaning))
        ordered = sorted(forms, key=lambda one: self._print_of(reader, one, _DEPTH))
        for i, one in enumerate(ordered):
            for label, schema in _alternative_edges(one):
                yield f"{i} {label}", schema

    def _rule_edges(self, reader: Reader, meaning: Meaning) -> Iterator[tuple[str, Schema]]:
        rules = (*meaning.rules, *self._overlaps.rules(reader, meaning))
        for rule in sorted(rules, key=lambda rule: (rule.keyword, rule.facts)):
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
            self._prints[key] = hash((self._facts(reader, meaning), tuple(below)))
        return self._prints[key]

    def _print_of(self, reader: Reader, one: Alternative, depth: int) -> int:
        edges: tuple[tuple[str, int], ...] = ()
        if depth:
            edges = tuple(
                (label, self._print(reader, schema, depth - 1))
                for label, schema in _alternative_edges(one)
            )
        return hash((self._alternative_facts(one), edges))

    def _facts(self, reader: Reader, meaning: Meaning) -> object:
        """What is said at the place itself."""
        key = id(reader), meaning.key
        if key not in self._facts_of:
            forms = (*meaning.alternatives, *self._overlaps.hidden(reader, meaning))
            words = _annotations(meaning) if self._annotated else ()
            facts = sorted(map(self._alternative_facts, forms), key=repr)
            self._facts_of[key] = words, tuple(facts)
        return self._facts_of[key]

    def _alternative_facts(self, one: Alternative) -> tuple[object, ...]:
        return (*alternative_facts(one), self._annotated and one.deprecated)


def _annotations(meaning: Meaning) -> tuple[object, ...]:
    words = meaning.words
    said = (words.get(word, ABSENT) for word in ANNOTATIONS)
    return (*(None if value is ABSENT else key_of(value) for value in said), meaning.secret)


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
