"""What a comparison of two schemas gives: typed differences, and how much each matters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from forms.diff.listing import Listing
from forms.paths import Path
from forms.values import ABSENT


class Kind(StrEnum):
    """What happened to an option."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    MOVED = "moved"
    SPLIT = "split"
    MERGED = "merged"
    RETYPED = "retyped"
    DEFAULT = "default changed"
    TIGHTENED = "tightened"
    LOOSENED = "loosened"
    VALUE_ADDED = "value added"
    VALUE_DROPPED = "value dropped"
    VALUE_RENAMED = "value renamed"
    REQUIRED = "required"
    OPTIONAL = "no longer required"
    DEPRECATED = "deprecated"
    UNDEPRECATED = "no longer deprecated"
    CHANGED = "rule changed"
    """Neither tighter nor looser as far as can be told: what cannot be compared finely."""


class Severity(StrEnum):
    """What a difference asks of whoever has values for the old schema; worst first."""

    DECIDE = "to decide"
    CARRY = "to carry over"
    """A value must be changed, and how is certain: an upgrade by Homeport does it."""
    LOOK = "to look at"
    """What is set stays valid, but what it does or will do is another."""
    NONE = "nothing to do"


class Guess(Protocol):
    """That an old option lives on as a new one, by somebody's estimate
    (`forms.identity.Candidate` is one)."""

    @property
    def old(self) -> Path: ...
    @property
    def new(self) -> Path: ...
    @property
    def score(self) -> float: ...
    @property
    def reasons(self) -> tuple[str, ...]: ...


class Suggest(Protocol):
    """Gives guesses for options that are in one listing only; best first for each."""

    def __call__(
        self, old: Listing, new: Listing, known: Mapping[Path, Path]
    ) -> Mapping[Path, tuple[Guess, ...]]: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs at one option."""

    kind: Kind
    severity: Severity
    text: str
    """What differs, in plain words and without the path."""
    action: str
    """What to do about it, as an imperative sentence."""
    old_path: Path | None = None
    """None for what was added."""
    new_path: Path | None = None
    """None for what was removed."""
    keyword: str = ""
    """For `TIGHTENED`, `LOOSENED` and `CHANGED`: the JSON Schema keyword that differs."""
    old: Any = ABSENT
    """Default, bound, value or type in words, as the kind has it."""
    new: Any = ABSENT
    lossless: bool | None = None
    """For `RETYPED`: can every value be carried over without loss?"""
    required: bool = False
    """For `ADDED`: must it be set?"""
    others: tuple[Path, ...] = ()
    """For `SPLIT` and `MERGED`: the further new or old options."""
    inside: tuple[Path, ...] = ()
    """For `ADDED`, `REMOVED`, `RETYPED`: the options that came or went with it."""
    yours: tuple[Path, ...] = ()
    """Where the user's values are concerned. The values themselves are not repeated here:
    they may be secrets."""
    places: int = 1
    """In how many places of the schema the same differs; the paths are those of the first."""
    guesses: tuple[Guess, ...] = ()
    """For `REMOVED`: what it, or an option inside it, may have become."""

    @property
    def path(self) -> Path:
        """The new path, or the old one of what is gone."""
        path = self.old_path if self.new_path is None else self.new_path
        assert path is not None
        return path


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two schemas, those that matter most first."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()
    """What could not be compared, in sentences."""
    judged: bool = False
    """Were the user's values there to judge by?"""

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.differences)

    def counts(self) -> dict[Severity, int]:
        """How many differences there are of each severity."""
        found = Counter(difference.severity for difference in self.differences)
        return {severity: found[severity] for severity in Severity}

    @property
    def asks(self) -> bool:
        """Must anything be done?"""
        return any(one.severity in (Severity.DECIDE, Severity.CARRY) for one in self)
