"""What a review looks like: rows, filters, and all that is to be said of one row.

These are values. A row says everything that a view needs to draw one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, overload

from forms.oneline import one_line
from forms.paths import Path
from forms.upgrade.decision import Key, Verb
from forms.upgrade.status import Status
from forms.values import ABSENT, written


@dataclass(frozen=True, slots=True)
class Row:
    """One option, old and new."""

    key: Key
    path: str
    """The written path: by the new name if there is one."""
    old_path: str
    """Empty for what is new."""
    new_path: str
    """Empty for what has no place in the new release."""
    status: Status
    mark: str
    text: str
    """The value as it will be: one line, never a secret. Empty where nothing is set and there
    is no default."""
    yours: str
    """What you had set; empty if you had not set it."""
    old_default: str
    new_default: str
    note: str
    """What is to be said beside the value, in a few words: "undecided", "was 75", "invalid"."""
    asks: bool
    """A person must decide this one, and has not yet."""
    decided: bool
    secret: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be decided of a row."""

    verb: Verb
    label: str
    preview: str = ""
    """The value as it would be then: one line, never a secret."""
    value: Any = ABSENT
    """For `SET`; ABSENT where it is to be typed."""
    target: Path | None = None
    """For `SAME`."""
    reasons: tuple[str, ...] = ()
    score: float | None = None
    """For `SAME`: how likely a person would confirm it."""


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is known of a row."""

    row: Row
    type: str
    """In words; both where it changed: "text, was whole number"."""
    description: str
    why: tuple[str, ...]
    """Plain sentences: what upstream did and said, what is in the way, who confirmed what."""
    actions: tuple[Action, ...]
    """The suggested one first."""
    suggested: bool
    """Is the first action one to suggest? Otherwise a value must be thought of."""


@dataclass(frozen=True, slots=True)
class Said:
    """Who decided what of a row. All empty where nobody did."""

    decision: str = ""
    """In the words of answer files."""
    by: str = ""
    at: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to show. The parts narrow each other; the empty filter shows all."""

    text: str = ""
    """Words, all of which must occur in paths, help or value."""
    asks: bool = False
    """Only what a person must decide, decided or not."""
    statuses: frozenset[Status] = frozenset()
    mine: bool = False
    """Only what you had set."""
    section: Path = ()
    """Only what lies there, by the new name if there is one."""


class Rows(Sequence[Row]):
    """The rows that a filter showed when it was asked for. Which rows there are stays, so that
    none vanishes under the cursor by being decided; what they say follows every decision."""

    def __init__(self, keys: Sequence[Key], row: Callable[[Key], Row]) -> None:
        self.keys = tuple(keys)
        self._row = row
        self._places: dict[Key, int] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self._row(key) for key in self.keys[index]]
        return self._row(self.keys[index])

    def position(self, key: Key) -> int | None:
        """Where a row is; None if it is not shown."""
        if self._places is None:
            self._places = {key: i for i, key in enumerate(self.keys)}
        return self._places.get(key)


def shown(value: Any) -> str:
    """A value on one line; empty for none. A text is written without quotes where nobody could
    take it for something else."""
    if value is ABSENT:
        return ""
    if isinstance(value, str) and value.strip() == value and value and not _is_json(value):
        return one_line(value)
    return one_line(written(value))


def _is_json(text: str) -> bool:
    if text[0] in '[{"':
        return True
    try:
        json.loads(text)
    except ValueError:
        return text in ("~", "yes", "no", "on", "off")
    return True
