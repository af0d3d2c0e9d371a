"""The flat listing of a schema's options."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forms.diff.children import children_of, required_of
from forms.diff.meaning import Meaning
from forms.diff.option import Option, Said, joined, said_of, typed_as
from forms.diff.reader import Reader
from forms.paths import Path
from forms.schema.load import Schema
from forms.schema.recent import recently_loaded

MOST = 250_000
"""Options that a listing holds at most; shallow ones go first."""


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


def listed(
    reader: Reader,
    root: Schema,
    path: Path = (),
    *,
    most: int = MOST,
    only: Collection[Path] | None = None,
    beside: Listing | None = None,
) -> Listing:
    """The options below one part of a schema, whose own path is `path`.

    only: paths of the options to list, all that they lie in included; None for all.
    beside: another listing, whose options are taken over where the same is said of them.
    """
    options: dict[Path, Option] = {}
    others = {} if beside is None else beside.options
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
            at = (*here, part)
            if only is not None and at not in only:
                continue
            for child in schemas:
                its = reader.meaning(child)
                said = _said_of(reader, its)
                if at in options:
                    options[at] = joined(options[at], said)
                else:
                    needed, other = part in required, others.get(at)
                    if other is None or other.said is not said or other.required != needed:
                        other = Option(at, said, needed)
                    options[at] = other
                if not its.plain:
                    waiting.append((at, child, inside))
    return Listing(options, frozenset(recursive), tuple(cut))


def _said_of(reader: Reader, meaning: Meaning) -> Said:
    known = reader.said.get(id(meaning))
    if known is None:
        typed = reader.typed.get(id(meaning.alternatives))
        if typed is None:
            typed = reader.typed[id(meaning.alternatives)] = typed_as(meaning)
        container = bool(children_of(reader, meaning))
        known = reader.said[id(meaning)] = said_of(meaning, container, typed)
    return known
