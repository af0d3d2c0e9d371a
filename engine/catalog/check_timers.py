"""Mistakes in the regular work of a package: when and by which command it is done, and whether
somebody has thought of what a move makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.calendar_event import BadCalendarEvent, CalendarEvent
from engine.catalog.check_commands import check_command
from engine.catalog.package import TIMER_NAME
from engine.catalog.source import Finding, Source, Spot, mapping, sequence, text_of

IGNORED = "timer:"
ALL = "{timers}"


def check_timers(manifest: Source) -> Iterator[Finding]:
    value: Mapping[str, Any] = manifest.value
    timers = mapping(mapping(value.get("service")).get("timers"))
    if timers and value.get("method", "debian") != "debian":
        hint = "name those of its module under units"
        yield manifest.found(
            ("service", "timers"), "only the method debian makes timers", hint, key=True
        )
        return
    claimed = claimed_timers(value)
    for name, timer in timers.items():
        spot: Spot = ("service", "timers", name)
        if not TIMER_NAME.fullmatch(name):
            hint = "small letters, digits and dashes, a letter first; at most 31"
            yield manifest.found(spot, f"no timer can be called {name}", hint, key=True)
        elif name not in claimed:
            hint = f"add a unit of kind timers with the locator {ALL}, or ignore {IGNORED}{name}"
            message = f"nobody says whether a move keeps when {name} last ran"
            yield manifest.found(spot, message, hint, key=True)
        yield from _one(manifest, spot, mapping(timer))
    for index, unit in enumerate(map(mapping, sequence(value.get("state")))):
        if unit.get("kind") == "timers" and ALL in text_of(unit.get("locator")) and not timers:
            hint = "describe them under service: timers"
            yield manifest.found(("state", index, "locator"), "the service has no timers", hint)


def claimed_timers(value: Mapping[str, Any]) -> set[str]:
    """Names, as under `service: timers`, of those that a state unit has or that are ignored."""
    names = mapping(mapping(value.get("service")).get("timers"))
    ignored = mapping(value.get("ignored"))
    words = {
        word
        for unit in map(mapping, sequence(value.get("state")))
        if unit.get("kind") == "timers"
        for word in text_of(unit.get("locator")).split()
    }
    return {
        name
        for name in names
        if ALL in words or f"homeport-{{name}}-{name}.timer" in words or IGNORED + name in ignored
    }


def _one(manifest: Source, spot: Spot, timer: Mapping[str, Any]) -> Iterator[Finding]:
    yield from check_command(manifest, spot, timer, "regular work")
    if calendar := text_of(timer.get("calendar")):
        try:
            CalendarEvent.parse(calendar)
        except BadCalendarEvent as error:
            hint = "such as daily, Mon..Fri 03:30, *-*-01 04:00 or *:0/15"
            yield manifest.found((*spot, "calendar"), str(error), hint)
