"""Two schemas walked side by side, from their roots and from every known identity.

A pair of schemas that was met before is not walked again, unless the user has values there or
an identity lies there: this ends recursion, and keeps the walk of a huge schema as short as
its definitions. How often a pair was met is counted, so that nothing is dropped silently.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forms.diff.children import ANY
from forms.diff.identities import Identities
from forms.diff.judge import Set
from forms.diff.meaning import Alternative
from forms.diff.reader import Reader
from forms.paths import Path
from forms.schema.load import Schema
from forms.values import ABSENT


@dataclass(slots=True, eq=False)
class Pair:
    """An old and a new schema that speak of the same option."""

    old_path: Path
    new_path: Path
    old: Schema
    new: Schema
    hits: Set = ()
    """Where the user's old document sets it."""
    above: Pair | None = None
    where: str = ""
    """In which form, or under which condition, if it is not always so."""
    old_keys: frozenset[str | int] = frozenset()
    """All that lies in the old option, in whichever form; what it lies in itself, for a pair
    that only adds to another."""
    new_keys: frozenset[str | int] = frozenset()
    added: bool = False
    """Does it only add to another pair at the same place?"""
    again: int = 0
    """How often the same two schemas were met again elsewhere."""

    def places(self) -> int:
        """In how many places of the schema this pair is met."""
        found, pair = 1, self
        while True:
            found += pair.again
            if pair.above is None:
                return found
            pair = pair.above


class Walk:
    """The pairs still to be compared, and those that were."""

    def __init__(self, old: Reader, new: Reader, known: Identities, values: Any) -> None:
        self._old, self._new = old, new
        self._values = values
        self._waiting: deque[Pair] = deque()
        self._met: dict[tuple[object, ...], Pair] = {}
        self._old_ends = {one for one, _ in known.pairs}
        self._new_ends = {other for _, other in known.pairs}
        self._old_way = {path[:i] for path in self._old_ends for i in range(len(path) + 1)}
        self._new_way = {path[:i] for path in self._new_ends for i in range(len(path) + 1)}

    def __iter__(self) -> Iterator[Pair]:
        while self._waiting:
            yield self._waiting.popleft()

    def add(self, pair: Pair) -> None:
        """Have a pair compared, if there is anything in it that was not yet."""
        old, new = self._old.meaning(pair.old), self._new.meaning(pair.new)
        on_way = pair.old_path in self._old_way or pair.new_path in self._new_way
        if old is new and not on_way:
            return
        if not (pair.hits or on_way):
            key = (old.key, new.key, pair.where, pair.added, pair.old_path == pair.new_path)
            known = self._met.setdefault(key, pair)
            if known is not pair:
                known.again += 1
                return
        elif pair.added and self._overlaid(pair, old.key, new.key):
            return
        self._waiting.append(pair)

    def settled(self, old_path: Path, new_path: Path, old: Schema, new: Schema) -> bool:
        """Is it plain that nothing differs there? Unchanged parts are shared objects."""
        return old is new and old_path not in self._old_way and new_path not in self._new_way

    def _overlaid(self, pair: Pair, old: object, new: object) -> bool:
        """Does a pair that adds to others at its place add to itself?"""
        above = pair.above
        while above is not None and above.new_path == pair.new_path:
            met = self._old.meaning(above.old).key, self._new.meaning(above.new).key
            if met == (old, new):
                return True
            above = above.above
        return False

    def leaves(self, old_path: Path) -> bool:
        """Is an old option known to live on elsewhere?"""
        return old_path in self._old_ends

    def comes(self, new_path: Path) -> bool:
        """Is a new option known to have been elsewhere?"""
        return new_path in self._new_ends

    def holds_leaving(self, old_path: Path) -> bool:
        """Does an option in it live on elsewhere?"""
        return old_path in self._old_way

    def holds_coming(self, new_path: Path) -> bool:
        """Was an option in it elsewhere?"""
        return new_path in self._new_way

    def hits(self, path: Path) -> Set:
        """Where the user's document sets an option, found from its root."""
        if self._values is ABSENT:
            return ()
        found: Set = (((), self._values),)
        for part in path:
            if part == ANY:
                found = tuple(hit for at, value in found for hit in _each(at, value))
            else:
                found = inside(found, part)
        return found


def inside(hits: Set, part: str | int) -> Set:
    """What the user's values hold under one key or position."""
    found = []
    for at, value in hits:
        if isinstance(part, int):
            if isinstance(value, list) and part < len(value):
                found.append(((*at, part), value[part]))
        elif isinstance(value, dict) and part in value:
            found.append(((*at, part), value[part]))
    return tuple(found)


def entries(hits: Set, one: Alternative, pattern: str | None = None) -> Set:
    """Entries of a map that belong to a pattern, or to none and to no known key."""
    return tuple(
        (at, value)
        for at, value in (hit for where, value in hits for hit in _each(where, value))
        if isinstance(at[-1], str) and _belongs(at[-1], one, pattern)
    )


def _belongs(key: str, one: Alternative, pattern: str | None) -> bool:
    if pattern is not None:
        return bool(re.search(pattern, key))
    return key not in one.properties and not any(re.search(it, key) for it in one.patterns)


def items(hits: Set, start: int) -> Set:
    """Items of a list from a position on."""
    return tuple(
        (at, value)
        for at, value in (hit for where, value in hits for hit in _each(where, value))
        if isinstance(at[-1], int) and at[-1] >= start
    )


def _each(at: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*at, key), inner
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield (*at, i), inner
