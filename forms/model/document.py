"""The document being edited: what the user set, and nothing else.

Every change is one replacement of the value at one path, so it can be taken back by the
opposite replacement, key order included. Containers that exist only because something was set
inside them go away with it: setting an option and unsetting it again leaves no trace.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from forms.paths import Path
from forms.values import ABSENT


class Implied(dict[str, Any]):
    """A section that nobody set: it came into being with an option inside it.

    seed: what it held then (a default of the section); holding just that, it goes away.
    instead: what comes back then: nothing, or a null that was there.
    """

    __slots__ = ("instead", "seed")

    def __init__(self, seed: dict[str, Any], instead: Any = ABSENT) -> None:
        super().__init__(copy.deepcopy(seed))
        self.seed = seed
        self.instead = instead


class ImpliedList(list[Any]):
    """A list that nobody set: it came into being with its first entry."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """The value at `path` becomes `after`; ABSENT on either side means no such key.

    position: where in its object a key stands that comes or goes.
    """

    path: Path
    before: Any
    after: Any
    position: int | None = None

    def reversed(self) -> Replacement:
        return Replacement(self.path, self.after, self.before, self.position)


class Document:
    """Owns its value. What goes in is copied by the caller; what comes out must be."""

    def __init__(self, value: Any = ABSENT) -> None:
        self.root = value

    def get(self, path: Path) -> Any:
        """The value there; ABSENT if there is none."""
        value = self.root
        for key in path:
            if isinstance(value, dict):
                value = value.get(key, ABSENT)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return ABSENT
        return value

    def setting(self, path: Path, value: Any, seeds: list[dict[str, Any]]) -> Replacement:
        """The replacement that sets a value, with the sections it needs on the way.

        seeds: for every section from the root down to the option's own, what it holds when
        it comes into being.
        """
        for depth in range(len(path)):
            here = self.get(path[:depth])
            if isinstance(here, list) or (isinstance(here, dict) and path[depth] in here):
                continue
            if isinstance(here, dict):
                made = _nested(path[depth + 1 :], value, seeds[depth + 1 :])
                return self.replacing(path[: depth + 1], made)
            made = _nested(path[depth:], value, seeds[depth:], here)
            return self.replacing(path[:depth], made)
        return self.replacing(path, value)

    def unsetting(self, path: Path) -> Replacement:
        """The replacement that unsets a value, with the implied sections it leaves empty."""
        after: Any = ABSENT
        while path:
            holder, key = self.get(path[:-1]), path[-1]
            if not isinstance(holder, Implied):
                break
            rest = {other: value for other, value in holder.items() if other != key}
            seeded = holder.seed.get(str(key), ABSENT)
            if seeded is not ABSENT:
                rest[str(key)] = seeded
            if rest != holder.seed:
                after = copy.deepcopy(seeded)
                break
            path, after = path[:-1], holder.instead
            if after is not ABSENT:
                break
        return self.replacing(path, after)

    def replacing(self, path: Path, after: Any) -> Replacement:
        """The replacement of a value whose section is there."""
        position = None
        holder = self.get(path[:-1]) if path else None
        if isinstance(holder, dict) and after is ABSENT and path[-1] in holder:
            position = list(holder).index(path[-1])
        return Replacement(path, self.get(path), after, position)

    def apply(self, change: Replacement) -> None:
        if not change.path:
            self.root = change.after
            return
        holder, key = self.get(change.path[:-1]), change.path[-1]
        if change.after is ABSENT:
            del holder[key]
        elif isinstance(holder, list) or key in holder or change.position is None:
            holder[key] = change.after
        else:
            _insert(holder, change.position, key, change.after)


def _nested(path: Path, value: Any, seeds: list[dict[str, Any]], instead: Any = ABSENT) -> Any:
    """A value within sections that are there for its sake."""
    for depth in range(len(path) - 1, -1, -1):
        section = Implied(seeds[depth], instead if depth == 0 else ABSENT)
        section[str(path[depth])] = value
        value = section
    return value


def _insert(holder: dict[Any, Any], position: int, key: Any, value: Any) -> None:
    """Put a key back where it stood."""
    items = list(holder.items())
    items.insert(position, (key, value))
    holder.clear()
    holder.update(items)


def like(value: Any, content: Any) -> Any:
    """Other content in a container that is implied if `value` is."""
    if isinstance(value, Implied):
        made = Implied(value.seed, value.instead)
        made.clear()
        made.update(content)
        return made
    return ImpliedList(content) if isinstance(value, ImpliedList) else content


def plain(value: Any) -> Any:
    """A deep copy in which every section is a plain dict."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def implied_paths(value: Any, path: Path = ()) -> list[Path]:
    """The paths of all implied sections that leave nothing behind."""
    found: list[Path] = []
    if isinstance(value, Implied) and not value.seed and value.instead is ABSENT:
        found.append(path)
    if isinstance(value, dict):
        for key, inner in value.items():
            found += implied_paths(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            found += implied_paths(inner, (*path, i))
    return found


def with_implied(value: Any, paths: set[Path], path: Path = ()) -> Any:
    """A deep copy in which the sections at `paths` are implied."""
    if isinstance(value, dict):
        made: dict[str, Any] = Implied({}) if path in paths else {}
        for key, inner in value.items():
            made[key] = with_implied(inner, paths, (*path, key))
        return made
    if isinstance(value, list):
        return [with_implied(inner, paths, (*path, i)) for i, inner in enumerate(value)]
    return value
