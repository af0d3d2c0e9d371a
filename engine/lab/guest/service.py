"""One service under the supervisor: its processes, its state, and what happens at their end.

States and their names are those of systemd (systemd.service(5), org.freedesktop.systemd1(5)).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import time
from typing import Any

from engine.lab.guest.children import Child
from engine.lab.guest.execution import Ground, Readiness
from engine.lab.guest.processes import invoked, process_ended
from engine.lab.guest.service_result import described, exit_environment, judge, wants_restart
from engine.lab.guest.unit_syntax import BadValue
from engine.lab.guest.units import Command, ServiceUnit

_EXEC_FAILED = 203
_KILL_SECONDS = 5.0


class StartFailed(Exception):
    """The service did not come up; `result` is systemd's word for it."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


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
        self.invocation = ""
        """systemd's InvocationID: another one for each start."""
        self._is_done = False
        """A program that has to come to its end has; what is to follow may not have."""
        self._job = asyncio.Lock()
        self._bringing: asyncio.Future[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._restarting: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self.active in ("active", "reloading")

    # --- jobs -------------------------------------------------------------------------

    async def start(self, *, limited: bool = True) -> None:
        """Up afterwards, or StartFailed. A service that is up is left alone."""
        self._cancel_restart()
        joined = self._job.locked() and self.active == "activating"
        async with self._job:
            if self.is_up:
                return
            if joined and self.unit.type == "oneshot":
                if self.active == "failed":
                    raise StartFailed(self.result)
                return
            if limited:
                self._count_start()
            self.invocation = secrets.token_hex(16)
            self.main = None
            self._is_done = False
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
            timely = await self._clear()
            if result == "canceled" and self._is_done:
                self._finish("success")
            elif result == "canceled" and self.unit.type == "oneshot":
                # A program that has to come to its end has not when a signal ends it.
                self.status = -(self.unit.kill_signal if timely else signal.SIGKILL)
                await self._ended("signal" if timely else "timeout")
            else:
                await self._ended(result)
        if result != "canceled" and wants_restart(self.unit, result):
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
            await self._ended("success" if timely else "timeout")

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
        return invoked(self.invocation, main) if self.invocation else set()

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
        self._ground.make_directories(self.unit)
        for command in self.unit.command("ExecStartPre"):
            await self._run(command)
        self._enter("activating", "start")
        if self.unit.type == "oneshot":
            for command in self.unit.command("ExecStart"):
                await self._run(command)
            self._is_done = True
            if not self.unit.remain_after_exit:
                await self._run_after_stop("success")
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
        readiness = Readiness() if self.unit.type.startswith("notify") else None
        if readiness is not None:
            environment["NOTIFY_SOCKET"] = readiness.address
        try:
            self.main = self._ground.spawn(self.unit, command, environment)
        except OSError as error:
            self._say(f"Failed to execute {command.words[0]}: {error.strerror}")
            self.status = _EXEC_FAILED
            if self.unit.type != "simple":
                raise StartFailed("exit-code") from error
        self._watching = asyncio.ensure_future(self._watch(self.main, readiness))
        if readiness is None or self.main is None:
            return
        either: tuple[asyncio.Future[Any], ...] = (readiness.ready, self.main.ended)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not readiness.ready.done():
            self._watching.cancel()
            self.status = self.main.ended.result()
            raise StartFailed(judge(self.unit, self.status) or "protocol")

    async def _run(self, command: Command, beside: Child | None = None) -> None:
        """One of the short commands around the main process; not longer than that lives."""
        try:
            child = self._ground.spawn(self.unit, command, self._environment())
            waited = [child.ended] if beside is None else [child.ended, beside.ended]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not child.ended.done():
                assert beside is not None
                self.status = beside.ended.result()
                self._say(f"Main process exited, {described(self.status)}")
                raise StartFailed(judge(self.unit, self.status) or "protocol")
            status = child.ended.result()
        except OSError as error:
            self._say(f"Failed to execute {command.words[0]}: {error.strerror}")
            status = _EXEC_FAILED
        if status != 0 and not command.ignore_failure:
            self.status = status
            self._say(f"Control process exited, {described(status)}")
            raise StartFailed("exit-code" if status > 0 else "signal")

    def _environment(self) -> dict[str, str]:
        return self._ground.environment(self.unit, self.invocation, self.main)

    def _stand(self, sub: str) -> None:
        if self.active != "activating":
            return  # the main process has ended meanwhile, and that has been judged
        self._enter("inactive" if sub == "dead" else "active", sub)
        self._say(
            f"{'Finished' if self.unit.type == 'oneshot' else 'Started'} {self.unit.description}."
        )

    # --- going down -------------------------------------------------------------------

    async def _watch(self, main: Child | None, readiness: Readiness | None) -> None:
        """Wait for the end of the main process, and do what the unit says then."""
        try:
            status = await asyncio.shield(main.ended) if main else _EXEC_FAILED
        finally:
            if readiness is not None:
                readiness.close()
        async with self._job:
            self.status = status
            result = judge(self.unit, status)
            if result:
                self._say(f"Main process exited, {described(status)}")
            await self._clear()
            if self.unit.remain_after_exit and not result:
                return self._enter("active", "exited")
            await self._ended(result or "success")
        if wants_restart(self.unit, result):
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
        self._ground.remove_runtime_directories(self.unit)
        return not killing

    async def _ended(self, result: str) -> None:
        await self._run_after_stop(result)
        self._finish(result)

    async def _run_after_stop(self, result: str) -> None:
        """`ExecStopPost=`, which is told how it ended (systemd.exec(5), "SERVICE_RESULT")."""
        told = {"SERVICE_RESULT": result, **exit_environment(self.status)}
        for command in self.unit.command("ExecStopPost"):
            with contextlib.suppress(OSError):
                child = self._ground.spawn(self.unit, command, self._environment() | told)
                await asyncio.wait([child.ended], timeout=_limit(self.unit.stop_seconds))

    def _finish(self, result: str) -> None:
        self.result = result
        if result == "success":
            self._enter("inactive", "dead")
            self._say(f"Stopped {self.unit.description}." if self.status == 0 else "Deactivated.")
        else:
            self._enter("failed", "failed")
            self._say(f"Failed with result '{result}'.")

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
