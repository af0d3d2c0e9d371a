"""`systemctl` of the guest: what scripts and people use of it, in its own words and statuses."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.lab.guest.control import Reply
from engine.lab.guest.journal import Journal, shown
from engine.lab.guest.service import Service, StartFailed
from engine.lab.guest.supervisor import Supervisor
from engine.lab.guest.units import BadUnit, UnitNotFound, unit_files

_IGNORED = frozenset(
    {"--no-pager", "--no-ask-password", "--no-legend", "--plain", "--full", "--system", "--all"}
)
_NOT_FOUND = 5
"""Exit status of LSB for a program that is not installed."""


@dataclass
class _Asked:
    verb: str = ""
    units: list[str] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    now: bool = False
    quiet: bool = False
    value: bool = False
    lines: int = 10
    signal: str = "TERM"


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
            asked = _parse(words)
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

    async def _start(self, asked: _Asked, reply: Reply) -> int:
        return await self._job(asked, reply, self._supervisor.start, "start")

    async def _restart(self, asked: _Asked, reply: Reply) -> int:
        return await self._job(asked, reply, self._supervisor.restart, "restart")

    async def _try_restart(self, asked: _Asked, reply: Reply) -> int:
        up = [name for name in asked.units if (s := self._find(name)) and s.is_up]
        asked.units = up
        return await self._restart(asked, reply)

    async def _reload_or_restart(self, asked: _Asked, reply: Reply) -> int:
        async def either(name: str) -> None:
            service = self._supervisor.service(name)
            if service.is_up and service.unit.command("ExecReload"):
                await service.reload()
            else:
                await self._supervisor.restart(name)

        return await self._job(asked, reply, either, "reload-or-restart")

    async def _reload(self, asked: _Asked, reply: Reply) -> int:
        status = 0
        for name in asked.units:
            service = self._find(name)
            if service is None:
                reply.err(f"Failed to reload {name}: Unit {name} not found.\n")
                status = _NOT_FOUND
            elif not service.is_up:
                reply.err(f"{name} is not active, cannot reload.\n")
                status = 1
            elif not service.unit.command("ExecReload"):
                reply.err(
                    f"Failed to reload {name}: Job type reload is not applicable for unit {name}.\n"
                )
                status = 1
            else:
                status |= await self._attempt(name, service.reload, reply)
        return status

    async def _stop(self, asked: _Asked, reply: Reply) -> int:
        status = 0
        for name in asked.units:
            if self._find(name) is None:
                reply.err(f"Failed to stop {name}: Unit {name} not loaded.\n")
                status = _NOT_FOUND
            await self._supervisor.stop(name)
        return status

    async def _kill(self, asked: _Asked, reply: Reply) -> int:
        for name in asked.units:
            if service := self._find(name):
                service.kill(signal.Signals[f"SIG{asked.signal.upper().removeprefix('SIG')}"])
        return 0

    async def _job(self, asked: _Asked, reply: Reply, job: Callable, verb: str) -> int:  # type: ignore[type-arg]
        status = 0
        for name in asked.units:
            service = self._find(name)
            if service is not None and service.is_up and self._supervisor.is_stale(service):
                reply.err(
                    f"Warning: The unit file, source configuration file or drop-ins of {name} "
                    "changed on disk. Run 'systemctl daemon-reload' to reload units.\n"
                )
            try:
                status |= await self._attempt(name, lambda name=name: job(name), reply)
            except UnitNotFound:
                reply.err(f"Failed to {verb} {name}: Unit {name} not found.\n")
                status = _NOT_FOUND
            except BadUnit as error:
                reply.err(
                    f"Failed to {verb} {name}: Unit {name} has a bad unit file setting.\n{error}\n"
                )
                status = 1
        return status

    async def _attempt(self, name: str, job: Callable, reply: Reply) -> int:  # type: ignore[type-arg]
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

    async def _daemon_reload(self, asked: _Asked, reply: Reply) -> int:
        for complaint in self._supervisor.daemon_reload():
            reply.err(complaint + "\n")
        return 0

    async def _enable(self, asked: _Asked, reply: Reply) -> int:
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

    async def _disable(self, asked: _Asked, reply: Reply) -> int:
        for name in asked.units:
            if removed := self._supervisor.disable(name):
                reply.err(removed + "\n")
            elif self._find(name) is None:
                reply.err(f"Failed to disable unit: Unit file {name} does not exist.\n")
                return 1
        return await self._stop(asked, reply) if asked.now else 0

    async def _reset_failed(self, asked: _Asked, reply: Reply) -> int:
        for service in self._supervisor.services():
            if not asked.units or service.unit.name in asked.units:
                service.reset_failed()
        return 0

    async def _poweroff(self, asked: _Asked, reply: Reply) -> int:
        self._power_off()
        return 0

    _halt = _poweroff

    # --- questions --------------------------------------------------------------------

    async def _is_active(self, asked: _Asked, reply: Reply) -> int:
        found = [self._active(name) for name in asked.units]
        if not asked.quiet:
            reply.out("".join(state + "\n" for state in found))
        return 0 if found and all(state == "active" for state in found) else 3

    async def _is_failed(self, asked: _Asked, reply: Reply) -> int:
        found = [self._active(name) for name in asked.units]
        if not asked.quiet:
            reply.out("".join(state + "\n" for state in found))
        return 0 if "failed" in found else 1

    async def _is_enabled(self, asked: _Asked, reply: Reply) -> int:
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

    async def _is_system_running(self, asked: _Asked, reply: Reply) -> int:
        degraded = any(service.active == "failed" for service in self._supervisor.services())
        reply.out("degraded\n" if degraded else "running\n")
        return 1 if degraded else 0

    async def _cat(self, asked: _Asked, reply: Reply) -> int:
        for name in asked.units:
            try:
                for path in unit_files(self._supervisor.root, name):
                    reply.out(f"# {path}\n{path.read_text()}\n")
            except UnitNotFound:
                reply.err(f"No files found for {name}.\n")
                return 1
        return 0

    async def _list_units(self, asked: _Asked, reply: Reply) -> int:
        for service in self._supervisor.services():
            unit = service.unit
            reply.out(f"{unit.name} loaded {service.active} {service.sub} {unit.description}\n")
        return 0

    async def _list_unit_files(self, asked: _Asked, reply: Reply) -> int:
        for name in self._supervisor.unit_names():
            reply.out(f"{name} {self._supervisor.is_enabled(name)}\n")
        return 0

    async def _show(self, asked: _Asked, reply: Reply) -> int:
        for name in asked.units:
            known = self._properties(name)
            for key in asked.properties or known:
                if key in known:
                    reply.out(f"{known[key]}\n" if asked.value else f"{key}={known[key]}\n")
        return 0

    async def _status(self, asked: _Asked, reply: Reply) -> int:
        status = 0
        for name in asked.units:
            service = self._find(name)
            if service is None:
                reply.err(f"Unit {name} could not be found.\n")
                return 4
            unit, enabled = service.unit, self._supervisor.is_enabled(name)
            since = time.strftime("%a %Y-%m-%d %H:%M:%S %Z", time.localtime(service.since))
            mark = "●" if service.is_up else "○"
            reply.out(f"{mark} {unit.name} - {unit.description}\n")
            reply.out(f"     Loaded: loaded ({unit.path}; {enabled})\n")
            reply.out(f"     Active: {service.active} ({service.sub}) since {since}\n")
            if service.main is not None:
                reply.out(f"   Main PID: {service.main.pid}\n")
            reply.out("\n")
            for entry in self._journal.entries([name], asked.lines):
                reply.out(shown(entry, self._hostname, "short") + "\n")
            status = status or (0 if service.is_up else 3)
        return status

    def _properties(self, name: str) -> dict[str, str]:
        service = self._find(name)
        if service is None:
            return {"Id": name, "LoadState": "not-found", "ActiveState": "inactive"} | {
                "SubState": "dead",
                "Result": "success",
                "MainPID": "0",
                "NRestarts": "0",
                "UnitFileState": "",
            }
        main = service.main if service.main and not service.main.ended.done() else None
        changed = time.strftime("%a %Y-%m-%d %H:%M:%S %Z", time.localtime(service.since))
        return {
            "Id": name,
            "Description": service.unit.description,
            "Type": service.unit.type,
            "LoadState": "loaded",
            "ActiveState": service.active,
            "SubState": service.sub,
            "Result": service.result,
            "MainPID": str(main.pid if main else 0),
            "ExecMainPID": str(service.main.pid if service.main else 0),
            "ExecMainStatus": str(abs(service.status)),
            "ExecMainCode": "0" if main else "2" if service.status < 0 else "1",
            "NRestarts": str(service.restarts),
            "UnitFileState": self._supervisor.is_enabled(name),
            "FragmentPath": str(service.unit.path),
            "NeedDaemonReload": "yes" if self._supervisor.is_stale(service) else "no",
            "StateChangeTimestamp": changed,
            "ActiveEnterTimestamp": changed if service.is_up else "",
        }

    def _active(self, name: str) -> str:
        service = self._find(name)
        return service.active if service else "inactive"

    def _find(self, name: str) -> Service | None:
        try:
            return self._supervisor.service(name)
        except (UnitNotFound, BadUnit):
            return None


def _parse(words: list[str]) -> _Asked:
    asked = _Asked()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, separator, value = word.partition("=")
        if not word.startswith("-"):
            if asked.verb:
                asked.units.append(word if "." in word else f"{word}.service")
            else:
                asked.verb = word
        elif word == "--now":
            asked.now = True
        elif word in ("-q", "--quiet"):
            asked.quiet = True
        elif word == "--value":
            asked.value = True
        elif name in ("-p", "--property", "-n", "--lines", "-s", "--signal"):
            value = value if separator else rest.pop(0)
            if name in ("-p", "--property"):
                asked.properties += value.split(",")
            elif name in ("-n", "--lines"):
                asked.lines = int(value)
            else:
                asked.signal = value
        elif (
            word not in _IGNORED
            and word not in ("-l", "-a", "--")
            and name
            not in (
                "--type",
                "--state",
                "--no-block",
            )
        ):
            raise ValueError(f"unrecognized option '{word}'")
    return asked
