"""The options of one release, found by the paths that they have in a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from forms.diff import ANY, Listing, Option, options_of
from forms.model.appearance import HIDDEN
from forms.paths import Path
from forms.values import ABSENT

_SECRET_NAME = re.compile(
    r"pass(wor[dt]|wd|phrase|code)|secret|token|credential|(private|api|access|signing).?key",
    re.IGNORECASE,
)
Stars = tuple[str | int, ...]
"""What the stars of an option's path stand for at one place of a document."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release of an application: its options, and what is to be said of it."""

    version: str
    schema: Mapping[str, Any] | bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """path: that of the option that a place in a document belongs to. inside: the place is
    somewhere in the value of an option that is not divided further."""

    path: Path
    stars: Stars
    inside: bool = False


class Options:
    """The listing of a release."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.listing: Listing = options_of(release.schema)

    def __contains__(self, path: Path) -> bool:
        return path in self.listing

    def get(self, path: Path) -> Option | None:
        return self.listing.get(path)

    def find(self, place: Path) -> Found | None:
        """The option at a place of a document; None if the schema names none there."""
        at: Path = ()
        stars: Stars = ()
        for part in place:
            if (*at, part) in self.listing:
                at = (*at, part)
            elif (*at, ANY) in self.listing:
                at, stars = (*at, ANY), (*stars, part)
            else:
                option = self.listing.get(at)
                if option is None or (option.container and not self._unlisted(at)):
                    return None
                return Found(at, stars, True)
        return Found(at, stars)

    def _unlisted(self, path: Path) -> bool:
        return path in self.listing.recursive or path in self.listing.cut

    @cached_property
    def children(self) -> dict[Path, list[Path]]:
        """By path of a section, map or list: what lies in it, in the schema's order."""
        found: dict[Path, list[Path]] = {}
        for path in self.listing:
            found.setdefault(path[:-1], []).append(path)
        return found

    def is_section(self, path: Path) -> bool:
        """Is it there for what lies in it only? Lists, and maps that have a default, are values
        themselves."""
        inside = self.children.get(path)
        if not inside or isinstance(inside[0][-1], int) or path in self.listing.recursive:
            return False
        if any(child[-1] != ANY for child in inside):
            return True
        option = self.listing[path]
        return option.default is ABSENT and "object" in option.type.get("type", "object")

    @cached_property
    def order(self) -> dict[Path, int]:
        """The place of each option in the order of the form."""
        found: dict[Path, int] = {}
        waiting = list(reversed(self.children.get((), [])))
        while waiting:
            path = waiting.pop()
            found[path] = len(found)
            waiting += reversed(self.children.get(path, ()))
        return found

    def values(self, document: Any) -> Iterator[tuple[Path, Any]]:
        """What a document sets, option by option: place and value. Sections are entered, and so
        is what the schema does not know."""
        yield from self._values(document, ())

    def _values(self, value: Any, place: Path) -> Iterator[tuple[Path, Any]]:
        if isinstance(value, dict) and value and self._is_entered(place):
            for key, inner in value.items():
                yield from self._values(inner, (*place, key))
        elif place:
            yield place, value

    def _is_entered(self, place: Path) -> bool:
        if not place:
            return True
        found = self.find(place)
        return found is None or (not found.inside and self.is_section(found.path))

    def is_secret(self, place: Path) -> bool:
        """Does the schema say that a secret stands there?"""
        found = self.find(place)
        path = found.path if found is not None else ()
        return any(path[:i] in self._secrets for i in range(1, len(path) + 1))

    @cached_property
    def _secrets(self) -> frozenset[Path]:
        return frozenset(path for path, option in self.listing.items() if option.secret)

    def masked(self, place: Path, value: Any) -> Any:
        """A value with a word in place of the secrets in it."""
        if self.is_secret(place):
            return HIDDEN
        if isinstance(value, dict):
            return {key: self.masked((*place, key), inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.masked((*place, i), inner) for i, inner in enumerate(value)]
        return HIDDEN if value is not None and self._sounds_secret(place) else value

    def _sounds_secret(self, place: Path) -> bool:
        """Where the schema says nothing of a place, is its name one that secrets have?"""
        found = self.find(place)
        names = (part for part in place if isinstance(part, str))
        return (found is None or found.inside) and any(map(_SECRET_NAME.search, names))
