"""An installation whose worker knows toy steps, for tests of what operations survive.

The toy steps come in as a plugin does, by entry points of a distribution on the path. Each
leaves its effect in a ledger outside the inventory, which is found again before it is made,
like a guest by its mark; a line that stands there twice is a thing that was made twice.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.inventory.inventory import Inventory
from engine.model.deployment import Deployment, DeploymentStatus
from engine.model.events import Event
from engine.model.plan import Effect, Intent, Operation, Plan, PlannedStep
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.operations.control import Control
from engine.operations.launch import ensure_worker, living_worker
from engine.operations.planner import Planner
from engine.operations.workplace import open_workplace
from engine.paths import Paths

_PLUGIN = """
import os, time
from pathlib import Path
from engine.errors import HomeportError, RemoteFailure, Sealed, Unreachable
from engine.operations.step import StepOutcome

LEDGER = Path(os.environ["TOY_LEDGER"])

def _lines(name):
    path = LEDGER / name
    return path.read_text().splitlines() if path.exists() else []

def _append(name, line):
    descriptor = os.open(LEDGER / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, (line + "\\n").encode())
    os.close(descriptor)

def make(ctx):
    _append("calls", ctx.step.id)
    wait = ctx.step.args.get("seconds", 0)
    time.sleep(wait / 2)
    changed = ctx.step.id not in _lines("effects")
    if changed:
        _append("effects", ctx.step.id)
    ctx.log(f"made {ctx.step.id}")
    time.sleep(wait / 2)
    return StepOutcome(changed=changed, output={"made": ctx.step.id})

def slow(ctx):
    _append("calls", ctx.step.id)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ctx.raise_if_cancelled()
        time.sleep(0.02)
    return StepOutcome()

def gated(ctx):
    _append("calls", ctx.step.id)
    if "open" not in _lines("gate"):
        raise RemoteFailure("the gate is shut", on="gate", why="nobody opened it", do="Open it.")
    return make(ctx)

def held(ctx):
    _append("calls", ctx.step.id)
    if "open" not in _lines("gate"):
        raise Sealed("the vault is sealed", on="vault", do="Unseal it.")
    return make(ctx)

def flaky(ctx):
    _append("calls", ctx.step.id)
    if _lines("calls").count(ctx.step.id) <= ctx.step.args["failures"]:
        raise Unreachable("the line is bad", on="line")
    return make(ctx)

def babble(ctx):
    secret = (LEDGER / "secret").read_text()
    ctx.installation_secrets().put("toy/secret", secret)
    ctx.log(f"the password is {secret}")
    for line in range(ctx.step.args.get("lines", 0)):
        ctx.log(f"line {line}")
    raise RemoteFailure(f"cannot log in with {secret}", why=f"{secret} was refused")

def broken(ctx):
    raise KeyError("oops")

def spill(ctx):
    secret = (LEDGER / "secret").read_text()
    ctx.installation_secrets().put("toy/secret", secret)
    raise KeyError(secret)

def leaky(ctx):
    return StepOutcome(output={"value": object()})
"""
_KINDS = ("make", "slow", "gated", "held", "flaky", "babble", "broken", "spill", "leaky")
_DRIVERS = {
    Service.HYPERVISOR: "proxmox",
    Service.ADDRESSES: "pool",
    Service.DNS: "octodns",
    Service.SECRETS: "sealed",
    Service.CERTIFICATES: "acme",
}
DEADLINE = 60.0


class ToyInstallation:
    def __init__(self, base: Path) -> None:
        self.paths = Paths.from_environment({"HOMEPORT_HOME": str(base / "home")}).ensure()
        self.ledger = base / "ledger"
        self.ledger.mkdir()
        self.inventory = Inventory.open(self.paths)
        drivers = {service: BackendProfile(kind=kind) for service, kind in _DRIVERS.items()}
        self.inventory.providers.save(
            ProviderProfile(name="toys", zone="toys.lab", backends=drivers)
        )
        workplace = open_workplace(self.paths, self.inventory)
        self.control = Control(workplace, Planner(workplace))

    def begin(self, steps: Sequence[PlannedStep], identity: str = "toytoy01") -> Operation:
        """Record an operation of these steps; the deployment is made with the first one."""
        plan = Plan(
            intent=Intent.DEPLOY,
            deployment=identity,
            name=f"toy-{identity}",
            application="radicale",
            release="3.9.0",
            provider="toys",
            domain=f"{identity}.toys.lab",
            steps=tuple(steps),
        )
        now = datetime.now(UTC)
        deployment = Deployment(
            **plan.model_dump(include={"name", "application", "release", "provider", "domain"}),
            id=identity,
            status=DeploymentStatus.DEPLOYING,
            created=now,
            changed=now,
        )
        return self.inventory.operations.begin(
            plan, lambda connection: self.inventory.deployments.add(deployment, connection)
        )

    def run(self, operation: Operation) -> list[Event]:
        """Follow to the end, with workers started as often as they die; all events."""
        events: list[Event] = []
        follower = threading.Thread(
            target=lambda: events.extend(self.control.follow(operation.id)), daemon=True
        )
        follower.start()
        follower.join(DEADLINE)
        assert not follower.is_alive(), "the operation did not end in time"
        return events

    def start_worker(self) -> None:
        ensure_worker(self.paths)

    def status(self, operation: Operation) -> str:
        return self.inventory.operations.status(operation.id).value

    def lines(self, name: str) -> list[str]:
        path = self.ledger / name
        return path.read_text().splitlines() if path.exists() else []

    def open_gate(self) -> None:
        (self.ledger / "gate").write_text("open\n")

    def worker_pid(self) -> int:
        """The living worker's, once it has written itself down."""
        wait_for(lambda: (worker := living_worker(self.paths)) is not None and worker.pid > 0)
        worker = living_worker(self.paths)
        assert worker is not None
        return worker.pid

    def end_worker(self, number: int = signal.SIGKILL) -> None:
        worker = living_worker(self.paths)
        if worker is not None and worker.pid:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, number)
        wait_for(lambda: living_worker(self.paths) is None)


@contextmanager
def toy_installation(base: Path, monkeypatch: Any) -> Iterator[ToyInstallation]:
    plugin = base / "plugin"
    info = plugin / "toy_steps-1.dist-info"
    info.mkdir(parents=True)
    (plugin / "toy_steps.py").write_text(_PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-steps\nVersion: 1\n")
    points = "".join(f"toy.{kind}@1 = toy_steps:{kind}\n" for kind in _KINDS)
    (info / "entry_points.txt").write_text(f"[homeport.steps]\n{points}")
    monkeypatch.setenv("PYTHONPATH", str(plugin))
    # Every worker of these tests loads the same modules: let the first one compile them.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(base.parent / "pycache"))
    monkeypatch.setenv("HOMEPORT_HOME", str(base / "home"))
    monkeypatch.setenv("HOMEPORT_TESTING", "1")
    monkeypatch.setenv("HOMEPORT_WORKER_IDLE", "30")
    monkeypatch.setenv("HOMEPORT_RETRY_SECONDS", "5")
    monkeypatch.setenv("TOY_LEDGER", str(base / "ledger"))
    installation = ToyInstallation(base)
    try:
        yield installation
    finally:
        installation.end_worker()
        installation.inventory.close()


def step(name: str, kind: str = "make", after: tuple[str, ...] = (), **args: Any) -> PlannedStep:
    return PlannedStep(
        id=name,
        kind=f"toy.{kind}@1",
        title=f"Toy {name}",
        effect=Effect.CREATE,
        after=after,
        args=args,
    )


def wait_for(condition: Any, seconds: float = DEADLINE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)
