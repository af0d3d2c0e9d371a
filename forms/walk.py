"""Going through a document along its schema: which value is which option's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from forms.paths import Path
from forms.schema.load import Schema
from forms.schema.merge import View, both
from forms.schema.shape import Shape
from forms.schema.shapes import Shapes
from forms.values import ABSENT


class Child(NamedTuple):
    """The schema that is responsible for one key or position."""

    schema: Schema
    unknown: bool = False


def child_of(shape: Shape, key: str | int) -> Child:
    """What a shape says of one of its keys or positions."""
    view = shape.view
    if isinstance(key, int):
        if key < len(view.prefix):
            return Child(view.prefix[key])
        return Child(True if view.items is None else view.items)
    schema = view.joined.get(key)
    if schema is None:
        schema = view.properties.get(key)
        for pattern, other in view.patterns.items():
            if _compiled(pattern).search(key):
                schema = view.joined[key] = both(schema, other)
    if schema is not None:
        return Child(schema)
    extra = shape.extra
    return Child(True, unknown=True) if extra is None else Child(extra)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def words_of(shapes: Shapes, schema: Schema) -> Mapping[str, Any]:
    """The keywords of a schema, those it refers to included, as cheaply as may be."""
    if isinstance(schema, bool):
        return {}
    if schema.keys().isdisjoint(ELSEWHERE):
        return schema
    return shapes.common_view(schema).words


ELSEWHERE = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
"""Keywords by which annotations come from other schemas."""


def is_secret(words: Mapping[str, Any]) -> bool:
    """Does an option hold a secret?"""
    return bool(
        words.get("x-secret") or words.get("writeOnly") or words.get("format") == "password"
    )


def secret_paths(shapes: Shapes, schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all secrets that a document holds."""
    if value is ABSENT or value is None:
        return
    if is_secret(words_of(shapes, schema)):
        yield path
        return
    if not isinstance(value, dict | list):
        return
    shape = shapes.shape(schema, value)
    views = [branch.view for branch in shape.branches]
    for key, inner in _items(value):
        if any(_says_secret(shapes, view, key) for view in views):
            yield (*path, key)
        else:
            yield from secret_paths(shapes, child_of(shape, key).schema, inner, (*path, key))


def _says_secret(shapes: Shapes, view: View, key: str | int) -> bool:
    schema = view.properties.get(key, True) if isinstance(key, str) else True
    return is_secret(words_of(shapes, schema))


def unknown_paths(shapes: Shapes, schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all keys that no schema speaks of, topmost only."""
    if not isinstance(value, dict | list):
        return
    shape = shapes.shape(schema, value)
    for key, inner in _items(value):
        child = child_of(shape, key)
        if child.unknown:
            yield (*path, key)
        else:
            yield from unknown_paths(shapes, child.schema, inner, (*path, key))


def _items(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    else:
        yield from enumerate(value)
