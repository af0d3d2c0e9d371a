"""The guest's services together: which unit a name means, what starts with it, in which order."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Iterable, Iterator

from engine.lab.guest.execution import Ground
from engine.lab.guest.service import Service, StartFailed
from engine.lab.guest.units import (
    UNIT_DIRECTORIES,
    BadUnit,
    ServiceUnit,
    UnitNotFound,
    load_unit,
    unit_files,
)

_WANTS = "etc/systemd/system/multi-user.target.wants"


class Supervisor:
    def __init__(self, ground: Ground) -> None:
        self.root = ground.root
        self.journal = ground.journal
        self._ground = ground
        self._services: dict[str, Service] = {}
        self._restarting: set[str] = set()
        """Units that stay loaded although they are down for a moment."""

    # --- units ------------------------------------------------------------------------

    def service(self, name: str) -> Service:
        """The service with its unit as loaded. UnitNotFound, BadUnit.

        As under systemd, the unit of a running service changes by `daemon_reload` only, and
        that of one that is down is read when it is needed.
        """
        known = self._services.get(name)
        if known is not None and (known.active != "inactive" or name in self._restarting):
            return known
        unit = load_unit(self._ground.root, name)
        if known is None:
            known = self._services[name] = Service(unit, self._ground)
        known.unit = unit
        return known

    def daemon_reload(self) -> list[str]:
        """Read the units of all services again; complaints about those that cannot be."""
        complaints = []
        for service in self._services.values():
            try:
                service.unit = load_unit(self._ground.root, service.unit.name)
            except UnitNotFound:
                continue  # it goes on with what it was started with
            except BadUnit as error:
                complaints.append(str(error))
        return complaints

    def is_stale(self, service: Service) -> bool:
        """The unit's files say something else than what is loaded."""
        try:
            unit = load_unit(self._ground.root, service.unit.name)
        except (UnitNotFound, BadUnit):
            return True
        return dataclasses.asdict(unit) != dataclasses.asdict(service.unit)

    def services(self) -> list[Service]:
        return [self._services[name] for name in sorted(self._services)]

    def unit_names(self) -> list[str]:
        """Every unit file there is."""
        found = {
            path.name
            for directory in UNIT_DIRECTORIES
            for path in (self._ground.root / directory).glob("*.service")
        }
        return sorted(found)

    def is_enabled(self, name: str) -> str:
        """ "enabled", "disabled" or "static". UnitNotFound."""
        unit_files(self._ground.root, name)
        if (self._ground.root / _WANTS / name).is_symlink():
            return "enabled"
        return "disabled" if load_unit(self._ground.root, name).wanted_by else "static"

    def enable(self, name: str) -> str | None:
        """Start it with the guest; what was made, for the user to read. UnitNotFound."""
        path = unit_files(self._ground.root, name)[0]
        link = self._ground.root / _WANTS / name
        if not load_unit(self._ground.root, name).wanted_by:
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
        """The service, and before it what it requires or wants. StartFailed, UnitNotFound."""
        await self._start(name, ())

    async def _start(self, name: str, waiting: tuple[str, ...]) -> None:
        service = self.service(name)
        if service.is_up:
            return
        for needed in _services_of(service.unit.requires):
            if needed not in waiting:
                await self._start(needed, (*waiting, name))
        for wanted in _services_of(service.unit.wants):
            if wanted not in waiting:
                with contextlib.suppress(StartFailed, UnitNotFound, BadUnit):
                    await self._start(wanted, (*waiting, name))
        await service.start()

    async def stop(self, name: str) -> list[str]:
        """The service, and before it those that require it; the names of those that ran."""
        try:
            service = self.service(name)
        except (UnitNotFound, BadUnit):
            return []
        stopped: list[str] = []
        for other in self.services():
            if name in other.unit.requires and (other.is_up or other.active == "activating"):
                stopped += await self.stop(other.unit.name)
        if service.is_up:
            stopped.append(name)
        await service.stop()
        return stopped

    async def restart(self, name: str) -> None:
        """With the services that require it, if they run."""
        self.service(name)
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
        names = sorted(link.name for link in wants.glob("*.service"))
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
        units = {s.unit.name: s.unit for s in self.services() if s.active != "inactive"}
        jobs: dict[str, asyncio.Task[None]] = {}
        for unit in reversed(list(_in_order(units.values()))):
            later = [jobs[other.name] for other in units.values() if unit.name in other.after]
            jobs[unit.name] = asyncio.ensure_future(self._stop_after(unit.name, later))
        await asyncio.gather(*jobs.values())

    async def _stop_after(self, name: str, later: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*later)
        await self._services[name].stop()

    def _loadable(self, names: Iterable[str]) -> Iterator[ServiceUnit]:
        for name in names:
            with contextlib.suppress(UnitNotFound, BadUnit, OSError):
                yield load_unit(self._ground.root, name)


def _services_of(names: Iterable[str]) -> list[str]:
    """Targets, sockets and mounts have no meaning in the lab."""
    return [name for name in names if name.endswith(".service")]


def _in_order(units: Iterable[ServiceUnit]) -> Iterator[ServiceUnit]:
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
