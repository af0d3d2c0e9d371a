"""Timer units: what a timer's unit file and its drop-ins say, as a value.

Taken is `OnCalendar=`; a timer that counts from the boot or from its own start is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.calendar_event import BadCalendarEvent, CalendarEvent
from engine.lab.guest.unit_syntax import BadValue, boolean, expand_specifiers, split_words
from engine.lab.guest.units import (
    BadUnit,
    ServiceUnit,
    load_unit,
    settings_of,
    specifiers,
    unit_files,
)


@dataclass(frozen=True)
class TimerUnit:
    """starts: the unit that it starts when it elapses."""

    name: str
    path: Path
    description: str
    calendar: tuple[CalendarEvent, ...]
    starts: str
    persistent: bool = False
    after: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    wanted_by: tuple[str, ...] = ()


def load(root: Path, name: str) -> ServiceUnit | TimerUnit:
    """A unit of either kind as its files are now. UnitNotFound; BadUnit."""
    if not name.endswith(".timer"):
        return load_unit(root, name)
    files = unit_files(root, name)
    try:
        return _timer(name, files[0], settings_of(files, "Timer"), specifiers(root, name))
    except (BadValue, BadCalendarEvent) as error:
        raise BadUnit(f"{files[0]}: {error}") from error


def _timer(
    name: str, path: Path, settings: Mapping[str, list[str]], known: Mapping[str, str]
) -> TimerUnit:
    def last(key: str, default: str) -> str:
        return expand_specifiers(settings[key][-1], known) if key in settings else default

    def words(key: str) -> tuple[str, ...]:
        values = settings.get(key, ())
        return tuple(expand_specifiers(w, known) for value in values for w in split_words(value))

    events = settings.get("OnCalendar", ())
    if not events:
        raise BadValue("Timer unit lacks value setting. Refusing.")
    return TimerUnit(
        name=name,
        path=path,
        description=last("Description", name),
        calendar=tuple(CalendarEvent.parse(expand_specifiers(text, known)) for text in events),
        starts=last("Unit", name.removesuffix(".timer") + ".service"),
        persistent=boolean(last("Persistent", "no")),
        after=words("After"),
        requires=words("Requires") + words("BindsTo"),
        wants=words("Wants"),
        wanted_by=words("WantedBy"),
    )
