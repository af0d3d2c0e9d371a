"""The flat listing of a schema's options."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from forms.diff.meaning import KINDS, Alternative, Children, Meaning, Reader
from forms.diff.wording import type_text
from forms.paths import Path
from forms.schema.load import Schema
from forms.schema.recent import recently_loaded
from forms.values import ABSENT

ANY = "*"
"""The part of a path that stands for every key of a map and every item of a list."""
MOST = 250_000
"""Options that a listing holds at most; shallow ones go first."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a schema, a section, map or list of others included."""

    path: Path
    type: Mapping[str, Any]
    """Types, values and bounds as a small JSON Schema."""
    type_text: str
    default: Any = ABSENT
    description: str = ""
    title: str = ""
    required: bool = False
    deprecated: bool = False
    secret: bool = False
    container: bool = False
    """Does it hold other options?"""
    ids: tuple[str, ...] = ()
    """Its `x-id`."""
    renamed_from: tuple[str, ...] = ()
    """Its `x-renamed-from`: names of siblings, or whole paths."""


@dataclass(frozen=True, slots=True)
class Listing(Mapping[Path, Option]):
    """Options by path, in the order of the schema, shallow ones first."""

    options: dict[Path, Option] = field(default_factory=dict)
    recursive: frozenset[Path] = frozenset()
    """Options whose schema is one that they lie in: not entered again."""
    cut: tuple[Path, ...] = ()
    """Options that were not entered because the listing was full."""

    def __getitem__(self, path: Path) -> Option:
        return self.options[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self.options)

    def __len__(self) -> int:
        return len(self.options)


def options_of(schema: Mapping[str, Any] | bool, *, most: int = MOST) -> Listing:
    """All options of a schema of any draft, from 4. What lies in maps and lists has the path
    part "*" for their keys and positions, items of tuples have their positions.

    SchemaError if the schema cannot be read at all.
    """
    document = recently_loaded(schema)
    return listed(Reader(document), document.root, most=most)


def listed(reader: Reader, root: Schema, path: Path = (), *, most: int = MOST) -> Listing:
    """The options below one part of a schema, whose own path is `path`."""
    options: dict[Path, Option] = {}
    known: dict[frozenset[int], Option] = {}
    recursive: set[Path] = set()
    cut: list[Path] = []
    waiting: deque[tuple[Path, Schema, frozenset[frozenset[int]]]] = deque(
        [(path, root, frozenset())]
    )
    while waiting:
        here, schema, above = waiting.popleft()
        meaning = reader.meaning(schema)
        children = children_of(reader, meaning)
        if not children:
            continue
        if meaning.key in above:
            recursive.add(here)
            continue
        if len(options) + len(children) > most:
            cut.append(here)
            continue
        inside = above | {meaning.key}
        required = required_of(meaning)
        for part, schemas in children.items():
            for child in schemas:
                at = (*here, part)
                its = reader.meaning(child)
                if its.key not in known:
                    known[its.key] = option_of(reader, its, at, False)
                option = _at(known[its.key], at, part in required)
                options[at] = _joined(options[at], option) if at in options else option
                waiting.append((at, child, inside))
    return Listing(options, frozenset(recursive), tuple(cut))


def children_of(reader: Reader, meaning: Meaning) -> Children:
    """Everything that lies in an option, whichever form it takes: path part and schemas."""
    if meaning.key not in reader.children:
        reader.children[meaning.key] = _children_of(reader, meaning)
    return reader.children[meaning.key]


def _children_of(reader: Reader, meaning: Meaning) -> Children:
    found: dict[str | int, dict[frozenset[int], Schema]] = {}
    seen: set[frozenset[int]] = set()
    waiting = [meaning]
    while waiting:
        meaning = waiting.pop()
        if meaning.key in seen:
            continue
        seen.add(meaning.key)
        for alternative in meaning.alternatives:
            for part, schema in parts_of(alternative):
                found.setdefault(part, {}).setdefault(reader.meaning(schema).key, schema)
        waiting += [reader.meaning(schema) for schema in meaning.overlays()]
    return {part: list(schemas.values()) for part, schemas in found.items()}


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


def option_of(reader: Reader, meaning: Meaning, path: Path, required: bool) -> Option:
    """The option at a path, as a listing shows it."""
    words = meaning.words
    return Option(
        path,
        plain_type(meaning),
        type_text(meaning),
        words.get("default", ABSENT),
        str(words.get("description", "")),
        str(words.get("title", "")),
        required,
        bool(words.get("deprecated")),
        meaning.secret,
        bool(children_of(reader, meaning)),
        _texts(words.get("x-id")),
        _texts(words.get("x-renamed-from")),
    )


def _at(option: Option, path: Path, required: bool) -> Option:
    """The same option elsewhere; `replace` takes five times as long, and there are many."""
    return Option(
        path,
        option.type,
        option.type_text,
        option.default,
        option.description,
        option.title,
        required,
        option.deprecated,
        option.secret,
        option.container,
        option.ids,
        option.renamed_from,
    )


def _texts(said: Any) -> tuple[str, ...]:
    return (
        tuple(str(one) for one in said) if isinstance(said, list) else (str(said),) if said else ()
    )


def plain_type(meaning: Meaning) -> dict[str, Any]:
    """Types, values and bounds of an option as a small JSON Schema, without what lies in it."""
    kinds = meaning.kinds()
    types = ["integer" if kind == "number" and whole else kind for kind, whole in kinds.items()]
    found: dict[str, Any] = {}
    if len(kinds) < len(KINDS):
        found["type"] = types[0] if len(types) == 1 else types
    values = [value for one in meaning.alternatives for value in one.values or ()]
    if values and all(one.values or one.kind == "null" for one in meaning.alternatives):
        found["enum"] = values + [None] * ("null" in kinds)
    for one in meaning.alternatives:
        found.update(one.bounds)
        found.update(sorted(one.texts))
    return found


def _joined(one: Option, other: Option) -> Option:
    """An option that has several schemas, one for each form of the section it lies in."""
    if one.type_text == other.type_text:
        return one
    types = [*_list(one.type.get("type")), *_list(other.type.get("type"))]
    joined: dict[str, Any] = {"type": list(dict.fromkeys(types))} if types else {}
    if "enum" in one.type and "enum" in other.type:
        joined["enum"] = [*one.type["enum"], *other.type["enum"]]
    return replace(
        one,
        type=joined,
        type_text=f"{one.type_text} or {other.type_text}",
        default=other.default if one.default is ABSENT else one.default,
        description=one.description or other.description,
        container=one.container or other.container,
    )


def _list(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types or ())
