"""What declared changes did to a document, value by value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from forms.migrations.change import Change
from forms.paths import Path


class Outcome(StrEnum):
    MOVED = "moved"
    """The same value has another path."""
    CHANGED = "changed"
    """The value is another now, as was declared; nothing is lost by it."""
    DROPPED = "dropped"
    """The value was taken out."""
    ASKED = "asked"
    """The change could not be made to this value, which is as and where it was."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change did at one place."""

    outcome: Outcome
    change: Change
    before: tuple[tuple[Path, Any], ...]
    after: tuple[tuple[Path, Any], ...] = ()
    """For `ASKED`: what the values could be, if a person agrees; may be empty."""
    why: str = ""
    """For `ASKED`: what is in the way, or what would be lost."""


@dataclass(frozen=True, slots=True)
class Applied:
    """document: a copy, with all changes made that could be made."""

    document: Any
    effects: tuple[Effect, ...]


def traced(path: Path, effects: Iterable[Effect]) -> tuple[Path, ...]:
    """Where a value that was at `path` before the effects is after them. Several paths where it
    was split; none where it was dropped."""
    paths: tuple[Path, ...] = (path,)
    for effect in effects:
        if effect.outcome is not Outcome.ASKED:
            paths = tuple(dict.fromkeys(new for old in paths for new in _through(old, effect)))
    return paths


def _through(path: Path, effect: Effect) -> tuple[Path, ...]:
    for source, _ in effect.before:
        if path[: len(source)] == source:
            rest = path[len(source) :] if effect.outcome is Outcome.MOVED else ()
            return tuple((*target, *rest) for target, _ in effect.after)
    return (path,)
