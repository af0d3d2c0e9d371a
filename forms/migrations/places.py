"""Finding, taking and putting values in a document by paths with stars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forms.diff.children import ANY
from forms.paths import Path
from forms.values import ABSENT, same

Stars = tuple[str | int, ...]
"""What the stars of a path stand for at one place."""


def get(document: Any, path: Path) -> Any:
    """The value there; ABSENT if there is none."""
    for key in path:
        if isinstance(document, dict):
            document = document.get(key, ABSENT)
        elif isinstance(document, list) and isinstance(key, int) and key < len(document):
            document = document[key]
        else:
            return ABSENT
    return document


def hits(document: Any, pattern: Path) -> list[tuple[Path, Stars]]:
    """All places that hold a value and fit the pattern."""
    return list(_hits(document, pattern, (), ()))


def _hits(value: Any, pattern: Path, path: Path, stars: Stars) -> Iterator[tuple[Path, Stars]]:
    if not pattern:
        yield path, stars
        return
    key, rest = pattern[0], pattern[1:]
    if key == ANY:
        inside = (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        )
        for one, inner in inside:
            yield from _hits(inner, rest, (*path, one), (*stars, one))
        return
    inner = get(value, (key,))
    if inner is not ABSENT:
        yield from _hits(inner, rest, (*path, key), stars)


def filled(pattern: Path, stars: Stars) -> Path:
    """The path that a pattern means at one place."""
    left = iter(stars)
    return tuple(next(left, key) if key == ANY else key for key in pattern)


def star_count(pattern: Path) -> int:
    return sum(key == ANY for key in pattern)


def take(document: Any, path: Path) -> Any:
    """Remove a value and give it; sections that it leaves empty go with it. An item of a list
    is not taken out alone: what stands after it would move."""
    holder = get(document, path[:-1])
    value = holder.pop(path[-1])
    while len(path) > 1 and holder == {}:
        path = path[:-1]
        above = get(document, path[:-1])
        if not isinstance(above, dict):
            break
        del above[path[-1]]
        holder = above
    return value


def can_put(document: Any, path: Path) -> bool:
    """Is the place free, and is there a section, or room for one, on every step to it?"""
    for i, key in enumerate(path):
        here = get(document, path[:i])
        if here is ABSENT:
            return all(isinstance(part, str) for part in path[i:])
        if isinstance(here, list):
            if not (isinstance(key, int) and key < len(here)):
                return False
        elif not (isinstance(here, dict) and isinstance(key, str)):
            return False
    return get(document, path) is ABSENT


def put(document: Any, path: Path, value: Any) -> None:
    """Set a value, with the sections that it needs on the way."""
    holder = document
    for key in path[:-1]:
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
    holder[path[-1]] = value


def can_merge(there: Any, value: Any) -> bool:
    """Can a value be put where another is, so that both are there afterwards?"""
    if isinstance(there, dict) and isinstance(value, dict):
        return all(key not in there or can_merge(there[key], value[key]) for key in value)
    return same(there, value)


def merge(there: Any, value: Any) -> None:
    """Put a value where `can_merge` says that it can be."""
    for key in value if isinstance(there, dict) else ():
        if key in there:
            merge(there[key], value[key])
        else:
            there[key] = value[key]


def rename_key(document: Any, path: Path, key: str) -> None:
    """Give a value another name in its section, where it keeps its place."""
    holder = get(document, path[:-1])
    items = [(key if one == path[-1] else one, value) for one, value in holder.items()]
    holder.clear()
    holder.update(items)
