"""The last line on the terminal: what happened, and what to run next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.model.plan import Operation


@dataclass
class Farewell:
    """What the pages have learned that matters to somebody who leaves."""

    running: Sequence[Operation] = field(default_factory=list)
    draft: str = ""
    """What was left half done, in words: "the deployment of radicale"."""
    done: str = ""
    """What was done, where that is the last word: "written to values.yaml"."""
    error: dict[str, Any] = field(default_factory=dict)
    """Why there was nothing to show; fields of HomeportError.describe()."""
    again: str = "homeport"
    """The command that opens the same again."""
    nothing: str = "nothing is running. Open it again with: homeport"
    """What is said where there is nothing else to say."""

    def text(self) -> str:
        """Sentences for a terminal without the interface."""
        if self.running:
            run = self.running[0]
            return (
                f"homeport: {run.plan.intent.value} {run.plan.name} goes on without this "
                f"terminal. Watch it with: homeport attach {run.id}"
            )
        if self.draft:
            return f"homeport: {self.draft} is kept as a draft. Go on with: {self.again}"
        return f"homeport: {self.done or self.nothing}"
