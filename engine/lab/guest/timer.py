"""One timer under the supervisor: it waits for its next moment and starts its service.

States are those of systemd, and so are the stamps of persistent timers (systemd.timer(5)): empty
files whose time is that of the last run. What such a timer missed while it was down, it makes up
for once, as soon as it is started.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from engine.calendar_event import CalendarEvent
from engine.lab.guest.journal import Journal
from engine.lab.guest.timer_units import TimerUnit

_STAMPS = "var/lib/systemd/timers"
_LONGEST_NAP = 30.0
"""Seconds; the clock may be set meanwhile."""


class Timer:
    """run: starts the unit of this name, and returns when it has ended."""

    def __init__(
        self, unit: TimerUnit, root: Path, journal: Journal, run: Callable[[str], Awaitable[None]]
    ) -> None:
        self.unit = unit
        self._root = root
        self._journal = journal
        self._run = run
        self.active = "inactive"
        self.sub = "dead"
        self.result = "success"
        self.since = time.time()
        self.ran: float | None = None
        """When it last elapsed; seconds since 1970, as the next one."""
        self.next: float | None = None
        self._waiting: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self.active == "active"

    async def start(self) -> None:
        if self.is_up:
            return
        self.ran = self._stamped() if self.unit.persistent else None
        self._enter("active", "waiting")
        self._say(f"Started {self.unit.description}.")
        self._waiting = asyncio.ensure_future(self._wait(self.since))

    async def stop(self) -> None:
        """It elapses no more; what it has started goes on."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self.is_up:
            self.next = None
            self._enter("inactive", "dead")
            self._say(f"Stopped {self.unit.description}.")

    def reload(self, unit: TimerUnit) -> None:
        """Its unit says this now; what it waits for may be another moment."""
        changed, self.unit = unit != self.unit, unit
        if changed and self._waiting is not None and self.sub == "waiting":
            self._waiting.cancel()
            self._waiting = asyncio.ensure_future(self._wait(self.since))

    def reset_failed(self) -> None:
        """It cannot fail."""

    def kill(self, number: int) -> None:
        """It has no processes."""

    async def _wait(self, begun: float) -> None:
        while True:
            since = begun if self.ran is None else self.ran
            self.next = min(next_elapse(event, since) for event in self.unit.calendar)
            self._enter("active", "waiting")
            while (left := self.next - time.time()) > 0:
                await asyncio.sleep(min(left, _LONGEST_NAP))
            self.ran = time.time()
            if self.unit.persistent:
                self._stamp()
            self._enter("active", "running")
            # A timer that is stopped leaves what it has started alone.
            await asyncio.shield(self._run(self.unit.starts))

    @property
    def _file(self) -> Path:
        return self._root / _STAMPS / f"stamp-{self.unit.name}"

    def _stamped(self) -> float:
        """Of the last run; one that never ran is counted as having run now."""
        with suppress(FileNotFoundError):
            at = self._file.stat().st_mtime
            if at <= time.time():
                return at
        self._stamp()
        return time.time()

    def _stamp(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch()
        os.utime(self._file)

    def _enter(self, active: str, sub: str) -> None:
        if active != self.active:
            self.since = time.time()
        self.active, self.sub = active, sub

    def _say(self, text: str) -> None:
        self._journal.write(self.unit.name, 1, "systemd", text)


def next_elapse(event: CalendarEvent, since: float) -> float:
    """The event's first moment later than that, in this machine's time zone; all in seconds since
    1970."""
    moment = event.next(datetime.fromtimestamp(since))
    at = moment.timestamp()
    # In an hour that comes twice, the moment may be the second one.
    return at if at > since else moment.replace(fold=1).timestamp()
