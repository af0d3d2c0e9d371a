"""How states, times and effects are said: one ASCII mark and one word each.

Colour only repeats what mark and word say, so that a screen reads the same on a console
without colours and in a pasted support ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tui.text import Role

if TYPE_CHECKING:
    from engine.catalog.package import TimerSpec
    from engine.homeport import DeploymentView
    from engine.model.plan import Operation


class Sign(NamedTuple):
    """How one state looks."""

    mark: str
    word: str
    role: Role


UNKNOWN = Sign("?", "unknown", "muted")

HEALTH = {
    "healthy": Sign("+", "healthy", "good"),
    "unhealthy": Sign("!", "unhealthy", "bad"),
    "unreachable": Sign("x", "unreachable", "bad"),
    "unknown": UNKNOWN,
}

DEPLOYMENT = {
    "planned": Sign("-", "planned", "muted"),
    "deploying": Sign(">", "deploying", "accent"),
    "running": Sign("+", "running", "good"),
    "changing": Sign(">", "changing", "accent"),
    "failed": Sign("x", "failed", "bad"),
    "destroying": Sign(">", "destroying", "warn"),
    "destroyed": Sign("-", "destroyed", "muted"),
}

OPERATION = {
    "waiting": Sign("-", "waiting", "muted"),
    "running": Sign(">", "running", "accent"),
    "cancelling": Sign("!", "cancelling", "warn"),
    "succeeded": Sign("+", "succeeded", "good"),
    "failed": Sign("x", "failed", "bad"),
    "cancelled": Sign("-", "cancelled", "warn"),
}

STEP = {
    "waiting": Sign(" ", "waiting", "muted"),
    "running": Sign(">", "running", "accent"),
    "retrying": Sign("~", "trying again", "warn"),
    "done": Sign("+", "done", "good"),
    "unchanged": Sign("=", "as it should be", "good"),
    "failed": Sign("x", "failed", "bad"),
    "cancelled": Sign("-", "cancelled", "warn"),
}

EFFECT = {
    "read": Sign("?", "look", "muted"),
    "create": Sign("+", "create", "good"),
    "change": Sign("~", "change", "accent"),
    "delete": Sign("-", "delete", "bad"),
}

CHECK = {
    "pass": Sign("+", "ok", "good"),
    "warn": Sign("!", "warning", "warn"),
    "fail": Sign("x", "missing", "bad"),
}


def deployment_sign(view: DeploymentView) -> Sign:
    """The state that matters most: what is being done to it, what failed, that its move waits
    for a decision, else its health."""
    sign = _own_sign(view)
    return (
        sign._replace(word="observing") if sign.word == "healthy" and is_observing(view) else sign
    )


def is_observing(view: DeploymentView) -> bool:
    """It serves where it was moved to, and nobody has said yet whether it stays."""
    return view.move is not None and view.move.phase.value == "observing"


def health_words(view: DeploymentView, now: datetime) -> str:
    """ "healthy, 2 minutes ago"; with what was found, where something was."""
    word = _own_sign(view).word
    if view.health is None:
        return word
    detail = f": {view.health.detail}" if view.health.detail else ""
    return f"{word}, {ago(view.health.at, now)}{detail}"


def _own_sign(view: DeploymentView) -> Sign:
    status = view.deployment.status.value
    if status != "running":
        return DEPLOYMENT.get(status, UNKNOWN)
    return HEALTH[view.health.health.value] if view.health else Sign("?", "not checked", "muted")


def duration(seconds: float) -> str:
    """ "0:07", "12:40", "1:02:03"."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says something."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if count := seconds // size:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def moment(at: datetime, now: datetime) -> str:
    """ "14:02 UTC" of today, "24 Nov 14:02 UTC" of another day, with the year of another year."""
    if at.date() == now.date():
        return f"{at:%H:%M} UTC"
    year = "" if at.year == now.year else f" {at.year}"
    return f"{at.day} {at:%b}{year} {at:%H:%M} UTC"


def counted(count: int, thing: str) -> str:
    """ "1 step", "14 steps"."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def operation_title(operation: Operation) -> str:
    """ "deploy calendar (radicale 3.5.4) at harbour-a"."""
    plan = operation.plan
    return f"{plan.intent.value} {plan.name} ({plan.application} {plan.release}) at {plan.provider}"


def value_text(value: object) -> str:
    """A configuration value as one line: strings bare, everything else as JSON.

    Of a text of several lines the first is shown, and how many there are.
    """
    if isinstance(value, str):
        first, *more = value.splitlines() or [""]
        if more:
            return f"{first} ... ({len(more) + 1} lines)"
        return first if first else "(empty)"
    if value is None:
        return "(unset)"
    from json import dumps

    return dumps(value, ensure_ascii=False)


def timers_text(timers: Mapping[str, TimerSpec]) -> str:
    """Regular work in a line: "sweep (daily), report (Mon 04:00)"."""
    return ", ".join(f"{name} ({timer.calendar})" for name, timer in timers.items())
