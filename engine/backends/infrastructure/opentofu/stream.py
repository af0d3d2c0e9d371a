"""The lines of `tofu plan -json` and `tofu apply -json`, as they come.

Format: https://opentofu.org/docs/internals/machine-readable-ui/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.backends.protocols import Progress

_TOLD = (*("apply_start", "apply_progress", "apply_complete", "apply_errored", "change_summary"),)
_ENDED = ("apply_complete", "apply_errored")


@dataclass(frozen=True)
class Diagnostic:
    summary: str
    detail: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.summary, " ".join(self.detail.split()))))


@dataclass
class Listener:
    """Passes on what is said, and keeps what went wrong. total: changes to be made; None in a run
    that makes none. is_json: False for commands that speak plainly, and are not heard."""

    progress: Progress
    total: int | None = None
    is_json: bool = False
    errors: list[Diagnostic] = field(default_factory=list)
    _done: int = 0

    def hear(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            if line.strip():  # what breaks before it knows that JSON is wanted speaks plainly
                self.errors.append(Diagnostic(line.strip()))
            return
        kind = str(said.get("type", ""))
        if kind == "diagnostic":
            self._diagnosed(said.get("diagnostic") or {})
        elif kind in _TOLD:
            self.progress.log(str(said.get("@message", "")))
        if kind in _ENDED and self.total:
            self._done += 1
            self.progress.progress(min(self._done, self.total), self.total, "items")

    def _diagnosed(self, found: Mapping[str, Any]) -> None:
        diagnostic = Diagnostic(str(found.get("summary", "")), str(found.get("detail", "")))
        if found.get("severity") == "error":
            self.errors.append(diagnostic)
        else:
            self.progress.log(f"Warning of OpenTofu: {diagnostic}")
