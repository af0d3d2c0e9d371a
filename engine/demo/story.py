"""The whole story of Homeport on a lab of its own, told by what could be proved.

Each chapter either holds or raises; what it proved is said as it happens, with figures.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.demo.use import VALUES, use_application
from engine.errors import RemoteFailure
from engine.homeport import DeployRequest, Homeport
from engine.lab import cli as lab_commands
from engine.lab.lab import Lab
from engine.model.events import LogLine, StepStarted
from engine.model.plan import Operation, OperationStatus, Plan
from engine.model.provider import CheckStatus
from engine.operations.launch import living_worker
from engine.paths import Paths

PROVIDER = "harbour-a"
Tell = Callable[[str, str, float | None], None]
"""Told of every proof: chapter, what held, seconds it took (None: no figure)."""


class Story:
    """One telling, in an installation that is used for nothing else."""

    def __init__(self, paths: Paths, tell: Tell) -> None:
        self._paths = paths
        self._tell = tell

    def run(self) -> None:
        """Tell it to the end; the lab is gone afterwards, whatever happens."""
        try:
            with self._timed("lab", "two providers, a name server and an authority are up"):
                lab_commands.up(self._paths)
            with Homeport.open(self._paths) as homeport:
                self._check_providers(homeport)
                for application in ("radicale", "isso", "synapse"):
                    self._deploy(homeport, application)
                self._survive_a_kill(homeport)
                self._reconfigure(homeport)
                self._keep_secrets(homeport)
                self._destroy(homeport)
        finally:
            self._end_worker()
            lab_commands.reset(self._paths, force=True)
        self._leave_nothing()

    def _timed(self, chapter: str, claim: str) -> _Chapter:
        return _Chapter(self._tell, chapter, claim)

    def _check_providers(self, homeport: Homeport) -> None:
        with self._timed("check", "both providers have all that a deployment needs"):
            for profile in homeport.providers():
                for check in homeport.check_provider(profile.name):
                    if check.status is CheckStatus.FAIL:
                        raise RemoteFailure(check.title, on=profile.name, why=check.found)

    def _deploy(self, homeport: Homeport, application: str) -> None:
        release = homeport.package(application).release()
        with self._timed(application, f"{release.version} is deployed and healthy"):
            self._finish(homeport, self._apply(homeport, self._plan(homeport, application)))
        self._use(homeport, application, application)

    def _plan(self, homeport: Homeport, application: str, name: str = "") -> Plan:
        return homeport.plan_deploy(
            DeployRequest(
                application=application,
                provider=PROVIDER,
                domain=f"{name or application}.{PROVIDER}.lab",
                name=name or application,
                values=VALUES[application],
            )
        )

    def _use(self, homeport: Homeport, chapter: str, name: str) -> None:
        for claim in use_application(homeport, name):
            self._tell(chapter, claim, None)

    def _survive_a_kill(self, homeport: Homeport) -> None:
        with self._timed("kill -9", "killed in the middle, it went on to the right end"):
            operation = self._apply(homeport, self._plan(homeport, "radicale", "second"))
            for event in homeport.follow(operation.id):
                if isinstance(event, StepStarted) and event.step == "app.install":
                    self._end_worker(signal.SIGKILL)
                    break
            self._finish(homeport, operation)
        guests = [r for r in homeport.resources("second") if r.kind.value == "guest"]
        if len(guests) != 1:
            raise RemoteFailure("something was made twice", on="second", why=f"{guests}")
        self._tell("kill -9", "one guest, one address, one record", None)
        self._use(homeport, "kill -9", "second")

    def _reconfigure(self, homeport: Homeport) -> None:
        with self._timed("configure", "an option is changed and the application runs with it"):
            plan = homeport.plan_reconfigure("radicale", {"logging": {"level": "debug"}})
            self._finish(homeport, self._apply(homeport, plan))
        self._use(homeport, "configure", "radicale")
        again = homeport.plan_reconfigure("radicale", {"logging": {"level": "debug"}})
        if not again.is_empty:
            raise RemoteFailure("the same configuration again is not an empty plan")
        self._tell("configure", "the same again changes nothing", None)

    def _keep_secrets(self, homeport: Homeport) -> None:
        values = {
            homeport.reveal_secret(view.deployment.name, name)
            for view in homeport.deployments()
            for name in homeport.secrets(view.deployment.name)
        }
        found = [place for value in values for place in _places_of(value, self._paths)]
        found += _told(homeport, values)
        if found:
            raise RemoteFailure("a secret can be read", why="\n".join(sorted(set(found))))
        self._tell("secrets", f"{len(values)} values: none in files, events, arguments", None)

    def _destroy(self, homeport: Homeport) -> None:
        names = [view.deployment.name for view in homeport.deployments()]
        with self._timed("destroy", f"{len(names)} deployments and all they owned are gone"):
            for name in names:
                self._finish(homeport, self._apply(homeport, homeport.plan_destroy(name)))
        if homeport.deployments():
            raise RemoteFailure("a deployment is left")

    def _apply(self, homeport: Homeport, plan: Plan) -> Operation:
        return homeport.apply(plan, plan.hash)

    def _finish(self, homeport: Homeport, operation: Operation) -> None:
        for _ in homeport.follow(operation.id):
            pass
        ended = homeport.operation(operation.id)
        if ended.status is not OperationStatus.SUCCEEDED:
            error: Mapping[str, Any] = ended.error or {}
            texts = {key: str(error.get(key, "")) for key in ("on", "why", "left", "do")}
            raise RemoteFailure(str(error.get("what", ended.status.value)), **texts)

    def _end_worker(self, number: signal.Signals = signal.SIGTERM) -> None:
        deadline = time.monotonic() + 30
        worker = living_worker(self._paths)
        if worker is not None and worker.pid:
            os.kill(worker.pid, number)
        while living_worker(self._paths) is not None and time.monotonic() < deadline:
            time.sleep(0.05)

    def _leave_nothing(self) -> None:
        if Lab(self._paths.lab).exists or self._paths.lab.exists():
            raise RemoteFailure("the lab left files behind", on=str(self._paths.lab))
        if left := _processes_under(self._paths.lab):
            raise RemoteFailure("the lab left processes behind", why=", ".join(left))
        self._tell("reset", "no process and no file of the lab is left", None)


class _Chapter:
    """Times what happens inside, and tells of it when it held."""

    def __init__(self, tell: Tell, chapter: str, claim: str) -> None:
        self._tell, self._chapter, self._claim = tell, chapter, claim

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._tell(self._chapter, self._claim, time.monotonic() - self._began)


def _places_of(value: str, paths: Paths) -> list[str]:
    """Where a value stands that should stand nowhere: state files, arguments, environments."""
    wanted = value.encode()
    files = [file for file in paths.state.rglob("*") if file.is_file()]
    processes = [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]
    found = []
    for file in (*files, *processes):
        try:
            if wanted in file.read_bytes():
                found.append(str(file))
        except OSError:
            continue  # ended meanwhile, or another user's
    return found


def _told(homeport: Homeport, values: set[str]) -> list[str]:
    return [
        f"log of {operation.id}"
        for operation in homeport.operations()
        for event in homeport.events(operation.id)
        if isinstance(event, LogLine) and any(value in event.text for value in values)
    ]


def _processes_under(directory: Path) -> list[str]:
    wanted = str(directory).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return [pid for pid in found if pid != str(os.getpid())]
