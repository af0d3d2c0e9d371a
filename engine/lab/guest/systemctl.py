"""`systemctl` of the guest: what scripts and people use of it, in its own words and statuses."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from functools import partial

from engine.lab.guest.control import Reply
from engine.lab.guest.journal import Journal, shown
from engine.lab.guest.service import Service, StartFailed
from engine.lab.guest.supervisor import Supervised, Supervisor
from engine.lab.guest.systemctl_words import Asked, parse
from engine.lab.guest.timer import Timer
from engine.lab.guest.unit_report import properties, summary, timer_table
from engine.lab.guest.units import BadUnit, UnitNotFound, unit_files

_NOT_FOUND = 5
"""Exit status of LSB for a program that is not installed."""


Job = Callable[[str], Awaitable[None]]


class Systemctl:
    """power_off: what `systemctl poweroff` does."""

    def __init__(
        self,
        supervisor: Supervisor,
        journal: Journal,
        hostname: str,
        power_off: Callable[[], None],
    ) -> None:
        self._supervisor = supervisor
        self._journal = journal
        self._hostname = hostname
        self._power_off = power_off

    async def command(self, words: list[str], reply: Reply) -> int:
        try:
            asked = parse(words)
        except ValueError as error:
            reply.err(f"systemctl: {error}\n")
            return 1
        verb = getattr(self, "_" + asked.verb.replace("-", "_"), None)
        if not asked.verb or verb is None:
            reply.err(f"Unknown command verb '{asked.verb}'.\n")
            return 1
        status: int = await verb(asked, reply)
        await reply.drain()
        return status

    # --- jobs -------------------------------------------------------------------------

    async def _start(self, asked: Asked, reply: Reply) -> int:
        return await self._job(asked, reply, self._supervisor.start, "start")

    async def _restart(self, asked: Asked, reply: Reply) -> int:
        return await self._job(asked, reply, self._supervisor.restart, "restart")

    async def _try_restart(self, asked: Asked, reply: Reply) -> int:
        up = [name for name in asked.units if (s := self._find(name)) and s.is_up]
        asked.units = up
        return await self._restart(asked, reply)

    async def _reload_or_restart(self, asked: Asked, reply: Reply) -> int:
        async def either(name: str) -> None:
            service = self._supervisor.unit(name)
            if (
                isinstance(service, Service)
                and service.unit.command("ExecReload")
                and service.is_up
            ):
                await service.reload()
            else:
                await self._supervisor.restart(name)

        return await self._job(asked, reply, either, "reload-or-restart")

    async def _reload(self, asked: Asked, reply: Reply) -> int:
        status = 0
        for name in asked.units:
            service = self._find(name)
            if service is None:
                reply.err(f"Failed to reload {name}: Unit {name} not found.\n")
                status = _NOT_FOUND
            elif not service.is_up:
                reply.err(f"{name} is not active, cannot reload.\n")
                status = 1
            elif isinstance(service, Timer) or not service.unit.command("ExecReload"):
                reply.err(
                    f"Failed to reload {name}: Job type reload is not applicable for unit {name}.\n"
                )
                status = 1
            else:
                status |= await self._attempt(name, service.reload, reply)
        return status

    async def _stop(self, asked: Asked, reply: Reply) -> int:
        status = 0
        for name in asked.units:
            if self._find(name) is None:
                reply.err(f"Failed to stop {name}: Unit {name} not loaded.\n")
                status = _NOT_FOUND
            await self._supervisor.stop(name)
        return status

    async def _kill(self, asked: Asked, reply: Reply) -> int:
        for name in asked.units:
            if service := self._find(name):
                service.kill(signal.Signals[f"SIG{asked.signal.upper().removeprefix('SIG')}"])
        return 0

    async def _job(self, asked: Asked, reply: Reply, job: Job, verb: str) -> int:
        status = 0
        for name in asked.units:
            service = self._find(name)
            if service is not None and service.is_up and self._supervisor.is_stale(service):
                reply.err(
                    f"Warning: The unit file, source configuration file or drop-ins of {name} "
                    "changed on disk. Run 'systemctl daemon-reload' to reload units.\n"
                )
            try:
                status |= await self._attempt(name, partial(job, name), reply)
            except UnitNotFound:
                reply.err(f"Failed to {verb} {name}: Unit {name} not found.\n")
                status = _NOT_FOUND
            except BadUnit as error:
                reply.err(
                    f"Failed to {verb} {name}: Unit {name} has a bad unit file setting.\n{error}\n"
                )
                status = 1
        return status

    async def _attempt(self, name: str, job: Callable[[], Awaitable[None]], reply: Reply) -> int:
        try:
            await job()
        except StartFailed as error:
            why = {
                "timeout": "a timeout was exceeded",
                "signal": "a fatal signal was delivered to the control process",
                "start-limit-hit": "start of the service was attempted too often",
                "resources": "of unavailable resources or another system error",
            }.get(error.result, "the control process exited with error code")
            reply.err(
                f"Job for {name} failed because {why}.\n"
                f'See "systemctl status {name}" and "journalctl -xeu {name}" for details.\n'
            )
            return 1
        return 0

    # --- units ------------------------------------------------------------------------

    async def _daemon_reload(self, asked: Asked, reply: Reply) -> int:
        for complaint in self._supervisor.daemon_reload():
            reply.err(complaint + "\n")
        return 0

    async def _enable(self, asked: Asked, reply: Reply) -> int:
        for name in asked.units:
            try:
                made = self._supervisor.enable(name)
            except UnitNotFound:
                reply.err(f"Failed to enable unit: Unit file {name} does not exist.\n")
                return 1
            if made is None:
                reply.err(f"The unit file {name} has no installation config; nothing to do.\n")
            elif made:
                reply.err(made + "\n")
        return await self._start(asked, reply) if asked.now else 0

    async def _disable(self, asked: Asked, reply: Reply) -> int:
        for name in asked.units:
            if removed := self._supervisor.disable(name):
                reply.err(removed + "\n")
            elif self._find(name) is None:
                reply.err(f"Failed to disable unit: Unit file {name} does not exist.\n")
                return 1
        return await self._stop(asked, reply) if asked.now else 0

    async def _reset_failed(self, asked: Asked, reply: Reply) -> int:
        for service in self._supervisor.units():
            if not asked.units or service.unit.name in asked.units:
                service.reset_failed()
        return 0

    async def _poweroff(self, asked: Asked, reply: Reply) -> int:
        self._power_off()
        return 0

    _halt = _poweroff

    # --- questions --------------------------------------------------------------------

    async def _is_active(self, asked: Asked, reply: Reply) -> int:
        found = [self._active(name) for name in asked.units]
        if not asked.quiet:
            reply.out("".join(state + "\n" for state in found))
        return 0 if found and all(state == "active" for state in found) else 3

    async def _is_failed(self, asked: Asked, reply: Reply) -> int:
        found = [self._active(name) for name in asked.units]
        if not asked.quiet:
            reply.out("".join(state + "\n" for state in found))
        return 0 if "failed" in found else 1

    async def _is_enabled(self, asked: Asked, reply: Reply) -> int:
        status = 1
        for name in asked.units:
            try:
                state = self._supervisor.is_enabled(name)
            except UnitNotFound:
                reply.err(f"Failed to get unit file state for {name}: No such file or directory\n")
                continue
            if not asked.quiet:
                reply.out(state + "\n")
            status = 0 if state in ("enabled", "static") else status
        return status

    async def _is_system_running(self, asked: Asked, reply: Reply) -> int:
        degraded = any(service.active == "failed" for service in self._supervisor.units())
        reply.out("degraded\n" if degraded else "running\n")
        return 1 if degraded else 0

    async def _cat(self, asked: Asked, reply: Reply) -> int:
        for name in asked.units:
            try:
                for path in unit_files(self._supervisor.root, name):
                    reply.out(f"# {path}\n{path.read_text()}\n")
            except UnitNotFound:
                reply.err(f"No files found for {name}.\n")
                return 1
        return 0

    async def _list_units(self, asked: Asked, reply: Reply) -> int:
        for service in self._supervisor.units():
            unit = service.unit
            reply.out(f"{unit.name} loaded {service.active} {service.sub} {unit.description}\n")
        return 0

    async def _list_timers(self, asked: Asked, reply: Reply) -> int:
        found = [unit for unit in self._supervisor.units() if isinstance(unit, Timer)]
        reply.out(timer_table([timer for timer in found if timer.is_up]))
        return 0

    async def _list_unit_files(self, asked: Asked, reply: Reply) -> int:
        for name in self._supervisor.unit_names():
            reply.out(f"{name} {self._supervisor.is_enabled(name)}\n")
        return 0

    async def _show(self, asked: Asked, reply: Reply) -> int:
        for name in asked.units:
            known = properties(name, self._find(name), self._supervisor)
            for key in asked.properties or known:
                if key in known:
                    reply.out(f"{known[key]}\n" if asked.value else f"{key}={known[key]}\n")
        return 0

    async def _status(self, asked: Asked, reply: Reply) -> int:
        status = 0
        for name in asked.units:
            service = self._find(name)
            if service is None:
                reply.err(f"Unit {name} could not be found.\n")
                return 4
            reply.out(summary(service, self._supervisor.is_enabled(name)))
            for entry in self._journal.entries([name], asked.lines):
                reply.out(shown(entry, self._hostname, "short") + "\n")
            status = status or (0 if service.is_up else 3)
        return status

    def _active(self, name: str) -> str:
        service = self._find(name)
        return service.active if service else "inactive"

    def _find(self, name: str) -> Supervised | None:
        try:
            return self._supervisor.unit(name)
        except (UnitNotFound, BadUnit):
            return None
