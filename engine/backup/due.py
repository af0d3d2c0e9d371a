"""What is due of scheduled backups, and how each schedule stands: light, for the dashboard and the
worker look at it all the time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engine.backup.calendar import Calendar
from engine.errors import NotFound
from engine.model.plan import Intent, Operation, OperationStatus
from engine.model.schedule import Schedule, ScheduleStanding

if TYPE_CHECKING:
    from engine.inventory.inventory import Inventory

_GRACE = timedelta(minutes=15)
"""How long after its moment a backup is neither missed nor late: whoever wakes Homeport does so
every five minutes."""
_BETWEEN_TRIES = timedelta(minutes=4)


def standings(
    inventory: Inventory, now: datetime, deployment: str | None = None
) -> dict[str, ScheduleStanding]:
    """By deployment id; of one, or of all that have a schedule."""
    return {
        schedule.deployment: standing_of(schedule, _last(inventory, schedule), now)
        for schedule in inventory.schedules.all().values()
        if deployment in (None, schedule.deployment)
    }


def _last(inventory: Inventory, schedule: Schedule) -> Operation | None:
    try:
        return inventory.operations.get(schedule.operation)
    except NotFound:
        return None


def is_due(inventory: Inventory, now: datetime) -> bool:
    """Is there anything that a tick would try to begin?"""
    return any(
        due_at(one, now) is not None and (one.tried is None or now - one.tried > _BETWEEN_TRIES)
        for one in inventory.schedules.all().values()
    )


def due_at(schedule: Schedule, now: datetime) -> datetime | None:
    """The latest moment that came and was not answered; None where there is none."""
    moment = Calendar.parse(schedule.calendar).last(now)
    answered_until = max(schedule.since, schedule.due or schedule.since)
    return moment if moment > answered_until else None


def answered(operations: Iterable[Operation], due: datetime) -> Operation | None:
    """A backup that was begun at that moment or later, and is good or still may be."""
    ended_badly = (OperationStatus.FAILED, OperationStatus.CANCELLED)
    for run in operations:
        is_backup = run.plan.intent is Intent.BACKUP and run.created >= due
        if is_backup and run.status not in ended_badly:
            return run
    return None


def standing_of(schedule: Schedule, last: Operation | None, now: datetime) -> ScheduleStanding:
    due = due_at(schedule, now)
    late = timedelta()
    if last is not None and schedule.due is not None:
        late = last.created - schedule.due
    return ScheduleStanding(
        schedule=schedule,
        next=Calendar.parse(schedule.calendar).next(now),
        missed=due if due is not None and now - due > _GRACE else None,
        last=last.status if last else None,
        began=last.created if last else None,
        late_seconds=late.total_seconds() if late > _GRACE else 0.0,
    )
