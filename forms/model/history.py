"""What was done to a form, to be undone and redone."""

from __future__ import annotations

from dataclasses import dataclass

from forms.model.document import Replacement
from forms.paths import Path


@dataclass(frozen=True, slots=True)
class Choice:
    """Another branch was chosen; None is the form's own choice."""

    path: Path
    before: int | None
    after: int | None

    def reversed(self) -> Choice:
        return Choice(self.path, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Shift:
    """An entry of a list or map came (`before` None), went (`after` None), moved or was
    renamed: what the form knows of it, such as what is folded, goes with it."""

    path: Path
    before: int | str | None
    after: int | str | None

    def reversed(self) -> Shift:
        return Shift(self.path, self.after, self.before)


Action = Replacement | Choice | Shift


@dataclass(frozen=True, slots=True)
class Step:
    """One command, as the user sees it."""

    label: str
    path: Path
    """The option that the command was about."""
    actions: tuple[Action, ...]

    def reversed(self) -> Step:
        return Step(self.label, self.path, tuple(a.reversed() for a in reversed(self.actions)))


class History:
    """A line of steps, and where on it the form stands."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._at = 0
        self._saved_at: int | None = 0

    @property
    def dirty(self) -> bool:
        return self._at != self._saved_at

    @property
    def done(self) -> int:
        """How many steps can be taken back."""
        return self._at

    def mark_saved(self) -> None:
        self._saved_at = self._at

    def mark_dirty(self) -> None:
        """What was saved can no longer be reached by undoing."""
        self._saved_at = None

    def add(self, step: Step) -> None:
        if self._saved_at is not None and self._saved_at > self._at:
            self._saved_at = None
        del self._steps[self._at :]
        self._steps.append(step)
        self._at += 1

    def join(self, since: int, label: str, path: Path) -> None:
        """Let the steps from that one on be one."""
        joined = [action for step in self._steps[since : self._at] for action in step.actions]
        self._steps[since : self._at] = [Step(label, path, tuple(joined))]
        self._at = since + 1

    def back(self) -> Step | None:
        if self._at == 0:
            return None
        self._at -= 1
        return self._steps[self._at].reversed()

    def forward(self) -> Step | None:
        if self._at == len(self._steps):
            return None
        self._at += 1
        return self._steps[self._at - 1]

    def clear(self) -> None:
        self._steps.clear()
        self._at = 0
