"""Mistakes between declared migrations and the schemas of the releases that they lead between.

The changes between two releases whose schemas are there are looked at together: what one
change makes, a later one may use. Changes before the oldest release, or after the newest, are
history: there is nothing to hold them against.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from packaging.version import Version

from forms.diff import ANY, Listing, Option, options_of
from forms.migrations.chain import Migrations
from forms.migrations.change import (
    Change,
    Convert,
    Declared,
    Drop,
    Join,
    MapValues,
    NewDefault,
    Rename,
    Script,
    Split,
    Unwrap,
    Wrap,
    sources,
    targets,
)
from forms.migrations.read import Mistake
from forms.oneline import one_line
from forms.paths import Path, path_text
from forms.values import ABSENT, same, written


def check_migrations(
    migrations: Migrations, schemas: Mapping[str, Mapping[str, Any] | bool]
) -> list[Mistake]:
    """What is wrong with migrations that can be read, by their order in the file.

    schemas: the options of each release that there is a schema of, by version.
    """
    versions = sorted(schemas, key=Version)
    found: list[Mistake] = []
    for old, new in pairwise(versions):
        declared = [each for one in migrations.between(old, new) for each in one.changes]
        if declared:
            gap = _Gap(old, options_of(schemas[old]), new, options_of(schemas[new]), declared)
            found += gap.mistakes()
    return found


class _Gap:
    """What is declared between two releases."""

    def __init__(
        self, old: str, before: Listing, new: str, after: Listing, declared: list[Declared]
    ) -> None:
        self._old, self._new = f"release {old}", f"release {new}"
        self._before, self._after = before, after
        self._declared = declared

    def mistakes(self) -> Iterator[Mistake]:
        changes = [each.change for each in self._declared]
        for i, each in enumerate(self._declared):
            done, left = changes[:i], changes[i + 1 :]
            yield from self._of_sources(each, done)
            yield from self._of_targets(each, done, left)
            new = self._option(self._after, each.change, left)
            if new is not None:
                yield from self._of_values(each, new)

    def _of_sources(self, each: Declared, done: Sequence[Change]) -> Iterator[Mistake]:
        for path in sources(each.change):
            was = _origin(path, done)
            if was is None:
                yield Mistake(each.spot, f"a change above has taken {path_text(path)} away")
            elif was != () and not _has(self._before, was):
                yield self._unknown(each, path, self._old, self._before)

    def _unknown(self, each: Declared, path: Path, release: str, listing: Listing) -> Mistake:
        known = [path_text(one) for one in listing]
        near = difflib.get_close_matches(path_text(path), known, 1)
        hint = f"did you mean {near[0]}?" if near else ""
        return Mistake(each.spot, f"{release} has no option {path_text(path)}", hint)

    def _of_targets(
        self, each: Declared, done: Sequence[Change], left: Sequence[Change]
    ) -> Iterator[Mistake]:
        change = each.change
        if isinstance(change, Drop):
            if change.path in self._after and not any(change.path in targets(o) for o in left):
                yield Mistake(each.spot, f"{self._new} still has {path_text(change.path)}")
            return
        for path in targets(change):
            now = _end(path, left)
            if now is not None and not _has(self._after, now):
                yield self._unknown(each, path, self._new, self._after)
            if not isinstance(change, Rename | Split | Join | Script):
                continue
            if any(path in targets(o) for o in done if isinstance(o, Rename | Split | Join)):
                yield Mistake(each.spot, f"a change above leads to {path_text(path)} too")
            elif isinstance(change, Rename) and done and _origin(change.source, done) == path:
                yield Mistake(each.spot, f"{path_text(path)} comes back to where it was")

    def _option(self, listing: Listing, change: Change, left: Sequence[Change]) -> Option | None:
        """The new option that a change of values is about, if that can be told."""
        if isinstance(change, Rename | Split | Join | Script | Drop):
            return None
        later = {path for other in left for path in sources(other)}
        return None if change.path in later else listing.get(change.path)

    def _of_values(self, each: Declared, new: Option) -> Iterator[Mistake]:
        change = each.change
        types = _types(new)
        name = path_text(new.path)
        match change:
            case MapValues(values=values):
                allowed = new.type.get("enum")
                for _, value in values if allowed else ():
                    if not any(same(value, one) for one in allowed or ()):
                        shown = one_line(written(value))
                        yield Mistake(each.spot, f"{self._new} does not allow {shown} for {name}")
            case NewDefault(value=value) if value is not new.default and (
                ABSENT in (value, new.default) or not same(value, new.default)
            ):
                says = "none" if new.default is ABSENT else one_line(written(new.default))
                yield Mistake(each.spot, f"the default of {name} in {self._new} is {says}")
            case Convert(to=to) if types and to not in types:
                if not (to == "integer" and "number" in types):
                    yield Mistake(each.spot, f"{name} is {new.type_text} in {self._new}, not {to}")
            case Wrap(key=key) | Unwrap(key=key) if types:
                wanted = "array" if key is None else "object"
                if isinstance(change, Wrap) and wanted not in types:
                    yield Mistake(each.spot, f"{name} is {new.type_text} in {self._new}")
                elif isinstance(change, Unwrap) and types == {wanted}:
                    yield Mistake(each.spot, f"{name} is still {new.type_text} in {self._new}")


def _types(option: Option) -> set[str]:
    said = option.type.get("type", [])
    return {said} if isinstance(said, str) else set(said)


def _has(listing: Listing, path: Path) -> bool:
    """Is there such an option, as far as can be told? What lies in a section that takes any
    entry, or in what was not listed, may be there."""
    at: Path = ()
    for part in path:
        inner = next((p for p in ((*at, part), (*at, ANY)) if p in listing), None)
        if inner is None:
            above = listing.get(at)
            if at in listing.recursive or at in listing.cut:
                return True
            types = _types(above) if above is not None else set()
            return above is not None and not above.container and (not types or "object" in types)
        at = inner
    return True


def _origin(path: Path, done: Sequence[Change]) -> Path | None:
    """The path before the changes of what is at `path` after them. () where a change made it;
    None where one took it away."""
    for change in reversed(done):
        for made in targets(change):
            if path[: len(made)] != made:
                continue
            if not isinstance(change, Rename):
                if isinstance(change, MapValues | NewDefault | Convert):
                    continue
                return ()
            path = (*change.source, *path[len(made) :])
            break
        else:
            for gone in sources(change):
                if path[: len(gone)] == gone and gone not in targets(change):
                    return None
    return path


def _end(path: Path, left: Sequence[Change]) -> Path | None:
    """Where changes lead what is at `path` before them; None where one uses it up."""
    for change in left:
        for source in sources(change):
            if path[: len(source)] != source:
                continue
            if isinstance(change, Rename):
                path = (*change.target, *path[len(source) :])
            elif not isinstance(change, MapValues | NewDefault | Convert):
                return None
            break
    return path
