"""Backups at fixed times: which are due, beginning them, and how each schedule stands.

Nothing is remembered of a tick but what came of it, so it does not matter who gives it, how often
or how late: what is due is begun once. What was missed, because the machine was off or the
deployment busy, is made up for by one backup, however many moments have passed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.backup.calendar import Calendar
from engine.backup.due import answered, due_at, standing_of, standings
from engine.backup.waking import Waker, ask_to_be_woken, let_sleep, waker
from engine.errors import Busy, HomeportError
from engine.model.deployment import Deployment
from engine.model.plan import Operation, Plan
from engine.model.schedule import Schedule, ScheduleStanding
from engine.operations.gates import refuse_destroyed
from engine.paths import Paths

if TYPE_CHECKING:
    from engine.inventory.inventory import Inventory
    from engine.operations.backups import Backups


class Scheduling:
    """backups: makes their plans. apply: begins an operation for a plan of that hash."""

    def __init__(
        self,
        paths: Paths,
        inventory: Inventory,
        backups: Backups,
        apply: Callable[[Plan, str], Operation],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._paths = paths
        self._inventory = inventory
        self._backups = backups
        self._apply = apply
        self._now = now

    def set(self, name: str, calendar: str, repository: str = "") -> ScheduleStanding:
        """From the calendar's next moment on; whoever sets it approves of what each backup does,
        removing older ones by the repository's rule included. InvalidInput, NotFound;
        RemoteFailure where nobody can be asked to wake Homeport."""
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        text = Calendar.parse(calendar).text
        repository = self._backups.chosen(repository).name
        ask_to_be_woken(self._paths)
        schedule = Schedule(
            deployment=deployment.id, repository=repository, calendar=text, since=self._now()
        )
        self._inventory.schedules.set(schedule)
        self._inventory.audit.record(f"schedule backups of {deployment.name}", text)
        return standing_of(schedule, None, self._now())

    def remove(self, name: str) -> bool:
        """False where it had none. Backups that were made stay."""
        deployment = self._inventory.deployments.get(name)
        had = self._inventory.schedules.remove(deployment.id)
        if had and not self._inventory.schedules.all():
            let_sleep(self._paths)
        if had:
            self._inventory.audit.record(f"end scheduled backups of {deployment.name}")
        return had

    def standing(self) -> dict[str, ScheduleStanding]:
        """By deployment id."""
        return standings(self._inventory, self._now())

    def waker(self) -> Waker | None:
        """Who wakes Homeport for what is due."""
        return waker(self._paths)

    def begin_due(self) -> list[Operation]:
        """All that is due and can be begun. Why one cannot is written down, and it is tried
        again at the next tick; an operation that holds the deployment is waited for."""
        now, begun = self._now(), []
        living = {known.id: known for known in self._inventory.deployments.all()}
        for schedule in self._inventory.schedules.all().values():
            due = due_at(schedule, now)
            if schedule.deployment not in living:
                self._inventory.schedules.remove(schedule.deployment)
            elif due is not None:
                begun += self._begin(living[schedule.deployment], schedule, due)
        return begun

    def _begin(self, deployment: Deployment, schedule: Schedule, due: datetime) -> list[Operation]:
        schedules = self._inventory.schedules
        made = answered(self._inventory.operations.all(deployment.id, 20), due)
        if made is not None:
            # By hand, or by an earlier tick that was killed before it could write this down.
            schedules.begun(deployment.id, due, made.id)
            return []
        try:
            plan = self._backups.backup(deployment.id, schedule.repository)
            operation = self._apply(plan, plan.hash)
        except HomeportError as error:
            why = "another operation holds it" if isinstance(error, Busy) else str(error)
            schedules.troubled(deployment.id, why, self._now())
            return []
        schedules.begun(deployment.id, due, operation.id)
        return [operation]
