"""How backups are told: when the last one was made, how it was verified, why it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from tui.text import Line, Role, labelled
from tui.words import ago

if TYPE_CHECKING:
    from engine.backup.standing import Standing
    from engine.homeport import DeploymentView
    from engine.model.plan import Operation
    from engine.model.repository import Keep

_LEVELS = {
    "V2": "all of it was read back and compared (V2)",
    "V1": "its structure was checked, contents were not read (V1)",
}


def last_backups(operations: Iterable[Operation]) -> dict[str, datetime]:
    """By deployment id, when its last backup came to a good end. operations: newest first."""
    found: dict[str, datetime] = {}
    for run in operations:
        if run.plan.intent.value == "backup" and run.status.value == "succeeded":
            found.setdefault(run.plan.deployment, run.ended or run.created)
    return found


def schedule_lines(view: DeploymentView, width: int) -> list[Line]:
    """When backups are made by themselves, and whether they were."""
    if view.schedule is None:
        return []
    role: Role = "plain" if view.schedule.is_good else "bad"
    return labelled("schedule", view.schedule.told(), width, role=role)


def size_said(count: float) -> str:
    """ "812 kB", "40.2 MB", "1.3 GB": as disks and uploads are measured."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB" if count >= 1000 else f"{count:.0f} bytes"


def kept_said(standing: Standing) -> str:
    """Which rules keep it, or that none does."""
    return ", ".join(standing.kept_by) if standing.kept_by else "goes next"


def checked_said(standing: Standing) -> str:
    """ "V2", "V2, drill": how far it is proven, in a column."""
    level = "V2" if standing.read is not None else standing.level
    drill = standing.drill
    if drill is None:
        return level or "not here"
    return f"{level}, drill" if drill.status.value == "succeeded" else f"{level}, drill failed"


def verified_said(standing: Standing, now: datetime) -> str:
    """The same as a sentence."""
    made = _LEVELS.get(standing.level)
    said = f"when it was made: {made}" if made else "not known here: it was made elsewhere"
    if standing.read is not None:
        said += f"; again with all of its repository {ago(standing.read, now)} (V2)"
    return said


def drill_said(standing: Standing, now: datetime) -> str:
    """Whether it was ever started."""
    drill = standing.drill
    if drill is None:
        return "never; d proves that it starts"
    when = ago(drill.ended or drill.created, now)
    if drill.status.value == "succeeded":
        return f"it started and answered on a throw-away guest {when}"
    return f"{drill.status.value} {when}; the operation tells why: o on the first page"


def keep_said(keep: Keep) -> str:
    """ "the newest 3, and one of each of the last 7 days, 5 weeks, 12 months"."""
    if keep.is_all:
        return "all of them"
    spans = [
        f"{count} {unit}"
        for count, unit in ((keep.daily, "days"), (keep.weekly, "weeks"), (keep.monthly, "months"))
        if count
    ]
    newest = f"the newest {keep.last}" if keep.last else ""
    each = f"one of each of the last {', '.join(spans)}" if spans else ""
    return ", and ".join(part for part in (newest, each) if part)
