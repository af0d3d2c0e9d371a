"""Writing an operation's events: redacted first, in order, and cheap for chatty steps.

A package installer prints hundreds of lines, and every commit waits for the disk; so log
lines and progress are gathered for a moment and written together. Whatever tells of a
change (a step started, retried, finished) takes the gathered ones along at once. After a
SIGKILL at most the last moment's log lines are missing, never a change.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType

from engine.errors import Unreachable
from engine.inventory.database import Alongside
from engine.inventory.inventory import Inventory
from engine.inventory.steps import FinishedStep
from engine.model.events import Event, LogLine, StepFinished, StepProgress
from engine.redaction import Redactor

GATHER_SECONDS = 0.2
_LONGEST_LINE = 4000
_MOST_GATHERED = 500
_MOST_KEPT = 5000
_FREE_TEXT = {"text", "title", "note", "error"}
"""Fields of events that hold what people or programs wrote."""
_CONTROL_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])")
"""Colours and titles of terminals (ECMA-48 CSI and OSC)."""


class EventLog:
    """The writing end of one operation's stream. Safe to share between its steps' threads."""

    def __init__(self, inventory: Inventory, operation_id: str, redactor: Redactor) -> None:
        self._inventory = inventory
        self._operation = operation_id
        self._redactor = redactor
        self._lock = threading.Lock()
        self._gathered: list[Event] = []
        self._more = threading.Event()
        self._closed = threading.Event()
        self._flusher = threading.Thread(target=self._flush_in_time, daemon=True)
        self._flusher.start()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def log(self, step: str, text: str) -> None:
        """One line, or several; control characters are made visible, long lines cut."""
        now = datetime.now(UTC)
        whole = self._redactor.redact(text)
        self._gather([LogLine(at=now, step=step, text=line) for line in _lines(whole)])

    def progress(self, event: StepProgress) -> None:
        self._gather([event])

    def say(self, event: Event) -> None:
        """Write now, behind everything gathered so far."""
        clean = self._clean(event)
        self._write(lambda before: self._inventory.events.append(self._operation, [*before, clean]))

    def finish_step(
        self, attempt: int, finished: FinishedStep, event: StepFinished, alongside: Alongside
    ) -> None:
        """The step's record, its event and what else is told, in one transaction."""
        clean = FinishedStep(
            outcome=finished.outcome, output=self._redactor.redact_json(dict(finished.output))
        )
        self._write(
            lambda before: self._inventory.finished_steps.finish(
                self._operation, attempt, clean, before, event, alongside
            )
        )

    def flush(self) -> None:
        self._write(lambda before: self._inventory.events.append(self._operation, before))

    def close(self) -> None:
        self._closed.set()
        self._more.set()
        self._flusher.join()
        self.flush()

    def _gather(self, events: list[Event]) -> None:
        with self._lock:
            for event in events:
                _add(self._gathered, event)
            full = len(self._gathered) >= _MOST_GATHERED
        self._more.set()
        if full:
            self.flush()

    def _write(self, write: Callable[[list[Event]], None]) -> None:
        with self._lock:
            if len(self._gathered) > _MOST_KEPT:
                del self._gathered[:-_MOST_KEPT]
            write([self._clean(event) for event in self._gathered])
            self._gathered = []

    def _clean(self, event: Event) -> Event:
        """Redacted now: a secret may have been registered after its line was logged."""
        told = event.model_dump(include=_FREE_TEXT, exclude_none=True)
        return event.model_copy(update=self._redactor.redact_json(told))

    def _flush_in_time(self) -> None:
        while not self._closed.is_set():
            self._more.wait()
            self._more.clear()
            if not self._closed.wait(GATHER_SECONDS):
                # The database is away: the lines stay gathered for the next time.
                with suppress(Unreachable):
                    self.flush()


def _add(gathered: list[Event], event: Event) -> None:
    """A step's newer progress replaces its older one if nothing came between."""
    if gathered and isinstance(event, StepProgress):
        last = gathered[-1]
        if isinstance(last, StepProgress) and last.step == event.step:
            gathered[-1] = event
            return
    gathered.append(event)


def _lines(text: str) -> list[str]:
    """Printable lines: a program's output must not steer the reader's terminal."""
    return [
        "".join(char if char.isprintable() or char == "\t" else "·" for char in line)[
            :_LONGEST_LINE
        ]
        for line in re.split(r"[\r\n]+", _CONTROL_SEQUENCE.sub("", text))
        if line.strip()
    ]
