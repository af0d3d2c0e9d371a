"""Timers of systemd that do an application's regular work: when each last ran.

Without that, a move does such work twice, or leaves it out: mail that is sent each morning, an
account that is charged each month. What the timers are comes with the application, which the
method installs (`service.timers` of a package, with the locator {timers}; or those of a module of
NixOS, which have to be among `service.units`); with the service they stand still from the freeze
on, and run again at the side that serves.

Entries of cron are files, and `files` units: cron itself does not know when it last ran one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidInput
from engine.state.protocols import Ground, Unit
from engine.state.running import ProgramKind

_TIMER = re.compile(r"[A-Za-z0-9:_@][A-Za-z0-9:_.@-]*\.timer")


def timers_of(locator: str) -> list[str]:
    """locator: names of timers, parted by spaces. InvalidInput for anything else."""
    names = locator.split()
    if not names or not all(map(_TIMER.fullmatch, names)):
        raise InvalidInput(
            what="this does not name timers",
            on=locator or "(nothing)",
            left="nothing was changed",
            do='Write names of units, parted by spaces: "app-clean.timer app-mail.timer".',
        )
    return names


def open_kind() -> ProgramKind:
    return ProgramKind("timers", _task)


def _task(unit: Unit, ground: Ground) -> Mapping[str, Any]:
    """Its own timers have the deployment's name in theirs, which a copy of it has not."""
    place = ground.place
    own = place.paths.timer("").removesuffix(".timer")
    timers = {name.removeprefix(own): name for name in timers_of(unit.locator)}
    return {"timers": timers, "directory": place.paths.stamps}
