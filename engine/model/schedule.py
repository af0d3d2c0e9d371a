"""Backups at fixed times: what was asked for, and how it stands."""

from __future__ import annotations

from datetime import datetime

from engine.model.base import Model
from engine.model.plan import OperationStatus


class Schedule(Model):
    """One deployment's backups. calendar: as `engine.backup.calendar` reads it. since: when it
    was set, or set anew; what was due before is nobody's business. repository: empty for the
    only one. due: the last moment that was answered by an operation; trouble: why the one that
    is due now could not be begun, as of `tried`."""

    deployment: str
    repository: str = ""
    calendar: str
    since: datetime
    due: datetime | None = None
    operation: str = ""
    trouble: str = ""
    tried: datetime | None = None


class ScheduleStanding(Model):
    """missed: the moment at which one should have been begun, which did not happen; it is made
    up for as soon as that is possible. late_seconds: how long after its moment the last one
    was begun, where that was more than a few minutes. last: how it ended, or that it runs."""

    schedule: Schedule
    next: datetime
    missed: datetime | None = None
    last: OperationStatus | None = None
    began: datetime | None = None
    late_seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        failed = (OperationStatus.FAILED, OperationStatus.CANCELLED)
        return self.missed is None and self.last not in failed

    def told(self) -> str:
        """In one line, for a reader; times are UTC."""
        words = [f"{self.schedule.calendar} UTC, next {self.next:%Y-%m-%d %H:%M}"]
        if self.missed is not None:
            words.append(f"MISSED: none was begun at {self.missed:%Y-%m-%d %H:%M}")
            if self.schedule.trouble:
                words.append(self.schedule.trouble)
        if self.began is not None and self.last is not None:
            late = f", {self.late_seconds / 60:.0f} min late" if self.late_seconds else ""
            words.append(f"last {self.last.value}, begun {self.began:%Y-%m-%d %H:%M}{late}")
        return "; ".join(words)
