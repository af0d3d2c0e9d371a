"""Backups as values, and a desk of repositories that keeps what it is told in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.backup.calendar import Calendar
from engine.backup.due import standing_of
from engine.backup.standing import Standing
from engine.backup.waking import Waker
from engine.errors import NotFound
from engine.model.plan import Effect, Intent, Operation, OperationStatus, Plan, PlannedStep
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile
from engine.model.schedule import Schedule, ScheduleStanding
from tui.screenshots.example_values import CALENDAR, NOW, operation, plan_for

if TYPE_CHECKING:
    from engine.backup.desk import Verified
    from engine.homeport import DeploymentView

STORE = RepositoryProfile(
    name="store", kind=RepositoryKind.DIRECTORY, location="/srv/backups/homeport"
)
CLOUD = RepositoryProfile(
    name="cloud",
    kind=RepositoryKind.S3,
    location="https://s3.example.org/harbour",
    access_key="GK3f81c0",
)
_STEPS = (
    ("backup.check", Effect.READ, "Check repository and guest", "{where} opens", 1),
    ("app.stop", Effect.CHANGE, "Stop the application", "radicale 3.5.4", 1),
    ("state.capture", Effect.CREATE, "Capture its state", "data, configuration, secrets", 2),
    ("app.run", Effect.CHANGE, "Start it again", "radicale 3.5.4", 2),
    ("app.health", Effect.READ, "Ask it by its public name", "calendar.harbour-a.lab", 1),
    ("backup.store", Effect.CREATE, "Bring it into the repository", "{where}", 8),
    ("backup.verify", Effect.READ, "Verify it", "all of it is read back (V2)", 5),
    ("capture.drop", Effect.CHANGE, "Remove the copy from the guest", "guest calendar", 1),
)


def backup_plan(repository: str) -> Plan:
    here = plan_for(CALENDAR, Intent.RECONFIGURE)
    steps = tuple(
        PlannedStep(
            id=kind,
            kind=f"{kind}@1",
            title=title,
            effect=effect,
            subject=subject.replace("{where}", repository),
            args={"repository": repository, "backup": "7f3a0010c0ffee"},
            expected_seconds=seconds,
        )
        for kind, effect, title, subject, seconds in _STEPS
    )
    away = "Radicale is away while its state is captured, not while it is stored."
    back = here.model_copy(update={"intent": Intent.BACKUP, "steps": ()})
    return here.model_copy(
        update={"intent": Intent.BACKUP, "steps": steps, "warnings": (away,), "rollback": back}
    )


BACKED_UP = operation(
    10, backup_plan("store"), OperationStatus.SUCCEEDED, NOW - timedelta(hours=5), 21
)
DRILLED = operation(
    11,
    backup_plan("store").model_copy(update={"intent": Intent.DRILL, "name": "drill-calendar"}),
    OperationStatus.SUCCEEDED,
    NOW - timedelta(days=2),
    64,
)


def _standing(
    number: int, hours: int, repository: str, kept: tuple[str, ...], drill: Operation | None = None
) -> Standing:
    backup = Backup(
        id=f"7f3a{number:04}c0ffee",
        repository=repository,
        snapshot=f"{number:064x}",
        at=NOW - timedelta(hours=hours),
        deployment=CALENDAR.id,
        name=CALENDAR.name,
        application=CALENDAR.application,
        release=CALENDAR.release,
        bytes=40_200_000 - hours * 21_000,
        sha256="0" * 64,
    )
    level = "V1" if repository == "cloud" else "V2"
    read = NOW - timedelta(hours=30) if hours > 30 and level == "V2" else None
    return Standing(backup, kept, level, read, drill)


BACKUPS = (
    _standing(10, 5, "store", ("last", "daily")),
    _standing(8, 29, "cloud", ("last", "daily")),
    _standing(7, 53, "store", ("last", "daily"), DRILLED),
    _standing(5, 240, "store", ("weekly",)),
    _standing(2, 264, "store", ()),
)


class ExampleScheduling:
    """As `engine.backup.scheduling.Scheduling`, of the deployments in views."""

    def __init__(self, views: list[DeploymentView]) -> None:
        self._views = views

    def set(self, name: str, calendar: str, repository: str = "") -> ScheduleStanding:
        text = Calendar.parse(calendar).text
        schedule = Schedule(deployment=name, repository=repository, calendar=text, since=NOW)
        standing = standing_of(schedule, None, NOW)
        self._change(name, standing)
        return standing

    def remove(self, name: str) -> bool:
        self._change(name, None)
        return True

    def waker(self) -> Waker:
        return Waker.SYSTEM

    def _change(self, name: str, standing: ScheduleStanding | None) -> None:
        self._views[:] = [
            replace(view, schedule=standing) if view.deployment.name == name else view
            for view in self._views
        ]


class ExampleDesk:
    """As `engine.backup.desk.RepositoryDesk`."""

    def __init__(self, *, empty: bool) -> None:
        self.profiles: list[RepositoryProfile] = [] if empty else [CLOUD, STORE]
        self.standings: Sequence[Standing] = () if empty else BACKUPS
        self.secrets: list[str] = []
        self.verified: list[str] = []

    def all(self) -> list[RepositoryProfile]:
        return list(self.profiles)

    def get(self, name: str) -> RepositoryProfile:
        for profile in self.profiles:
            if profile.name == name:
                return profile
        raise NotFound("there is no such repository", on=name)

    def add(self, profile: RepositoryProfile, *, password: str = "", secret_key: str = "") -> bool:
        self.profiles.append(profile)
        self.secrets += [password, secret_key]
        return not password

    def remove(self, name: str) -> None:
        self.profiles.remove(self.get(name))

    def standing(self, deployment: str = "", repository: str = "") -> list[Standing]:
        return [
            one
            for one in self.standings
            if deployment in ("", one.backup.deployment, one.backup.name)
            and repository in ("", one.backup.repository)
        ]

    def verify(self, backups: list[Backup], repository: str = "") -> list[Verified]:
        from engine.backup.desk import Verified

        self.verified.append(repository)
        return [Verified(repository, "V2", tuple(backups[:1]))]

    def sheet(self, name: str) -> str:
        return f"RECOVERY SHEET of the repository {name}\n\n  password  an-example-not-a-password\n"
