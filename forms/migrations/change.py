"""What upstream changed in a release, as it is declared: one small value for each change.

Paths may hold `*` for every entry of a map or item of a list; where there are two paths, the
stars of one are those of the other, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from forms.oneline import one_line
from forms.paths import Path, path_text
from forms.values import ABSENT, written

LIST = "list"
"""What `Wrap` puts a value into, and `Unwrap` takes it out of, if it is not a key."""


@dataclass(frozen=True, slots=True)
class Rename:
    """An option, or a section with all in it, has another path. Also what is declared as
    `move`: the two words say what upstream did, not what to do."""

    source: Path
    target: Path

    def __str__(self) -> str:
        return f"{path_text(self.source)} is now {path_text(self.target)}"


@dataclass(frozen=True, slots=True)
class Wrap:
    """A value now stands in a list, or under a key of a section."""

    path: Path
    key: str | None = None
    """None: in a list."""

    def __str__(self) -> str:
        into = "a list" if self.key is None else f"a section, as its {self.key}"
        return f"{path_text(self.path)} is now {into}"


@dataclass(frozen=True, slots=True)
class Unwrap:
    """What was a list of one, or a section with one key, is now what stood in it."""

    path: Path
    key: str | None = None

    def __str__(self) -> str:
        out_of = "a list" if self.key is None else f"a section with the key {self.key}"
        return f"{path_text(self.path)} is no longer {out_of}"


@dataclass(frozen=True, slots=True)
class Split:
    """One option became several. by: what stands between the parts of its text; None: it is a
    list, with one item for each."""

    source: Path
    targets: tuple[Path, ...]
    by: str | None = None

    def __str__(self) -> str:
        return f"{path_text(self.source)} is now {_and(self.targets)}"


@dataclass(frozen=True, slots=True)
class Join:
    """Several options became one: a text with `by` between its parts, or a list."""

    sources: tuple[Path, ...]
    target: Path
    by: str | None = None

    def __str__(self) -> str:
        return f"{_and(self.sources)} are now {path_text(self.target)}"


@dataclass(frozen=True, slots=True)
class MapValues:
    """Values are written otherwise. Those that are not listed stay."""

    path: Path
    values: tuple[tuple[Any, Any], ...]

    def __str__(self) -> str:
        pairs = ", ".join(f"{written(old)} is now {written(new)}" for old, new in self.values)
        return one_line(f"{path_text(self.path)}: {pairs}")


@dataclass(frozen=True, slots=True)
class NewDefault:
    """The default is another. ABSENT: there is or was none."""

    path: Path
    value: Any = ABSENT
    was: Any = ABSENT

    def __str__(self) -> str:
        was, value = ("none" if one is ABSENT else written(one) for one in (self.was, self.value))
        return one_line(f"{path_text(self.path)}: its default was {was}, and is {value}")


@dataclass(frozen=True, slots=True)
class Drop:
    """The option is gone, and nothing takes its place."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return one_line(f"{path_text(self.path)} is gone: {self.reason}")


@dataclass(frozen=True, slots=True)
class Unit:
    """The new value is the old one times `factor`."""

    old: str
    new: str
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Convert:
    """The option has another type or unit. was: the type that it had, where that is said:
    only then is there a way back."""

    path: Path
    to: str
    was: str | None = None
    unit: Unit | None = None

    def __str__(self) -> str:
        unit = f", in {self.unit.new} instead of {self.unit.old}" if self.unit else ""
        return f"{path_text(self.path)} is now {_TYPE_WORDS[self.to]}{unit}"


_TYPE_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "yes or no",
}


@dataclass(frozen=True, slots=True)
class Script:
    """Values are made from others by a program (`forms.migrations.apply` says what it may do).

    sources: what it is given, and replaces. targets: what it may set.
    """

    sources: tuple[Path, ...]
    targets: tuple[Path, ...]
    run: str

    def __str__(self) -> str:
        return f"{_and(self.targets)} are worked out from {_and(self.sources)}"


Change = Rename | Wrap | Unwrap | Split | Join | MapValues | NewDefault | Drop | Convert | Script

Spot = tuple[str | int, ...]
"""Keys and positions that lead to a value in the file."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A change, and where it stands in the file."""

    change: Change
    spot: Spot = ()


@dataclass(frozen=True, slots=True)
class Migration:
    """What a release changed. It applies to every upgrade from a release before it to one at
    or after it."""

    version: str
    changes: tuple[Declared, ...]
    note: str = ""
    """What upstream says of it."""
    reference: str = ""
    """Where."""
    spot: Spot = ()


def sources(change: Change) -> tuple[Path, ...]:
    """The options that a change is about, by their paths before it."""
    match change:
        case Rename(source=source) | Split(source=source):
            return (source,)
        case Join(sources=several) | Script(sources=several):
            return several
        case _:
            return (change.path,)


def targets(change: Change) -> tuple[Path, ...]:
    """The options that a change is about, by their paths after it; none where it is gone."""
    match change:
        case Rename(target=target) | Join(target=target):
            return (target,)
        case Split(targets=several) | Script(targets=several):
            return several
        case Drop():
            return ()
        case _:
            return (change.path,)


def pairs(change: Change) -> tuple[tuple[Path, Path], ...]:
    """Old and new paths of the options that a change moved."""
    match change:
        case Rename() | Split() | Join():
            return tuple((old, new) for old in sources(change) for new in targets(change))
        case Wrap(path, str(key)):
            return ((path, (*path, key)),)
        case Unwrap(path, str(key)):
            return (((*path, key), path),)
        case _:
            return ()


def _and(paths: tuple[Path, ...]) -> str:
    texts = [path_text(path) for path in paths]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
