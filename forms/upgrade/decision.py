"""What people decide in a review, and its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from forms.paths import Path
from forms.values import ABSENT


class Key(NamedTuple):
    """What names a row for as long as there is the review, and in drafts and answers.

    side "old": something that the user set, by its place in the old document, or an option of
    the old release. side "new": an option that only the new one has.
    """

    side: Literal["old", "new"]
    path: Path


class Verb(StrEnum):
    """What is decided. The words are those of answer files."""

    KEEP = "keep"
    """Your value stays."""
    DEFAULT = "take new default"
    """Your value goes to the archive, and the option follows its default."""
    SET = "set"
    """Another value; yours goes to the archive."""
    SAME = "same as"
    """It is the option that is now called otherwise."""
    OUT = "take out"
    """The option is gone, and your value goes to the archive."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided of one row's value."""

    verb: Verb
    value: Any = ABSENT
    """For `SET`."""
    by: str = ""
    at: str = ""
    why: str = ""


class Gone(NamedTuple):
    """An option that is not in the release after `hop`."""

    hop: int
    option: Path


@dataclass(frozen=True, slots=True)
class Became:
    """That an option is one of a later release: its number in the chain, and the path there."""

    end: int
    new: Path
    by: str = ""
    at: str = ""
    why: str = ""


Subject = Key | Gone
Decided = Choice | Became


@dataclass(frozen=True, slots=True)
class Step:
    """What one command decided: before and after, None where nothing is decided."""

    label: str
    key: Key | None
    """The row that it was about; None for several."""
    before: Mapping[Subject, Decided | None]
    after: Mapping[Subject, Decided | None]


@dataclass
class Decisions:
    """All that is decided now, and how it came to be."""

    made: dict[Subject, Decided] = field(default_factory=dict)
    _steps: list[Step] = field(default_factory=list)
    _at: int = 0

    def choice(self, key: Key) -> Choice | None:
        found = self.made.get(key)
        return found if isinstance(found, Choice) else None

    def became(self) -> dict[Gone, Became]:
        return {
            subject: one
            for subject, one in self.made.items()
            if isinstance(subject, Gone) and isinstance(one, Became)
        }

    def make(self, label: str, key: Key | None, after: Mapping[Subject, Decided | None]) -> None:
        before = {subject: self.made.get(subject) for subject in after}
        del self._steps[self._at :]
        self._steps.append(Step(label, key, before, dict(after)))
        self._at += 1
        self._take(after)

    def join(self, since: int, label: str) -> None:
        """Let the steps from that one on be one."""
        joined = self._steps[since : self._at]
        if len(joined) > 1:
            before: dict[Subject, Decided | None] = {}
            after: dict[Subject, Decided | None] = {}
            for step in joined:
                before = {**step.before, **before}
                after |= step.after
            self._steps[since : self._at] = [Step(label, None, before, after)]
            self._at = since + 1

    def _take(self, values: Mapping[Subject, Decided | None]) -> None:
        for subject, one in values.items():
            if one is None:
                self.made.pop(subject, None)
            else:
                self.made[subject] = one

    @property
    def undoable(self) -> int:
        """How many steps can be taken back."""
        return self._at

    def back(self) -> Step | None:
        if not self._at:
            return None
        self._at -= 1
        self._take(self._steps[self._at].before)
        return self._steps[self._at]

    def forward(self) -> Step | None:
        if self._at == len(self._steps):
            return None
        self._at += 1
        self._take(self._steps[self._at - 1].after)
        return self._steps[self._at - 1]

    def forget_steps(self) -> None:
        self._steps.clear()
        self._at = 0
