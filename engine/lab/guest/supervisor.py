"""The guest's services and timers together: which unit a name means, what starts with it, and in
which order."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Iterable, Iterator

from engine.lab.guest.execution import Ground
from engine.lab.guest.service import Service, StartFailed
from engine.lab.guest.timer import Timer
from engine.lab.guest.timer_units import TimerUnit, load
from engine.lab.guest.units import (
    UNIT_DIRECTORIES,
    BadUnit,
    ServiceUnit,
    UnitNotFound,
    unit_files,
)

_WANTS = "etc/systemd/system/multi-user.target.wants"
_KINDS = (".service", ".timer")
"""Targets, sockets and mounts have no meaning in the lab."""
Supervised = Service | Timer


class Supervisor:
    def __init__(self, ground: Ground) -> None:
        self.root = ground.root
        self.journal = ground.journal
        self._ground = ground
        self._units: dict[str, Supervised] = {}
        self._restarting: set[str] = set()
        """Units that stay loaded although they are down for a moment."""

    # --- units ------------------------------------------------------------------------

    def unit(self, name: str) -> Supervised:
        """The service or timer with its unit as loaded. UnitNotFound, BadUnit.

        As under systemd, the unit of a running one changes by `daemon_reload` only, and
        that of one that is down is read when it is needed.
        """
        known = self._units.get(name)
        if known is not None and (known.active != "inactive" or name in self._restarting):
            return known
        return self._loaded(known, load(self._ground.root, name))

    def _loaded(self, known: Supervised | None, unit: ServiceUnit | TimerUnit) -> Supervised:
        if isinstance(unit, TimerUnit):
            if not isinstance(known, Timer):
                known = Timer(unit, self.root, self.journal, self._run)
            known.reload(unit)
        else:
            if not isinstance(known, Service):
                known = Service(unit, self._ground)
            known.unit = unit
        self._units[unit.name] = known
        return known

    def daemon_reload(self) -> list[str]:
        """Read the units of all services again; complaints about those that cannot be."""
        complaints = []
        for known in list(self._units.values()):
            try:
                self._loaded(known, load(self._ground.root, known.unit.name))
            except UnitNotFound:
                continue  # it goes on with what it was started with
            except BadUnit as error:
                complaints.append(str(error))
        return complaints

    def is_stale(self, known: Supervised) -> bool:
        """The unit's files say something else than what is loaded."""
        try:
            unit = load(self._ground.root, known.unit.name)
        except (UnitNotFound, BadUnit):
            return True
        return dataclasses.asdict(unit) != dataclasses.asdict(known.unit)

    def units(self) -> list[Supervised]:
        return [self._units[name] for name in sorted(self._units)]

    def unit_names(self) -> list[str]:
        """Every unit file there is."""
        found = {
            path.name
            for directory in UNIT_DIRECTORIES
            for ending in _KINDS
            for path in (self._ground.root / directory).glob(f"*{ending}")
        }
        return sorted(found)

    def is_enabled(self, name: str) -> str:
        """ "enabled", "disabled" or "static". UnitNotFound."""
        unit_files(self._ground.root, name)
        if (self._ground.root / _WANTS / name).is_symlink():
            return "enabled"
        return "disabled" if load(self._ground.root, name).wanted_by else "static"

    def enable(self, name: str) -> str | None:
        """Start it with the guest; what was made, for the user to read. UnitNotFound."""
        path = unit_files(self._ground.root, name)[0]
        link = self._ground.root / _WANTS / name
        if not load(self._ground.root, name).wanted_by:
            return None
        if link.is_symlink():
            return ""
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
        return f"Created symlink {link} → {path}."

    def disable(self, name: str) -> str | None:
        link = self._ground.root / _WANTS / name
        if not link.is_symlink():
            return None
        link.unlink()
        return f"Removed {link}."

    # --- jobs -------------------------------------------------------------------------

    async def start(self, name: str) -> None:
        """It, and before it what it requires or wants; what is to come after it and is wanted,
        after it. StartFailed, UnitNotFound."""
        await self._start(name, ())

    async def _start(self, name: str, waiting: tuple[str, ...]) -> None:
        known = self.unit(name)
        wanted = [other for other in _known_kinds(known.unit.wants) if other not in waiting]
        later = [other for other in wanted if self._comes_after(other, name)]
        chain = (*waiting, name)
        if not known.is_up:
            for needed in _known_kinds(known.unit.requires):
                if needed not in waiting:
                    await self._start(needed, chain)
            for other in wanted:
                if other not in later:
                    await self._start_wanted(other, chain)
            await known.start()
        for other in later:
            await self._start_wanted(other, chain)

    async def _start_wanted(self, name: str, waiting: tuple[str, ...]) -> None:
        with contextlib.suppress(StartFailed, UnitNotFound, BadUnit):
            await self._start(name, waiting)

    def _comes_after(self, name: str, other: str) -> bool:
        with contextlib.suppress(UnitNotFound, BadUnit):
            return other in self.unit(name).unit.after
        return False

    async def _run(self, name: str) -> None:
        """For a timer: started, and ended again by itself or by others."""
        try:
            await self.start(name)
            known = self.unit(name)
        except (StartFailed, UnitNotFound, BadUnit) as error:
            self.journal.write(name, 1, "systemd", f"Not started by its timer: {error}")
            return
        while isinstance(known, Service) and known.active not in ("inactive", "failed"):
            await known.changed.wait()

    async def stop(self, name: str) -> list[str]:
        """It, and before it those that require it; the names of those that ran."""
        try:
            known = self.unit(name)
        except (UnitNotFound, BadUnit):
            return []
        stopped: list[str] = []
        # Timers first: one that elapsed between would start its service again.
        for other in sorted(self.units(), key=lambda other: isinstance(other, Service)):
            if name in other.unit.requires and (other.is_up or other.active == "activating"):
                stopped += await self.stop(other.unit.name)
        if known.is_up:
            stopped.append(name)
        await known.stop()
        return stopped

    async def restart(self, name: str) -> None:
        """With those that require it, if they run."""
        self.unit(name)
        self._restarting.add(name)
        try:
            dependants = [other for other in await self.stop(name) if other != name]
            await self.start(name)
        finally:
            self._restarting.discard(name)
        for other in dependants:
            await self.start(other)

    async def start_enabled(self) -> None:
        """What a boot starts; a service that fails holds up nobody but who requires it."""
        wants = self._ground.root / _WANTS
        names = sorted(_known_kinds(link.name for link in wants.iterdir()))
        jobs: dict[str, asyncio.Task[None]] = {}
        for unit in _in_order(self._loadable(names)):
            before = [jobs[other] for other in unit.after if other in jobs]
            jobs[unit.name] = asyncio.ensure_future(self._start_after(unit.name, before))
        await asyncio.gather(*jobs.values())

    async def _start_after(self, name: str, before: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*before)
        with contextlib.suppress(StartFailed, UnitNotFound, BadUnit):
            await self.start(name)

    async def stop_all(self) -> None:
        """Everything, in the reverse order of starting."""
        units = {s.unit.name: s.unit for s in self.units() if s.active != "inactive"}
        jobs: dict[str, asyncio.Task[None]] = {}
        for unit in reversed(list(_in_order(units.values()))):
            later = [jobs[other.name] for other in units.values() if unit.name in other.after]
            jobs[unit.name] = asyncio.ensure_future(self._stop_after(unit.name, later))
        await asyncio.gather(*jobs.values())

    async def _stop_after(self, name: str, later: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*later)
        await self._units[name].stop()

    def _loadable(self, names: Iterable[str]) -> Iterator[ServiceUnit | TimerUnit]:
        for name in names:
            with contextlib.suppress(UnitNotFound, BadUnit, OSError):
                yield load(self._ground.root, name)


def _known_kinds(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.endswith(_KINDS)]


def _in_order(units: Iterable[ServiceUnit | TimerUnit]) -> Iterator[ServiceUnit | TimerUnit]:
    """Each after those it is to come after; a circle is cut at some place."""
    waiting = {unit.name: unit for unit in units}
    while waiting:
        ready = [
            unit
            for unit in waiting.values()
            if not any(other in waiting and other != unit.name for other in unit.after)
        ]
        for unit in ready or [next(iter(waiting.values()))]:
            del waiting[unit.name]
            yield unit
