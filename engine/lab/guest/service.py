"""One service under the supervisor: its processes, its state, and what happens at their end.

States and their names are those of systemd (systemd.service(5), org.freedesktop.systemd1(5)).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.lab.guest.children import Child, Children
from engine.lab.guest.dropping import as_service_user, give_to_service_user
from engine.lab.guest.journal import Journal
from engine.lab.guest.processes import invoked, process_ended
from engine.lab.guest.unit_syntax import BadValue, expand_variables
from engine.lab.guest.units import Command, ServiceUnit, read_environment_file

_CLEAN_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
_EXEC_FAILED = 203
_KILL_SECONDS = 5.0


class StartFailed(Exception):
    """The service did not come up; `result` is systemd's word for it."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


@dataclass(frozen=True)
class Ground:
    """What all services of a guest stand on."""

    root: Path
    children: Children
    journal: Journal


class Service:
    """A unit that was started at least once, or asked about."""

    def __init__(self, unit: ServiceUnit, ground: Ground) -> None:
        self.unit = unit
        self._ground = ground
        self.active = "inactive"
        self.sub = "dead"
        self.result = "success"
        self.main: Child | None = None
        self.status = 0
        """Exit status of the last main process; minus the signal's number."""
        self.restarts = 0
        self.since = time.time()
        self.changed = asyncio.Event()
        self._starts: list[float] = []
        self._invocation = ""
        self._job = asyncio.Lock()
        self._bringing: asyncio.Future[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._recordings: set[asyncio.Future[None]] = set()

    @property
    def is_up(self) -> bool:
        return self.active in ("active", "reloading")

    # --- jobs -------------------------------------------------------------------------

    async def start(self, *, limited: bool = True) -> None:
        """Up afterwards, or StartFailed. A service that is up is left alone."""
        self._cancel_restart()
        async with self._job:
            if self.is_up:
                return
            if limited:
                self._count_start()
            self._invocation = secrets.token_hex(16)
            self.main = None
            self.result = "success"
            self._enter("activating", "start-pre")
            self._bringing = asyncio.ensure_future(self._bring_up())
            done, _ = await asyncio.wait([self._bringing], timeout=_limit(self.unit.start_seconds))
            result = self._outcome(self._bringing) if done else "timeout"
            if not result:
                return
            self._bringing.cancel()
            if self._watching is not None:
                self._watching.cancel()
            await self._clear()
            self._finish(result)
        if result != "canceled" and self._wants_restart(result):
            self._restarting = asyncio.ensure_future(self._restart())
        raise StartFailed(result)

    async def stop(self) -> None:
        """Down afterwards, with every process of it gone."""
        self._cancel_restart()
        if self._bringing is not None:
            self._bringing.cancel()  # a start that has not finished is given up
        async with self._job:
            if self.active in ("inactive", "failed"):
                return
            self._say(f"Stopping {self.unit.description}...")
            self._enter("deactivating", "stop")
            if self._watching is not None:
                self._watching.cancel()
            for command in self.unit.command("ExecStop"):
                with contextlib.suppress(StartFailed, OSError):
                    await asyncio.wait_for(self._run(command), _limit(self.unit.stop_seconds))
            self._enter("deactivating", "stop-sigterm")
            timely = await self._clear()
            if self.main is not None and self.main.ended.done():
                self.status = self.main.ended.result()
            self._finish("success" if timely else "timeout")

    async def reload(self) -> None:
        """Run ExecReload. StartFailed where it fails."""
        async with self._job:
            self._say(f"Reloading {self.unit.description}...")
            for command in self.unit.command("ExecReload"):
                await asyncio.wait_for(self._run(command), _limit(self.unit.start_seconds))
            self._say(f"Reloaded {self.unit.description}.")

    def reset_failed(self) -> None:
        self._starts.clear()
        self.restarts = 0
        if self.active == "failed":
            self.result = "success"
            self._enter("inactive", "dead")

    def kill(self, number: int) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def processes(self) -> set[int]:
        """Every live process of the service."""
        main = self.main.pid if self.main and not self.main.ended.done() else None
        return invoked(self._invocation, main) if self._invocation else set()

    def _outcome(self, bringing: asyncio.Future[None]) -> str:
        """systemd's result for a finished attempt to come up; "" for success."""
        if bringing.cancelled():
            return "canceled"
        match bringing.exception():
            case None:
                return ""
            case StartFailed() as failed:
                return failed.result
            case OSError() | BadValue() as error:
                self._say(str(error))
                return "resources"
            case error:
                raise error

    # --- coming up --------------------------------------------------------------------

    async def _bring_up(self) -> None:
        self._make_directories()
        for command in self.unit.command("ExecStartPre"):
            await self._run(command)
        self._enter("activating", "start")
        if self.unit.type == "oneshot":
            for command in self.unit.command("ExecStart"):
                await self._run(command)
            return self._stand("exited" if self.unit.remain_after_exit else "dead")
        if self.unit.type == "forking":
            raise BadValue("Type=forking is not supported in the lab")
        await self._start_main(self.unit.command("ExecStart")[0])
        for command in self.unit.command("ExecStartPost"):
            await self._run(command, beside=self.main)
        self._stand("running")
        return None

    async def _start_main(self, command: Command) -> None:
        environment = self._environment()
        notices = self._listen(environment) if self.unit.type.startswith("notify") else None
        try:
            self.main = self._spawn(command, environment)
        except OSError as error:
            self._say(f"Failed to execute {command.words[0]}: {error.strerror}")
            self.status = _EXEC_FAILED
            if self.unit.type != "simple":
                raise StartFailed("exit-code") from error
            self.main = None
        self._watching = asyncio.ensure_future(self._watch(self.main, notices))
        if notices is not None and self.main is not None:
            assert self._ready is not None
            either: tuple[asyncio.Future[Any], ...] = (self._ready, self.main.ended)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not self._ready.done():
                self._watching.cancel()
                self.status = self.main.ended.result()
                raise StartFailed(self._judge(self.status) or "protocol")

    def _listen(self, environment: dict[str, str]) -> socket.socket:
        """Where the service says READY=1 (sd_notify(3)); an abstract address has no path."""
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        notices.bind(b"\0homeport-notify-" + secrets.token_hex(8).encode())
        environment["NOTIFY_SOCKET"] = "@" + notices.getsockname()[1:].decode()
        loop = asyncio.get_running_loop()
        ready = self._ready = loop.create_future()

        def hear() -> None:
            lines = notices.recv(65536).split(b"\n")
            if b"READY=1" in lines and not ready.done():
                ready.set_result(None)

        loop.add_reader(notices, hear)
        return notices

    async def _run(self, command: Command, beside: Child | None = None) -> None:
        """One of the short commands around the main process; not longer than that lives."""
        try:
            child = self._spawn(command, self._environment())
            waited = [child.ended] if beside is None else [child.ended, beside.ended]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not child.ended.done():
                assert beside is not None
                self.status = beside.ended.result()
                self._say(f"Main process exited, {_described(self.status)}")
                raise StartFailed(self._judge(self.status) or "protocol")
            status = child.ended.result()
        except OSError as error:
            self._say(f"Failed to execute {command.words[0]}: {error.strerror}")
            status = _EXEC_FAILED
        if status != 0 and not command.ignore_failure:
            self.status = status
            self._say(f"Control process exited, {_described(status)}")
            raise StartFailed("exit-code" if status > 0 else "signal")

    def _spawn(self, command: Command, environment: dict[str, str]) -> Child:
        words = expand_variables(list(command.words), environment)
        child = self._ground.children.spawn(
            as_service_user(words, self.unit.user),
            cwd=Path(self.unit.working_directory.lstrip("-") or self._ground.root),
            environment=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert child.stdout is not None
        recording = asyncio.ensure_future(self._record(child, Path(words[0]).name))
        self._recordings.add(recording)
        recording.add_done_callback(self._recordings.discard)
        return child

    async def _record(self, child: Child, source: str) -> None:
        assert child.stdout is not None
        reader = asyncio.StreamReader(1 << 18)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), child.stdout
        )
        try:
            while not reader.at_eof():
                try:
                    line = await reader.readuntil(b"\n")
                except asyncio.IncompleteReadError as rest:
                    line = rest.partial
                except asyncio.LimitOverrunError as long:
                    line = await reader.read(long.consumed)
                if line:
                    text = line.decode(errors="replace").rstrip("\n")
                    self._ground.journal.write(self.unit.name, child.pid, source, text)
        finally:
            transport.close()

    def _environment(self) -> dict[str, str]:
        environment = dict(self._ground.children.environment)
        environment["INVOCATION_ID"] = self._invocation
        if self.main is not None:
            environment["MAINPID"] = str(self.main.pid)
        for variable, top, names in (
            ("RUNTIME_DIRECTORY", "run", self.unit.runtime_directories),
            ("STATE_DIRECTORY", "var/lib", self.unit.state_directories),
        ):
            if names:
                environment[variable] = ":".join(str(self._ground.root / top / n) for n in names)
        environment |= self.unit.environment
        for path, optional in self.unit.environment_files:
            try:
                environment |= read_environment_file(path)
            except OSError:
                if not optional:
                    raise
        return environment

    def _make_directories(self) -> None:
        made = [self._ground.root / "run" / name for name in self.unit.runtime_directories]
        made += [self._ground.root / "var/lib" / name for name in self.unit.state_directories]
        for directory in made:
            directory.mkdir(parents=True, exist_ok=True)
            give_to_service_user(directory, self.unit.user)

    def _stand(self, sub: str) -> None:
        if self.active != "activating":
            return  # the main process has ended meanwhile, and that has been judged
        self._enter("inactive" if sub == "dead" else "active", sub)
        self._say(
            f"{'Finished' if self.unit.type == 'oneshot' else 'Started'} {self.unit.description}."
        )

    # --- going down -------------------------------------------------------------------

    async def _watch(self, main: Child | None, notices: socket.socket | None) -> None:
        """Wait for the end of the main process, and do what the unit says then."""
        try:
            status = await asyncio.shield(main.ended) if main else _EXEC_FAILED
        finally:
            if notices is not None:
                asyncio.get_running_loop().remove_reader(notices)
                notices.close()
        async with self._job:
            self.status = status
            result = self._judge(status)
            if result:
                self._say(f"Main process exited, {_described(status)}")
            await self._clear()
            if self.unit.remain_after_exit and not result:
                return self._enter("active", "exited")
            self._finish(result or "success")
        if self._wants_restart(result):
            self._restarting = asyncio.ensure_future(self._restart())
        return None

    async def _restart(self) -> None:
        self._enter("activating", "auto-restart")
        await asyncio.sleep(_limit(self.unit.restart_seconds) or 0)
        self.restarts += 1
        self._say(f"Scheduled restart job, restart counter is at {self.restarts}.")
        self._restarting = None
        with contextlib.suppress(StartFailed):
            await self.start()

    def _cancel_restart(self) -> None:
        if self._restarting is not None:
            self._restarting.cancel()
            self._restarting = None
            if self.active == "activating":
                self._enter("inactive", "dead")

    async def _clear(self) -> bool:
        """End what is left of the service's processes; False where it took SIGKILL."""
        deadline = time.monotonic() + self.unit.stop_seconds
        killing = False
        if self.unit.kill_mode == "control-group" or self.main is None:
            self.kill(self.unit.kill_signal)
        elif not self.main.ended.done():
            os.kill(self.main.pid, self.unit.kill_signal)
        while left := self.processes():
            remaining = deadline - time.monotonic()
            if remaining <= 0 and killing:
                self._say("Processes still around after SIGKILL. Ignoring.")
                break
            if remaining <= 0:
                self._say("State 'stop-sigterm' timed out. Killing.")
                killing, remaining = True, _KILL_SECONDS
                deadline = time.monotonic() + _KILL_SECONDS
            if killing:
                self.kill(signal.SIGKILL)
            main = self.main.pid if self.main and not self.main.ended.done() else min(left)
            await process_ended(main, min(remaining, _KILL_SECONDS))
            if self.unit.kill_mode == "mixed" and self.main and self.main.ended.done():
                self.kill(signal.SIGKILL)
        if self.main is not None and not self.main.ended.done():
            await asyncio.wait([self.main.ended], timeout=1.0)
        for name in self.unit.runtime_directories:
            shutil.rmtree(self._ground.root / "run" / name, ignore_errors=True)
        return not killing

    def _finish(self, result: str) -> None:
        self.result = result
        if result == "success":
            self._enter("inactive", "dead")
            self._say(f"Stopped {self.unit.description}." if self.status == 0 else "Deactivated.")
        else:
            self._enter("failed", "failed")
            self._say(f"Failed with result '{result}'.")

    def _judge(self, status: int) -> str:
        """systemd's result for an exit status; "" for a clean end."""
        if status in self.unit.clean_statuses or (-status in _CLEAN_SIGNALS and status < 0):
            return ""
        return "exit-code" if status > 0 else "signal"

    def _wants_restart(self, result: str) -> bool:
        match self.unit.restart:
            case "always":
                return True
            case "on-success":
                return not result
            case "on-failure":
                return bool(result)
            case "on-abnormal" | "on-abort":
                return result == "signal"
        return False

    def _count_start(self) -> None:
        burst, within = self.unit.start_limit
        now = time.monotonic()
        self._starts = [moment for moment in self._starts if now - moment < within]
        if len(self._starts) >= burst:
            self._say("Start request repeated too quickly.")
            self._finish("start-limit-hit")
            raise StartFailed("start-limit-hit")
        self._starts.append(now)

    def _enter(self, active: str, sub: str) -> None:
        if active != self.active:
            self.since = time.time()
        self.active, self.sub = active, sub
        self.changed.set()
        self.changed = asyncio.Event()

    def _say(self, text: str) -> None:
        named = text if text.startswith(("Start", "Stopp", "Reload", "Finish")) else ""
        self._ground.journal.write(
            self.unit.name, 1, "systemd", named or f"{self.unit.name}: {text}"
        )


def _limit(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds


def _described(status: int) -> str:
    if status < 0:
        name = signal.Signals(-status).name.removeprefix("SIG")
        return f"code=killed, status={-status}/{name}"
    return f"code=exited, status={status}/{'SUCCESS' if status == 0 else 'FAILURE'}"
