"""What lies in an option, whichever form it takes."""

from __future__ import annotations

from collections.abc import Iterator

from forms.diff.meaning import Alternative, Meaning
from forms.diff.reader import Children, Reader
from forms.schema.load import Schema

ANY = "*"
"""The part of a path that stands for every key of a map and every item of a list."""


def children_of(reader: Reader, meaning: Meaning) -> Children:
    """Path parts of everything that lies in an option, with what is said of each; of several
    schemas that speak of one part those that say something else."""
    if meaning.plain:
        return {}
    known = reader.children.get(id(meaning))
    if known is None:
        known = reader.children[id(meaning)] = _children_of(reader, meaning)
    return known


def _children_of(reader: Reader, meaning: Meaning) -> Children:
    found: Children = {}
    keys: dict[str | int, set[frozenset[int]]] = {}
    seen: set[frozenset[int]] = set()
    waiting = [meaning]
    while waiting:
        meaning = waiting.pop()
        if meaning.key in seen:
            continue
        seen.add(meaning.key)
        for alternative in meaning.alternatives:
            for part, schema in parts_of(alternative):
                schemas = found.setdefault(part, [])
                if not schemas:  # nearly always, and its key need not be known then
                    schemas.append(schema)
                    continue
                known = keys.setdefault(part, {reader.meaning(schemas[0]).key})
                if (key := reader.meaning(schema).key) not in known:
                    known.add(key)
                    schemas.append(schema)
        waiting += [reader.meaning(schema) for schema in meaning.overlays()]
    return found


def parts_of(alternative: Alternative) -> Iterator[tuple[str | int, Schema]]:
    """What lies in one form of an option."""
    yield from alternative.properties.items()
    for schema in alternative.patterns.values():
        yield ANY, schema
    if not isinstance(alternative.additional, bool):
        yield ANY, alternative.additional
    yield from enumerate(alternative.prefix)
    if not isinstance(alternative.items, bool):
        yield ANY, alternative.items


def required_of(meaning: Meaning) -> frozenset[str]:
    """Keys that every form of a section asks for."""
    sections = [one.required for one in meaning.alternatives if one.kind == "object"]
    return frozenset.intersection(*sections) if sections else frozenset()
