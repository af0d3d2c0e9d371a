"""What a fleet costs to plan when nothing changes, and what a worker costs that waits."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from engine.homeport import Homeport
from engine.model.deployment import Deployment
from engine.model.plan import Intent, OperationStatus, Plan
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.paths import Paths

COUNT = 1000
VALUES = {
    "radicale": {"auth": {"delay": 2}, "logging": {"level": "info"}},
    "isso": {"general": {"max-age": "30m"}},
    "synapse": {"max_upload_size": "80M", "enable_registration": False},
}
KINDS = {
    Service.HYPERVISOR: "proxmox",
    Service.ADDRESSES: "pool",
    Service.DNS: "octodns",
    Service.SECRETS: "sealed",
    Service.CERTIFICATES: "acme",
}


def measure() -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as home:
        paths = Paths.from_environment({"HOMEPORT_HOME": home})
        with Homeport.open(paths) as homeport:
            names = _fleet(homeport)
            began = time.perf_counter()
            for name in names:
                values = homeport.deployment(name).deployment.values
                assert homeport.plan_reconfigure(name, values).is_empty
            seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        worker = _idle_worker(home)
    return [
        _row(f"plan of {COUNT} deployments, no change", f"{seconds:.1f} s", "<= 10 s"),
        _row("  memory of that", f"{peak:.0f} MiB", "<= 300 MiB"),
        _row("memory of an idle worker", f"{worker:.0f} MiB", "<= 120 MiB"),
    ]


def _row(name: str, ours: str, goal: str) -> dict[str, str]:
    return {"name": name, "ours": ours, "goal": goal}


def _fleet(homeport: Homeport) -> list[str]:
    """Deployments as they are after they were made, in equal parts of every application."""
    inventory = homeport._inventory
    profile = ProviderProfile(
        name="fleet",
        zone="fleet.example",
        backends={service: BackendProfile(kind=kind) for service, kind in KINDS.items()},
    )
    inventory.providers.save(profile)
    now = datetime.now(UTC)
    names = []
    for number in range(COUNT):
        application = list(VALUES)[number % len(VALUES)]
        plan = Plan(
            intent=Intent.DEPLOY,
            deployment=f"{number:08d}",
            name=f"{application}-{number}",
            application=application,
            release=homeport.package(application).release().version,
            provider="fleet",
            domain=f"{application}-{number}.fleet.example",
            values=VALUES[application],
        )
        kept = {"name", "application", "release", "provider", "domain", "values"}
        deployment = Deployment(
            **plan.model_dump(include=kept),
            id=plan.deployment,
            status="running",
            created=now,
            changed=now,
        )
        operation = inventory.operations.begin(
            plan, lambda connection, made=deployment: inventory.deployments.add(made, connection)
        )
        inventory.operations.end(operation.id, OperationStatus.SUCCEEDED)
        names.append(plan.name)
    return names


def _idle_worker(home: str) -> float:
    """Resident MiB of a worker that has recovered what there was and waits."""
    log = Path(home) / "worker.out"
    with log.open("wb") as written:
        worker = subprocess.Popen(
            [sys.executable, "-m", "engine.operations.worker"],
            env=os.environ | {"HOMEPORT_HOME": home},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
    try:
        end = time.monotonic() + 60
        while b"began" not in log.read_bytes():
            if worker.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        time.sleep(3)
        status = Path(f"/proc/{worker.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(resident.split()[1]) / 1024
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)
