"""Mistakes in migrations.yaml, and changes between releases that it does not tell of.

A removed option, another type or another default is what costs users their configuration,
so each must be declared. What was only added, or allows more than before, needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from packaging.version import Version

from engine.catalog.check_options import spot_of
from engine.catalog.programs import check_program
from engine.catalog.source import Finding, Source
from forms import migrations as declared
from forms.diff import Difference, Kind, Listing, Severity, compare, options_of
from forms.migrations import Change, Migrations, composed
from forms.migrations.change import NewDefault, Script, sources
from forms.paths import Path, path_text


def check_migrations(file: Source | None, releases: Mapping[str, Source]) -> Iterator[Finding]:
    """file: migrations.yaml, if there is one. releases: by version, the options schemas that
    can be used."""
    found = Migrations()
    if file is not None:
        yield from file.findings
        if file.value is None:
            return
        found, mistakes = declared.read_what_can_be(file.value)
        schemas = {version: source.value for version, source in releases.items()}
        for mistake in (*mistakes, *declared.check_migrations(found, schemas)):
            yield file.found(mistake.spot, mistake.message, mistake.hint)
        yield from _programs(file, found)
        if mistakes:
            return  # What they were to declare would be called undeclared.
    for old, new in pairwise(sorted(releases, key=Version)):
        if releases[old].file != releases[new].file:
            gap = _Gap(releases[old], releases[new], f"release {new}", found.changes(old, new))
            yield from gap.undeclared()


def _programs(file: Source, found: Migrations) -> Iterator[Finding]:
    for migration in found.all:
        for each in migration.changes:
            if isinstance(each.change, Script):
                try:
                    check_program(each.change.run)
                except ValueError as error:
                    yield file.found((*each.spot, "run"), str(error), "")


@dataclass(frozen=True)
class _Gap:
    """Two releases, one after the other, and what is declared between them."""

    old: Source
    new: Source
    name: str
    """Of the new release."""
    changes: tuple[Change, ...]

    def undeclared(self) -> Iterator[Finding]:
        before, after = options_of(self.old.value), options_of(self.new.value)
        moved = composed(self.changes)
        for difference in compare(self.old.value, self.new.value, identities=moved):
            match difference:
                # What takes another option in is still there, and not gone for that.
                case Difference(kind=Kind.REMOVED, old_path=tuple(path)) if path not in after:
                    for option in _leaves(before, path):
                        yield from self._removed(option)
                case Difference(kind=Kind.RETYPED, old_path=tuple(path)):
                    if difference.severity is not Severity.NONE:
                        yield from self._retyped(path, difference.text)
                case Difference(kind=Kind.DEFAULT, old_path=tuple(path), new_path=tuple(now)):
                    yield from self._default(path, now, difference.text)

    def _removed(self, path: Path) -> Iterator[Finding]:
        if not self._is_told(path):
            what = f"{self.name} has no {path_text(path)}, and no migration says what becomes of it"
            yield self._finding(self.old, _spot(self.old, path), what, "rename, join or drop")

    def _retyped(self, path: Path, text: str) -> Iterator[Finding]:
        if not self._is_told(path):
            what = f"{path_text(path)} {text} in {self.name}, and no migration says how"
            yield self._finding(self.old, _spot(self.old, path), what, "convert, map or wrap")

    def _default(self, path: Path, now: Path, text: str) -> Iterator[Finding]:
        if not self._is_told(path, defaults=True):
            what = f"{path_text(now)}: the {text}, and no migration says so"
            yield self._finding(self.new, (*_spot(self.new, now), "default"), what, "default")

    def _finding(self, source: Source, spot: tuple[str, ...], message: str, words: str) -> Finding:
        return source.found(spot, message, f"declare it in migrations.yaml: {words}")

    def _is_told(self, path: Path, *, defaults: bool = False) -> bool:
        """Does a change deal with the option that is at this path before all of them? What
        users cannot set needs none. defaults: is a change of its default enough?"""
        return _is_managed(self.old, path) or any(
            path[: len(source)] == source and (defaults or not isinstance(change, NewDefault))
            for change in self.changes
            for source in sources(change)
        )


def _leaves(options: Listing, above: Path) -> Iterator[Path]:
    """The option itself; of a section, list or map, all that it is made of."""
    inner = [path for path in options if path[:-1] == above and path]
    for path in inner:
        yield from _leaves(options, path)
    if not inner:
        yield above


def _spot(source: Source, path: Path) -> tuple[str, ...]:
    return tuple(map(str, spot_of(source.value, ".".join(map(str, path)))))


def _is_managed(source: Source, path: Path) -> bool:
    """Does Homeport decide the option, or what it is a part of?"""
    node: Any = source.value
    for word in _spot(source, path):
        node = node.get(word) if isinstance(node, Mapping) else None
        if isinstance(node, Mapping) and node.get("x-managed") is True:
            return True
    return False
