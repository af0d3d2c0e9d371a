"""An installation on a running lab, for tests that deploy, kill, look and destroy."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from engine.backends.protocols import NamesAddresses, ProviderBackends
from engine.demo.use import VALUES
from engine.homeport import DeployRequest, Homeport
from engine.lab.cli import up
from engine.model.deployment import ResourceKind
from engine.model.plan import Operation, Plan
from engine.model.provider import Service
from engine.model.repository import Keep, RepositoryKind, RepositoryProfile
from engine.operations.fault import KILL_VARIABLE, RECORD, TESTING_VARIABLE
from engine.operations.launch import ensure_worker, living_worker
from tests.lab_fixture import RunningLab


def wait_until(held: Callable[[], bool], seconds: float = 30.0) -> None:
    """Until it holds; AssertionError after a deadline."""
    deadline = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.02)


@dataclass
class Installation:
    """One Homeport on one lab."""

    lab: RunningLab
    homeport: Homeport

    def plan(
        self,
        application: str,
        name: str,
        values: Mapping[str, Any] | None = None,
        release: str | None = None,
    ) -> Any:
        return self.homeport.plan_deploy(
            self.request(application, name, values=values, release=release)
        )

    def request(
        self,
        application: str,
        name: str,
        provider: str = "harbour-a",
        values: Mapping[str, Any] | None = None,
        release: str | None = None,
    ) -> DeployRequest:
        return DeployRequest(
            application=application,
            provider=provider,
            domain=f"{name}.{provider}.lab",
            name=name,
            release=release,
            values=VALUES[application] if values is None else values,
        )

    def deploy(
        self, application: str, name: str, values: Mapping[str, Any] | None = None
    ) -> Operation:
        """Plan, approve, and wait for the end, however often the worker dies."""
        plan = self.plan(application, name, values)
        return self.finish(self.homeport.apply(plan, plan.hash))

    def destroy(self, name: str) -> Operation:
        plan = self.homeport.plan_destroy(name)
        return self.finish(self.homeport.apply(plan, plan.hash))

    def finish(self, operation: Operation) -> Operation:
        for _ in self.homeport.follow(operation.id):
            pass
        return self.homeport.operation(operation.id)

    @contextmanager
    def killed_at(self, moments: str) -> Iterator[None]:
        """The next workers kill themselves at these moments, each once ("<step>:<moment>", with
        blanks between), or at every boundary (`EVERY`)."""
        self.end_worker()
        record = self.homeport.paths.state / RECORD
        record.unlink(missing_ok=True)
        os.environ |= {TESTING_VARIABLE: "1", KILL_VARIABLE: moments}
        try:
            yield
        finally:
            del os.environ[KILL_VARIABLE]
            self.end_worker()

    @property
    def killed(self) -> list[str]:
        """The moments at which workers killed themselves, in order."""
        record = self.homeport.paths.state / RECORD
        return record.read_text().splitlines() if record.exists() else []

    def end_worker(self, number: signal.Signals = signal.SIGTERM) -> None:
        paths = self.homeport.paths
        if worker := living_worker(paths):
            if worker.pid:
                os.kill(worker.pid, number)
            wait_until(lambda: living_worker(paths) is None)

    def carry_out(self, plan: Plan) -> Operation:
        """Approve, and wait for the end, however often the worker dies."""
        return self.finish(self.homeport.apply(plan, plan.hash))

    def killed_everywhere(
        self,
        plan: Plan,
        moments: Sequence[str],
        and_then: Callable[[str], None] = lambda moment: None,
    ) -> Operation:
        """One operation whose worker is killed at each of these moments, in the order in which
        it comes to them: steps that run side by side meet theirs as it falls out.

        and_then: called while no worker is alive.
        """
        self.end_worker()
        paths = self.homeport.paths
        (paths.state / RECORD).unlink(missing_ok=True)
        os.environ |= {TESTING_VARIABLE: "1", KILL_VARIABLE: " ".join(moments)}
        try:
            operation = self.homeport.apply(plan, plan.hash)
            left = set(moments)
            while left:
                ensure_worker(paths)
                for moment in self._next_killed(operation, left):
                    and_then(moment)
                    left.remove(moment)
        finally:
            del os.environ[KILL_VARIABLE]
        return self.finish(operation)

    def wait_until_killed(self, operation: Operation, moment: str) -> None:
        self._next_killed(operation, {moment})

    def _next_killed(self, operation: Operation, moments: set[str]) -> set[str]:
        """Those of the moments at which a worker has died now; often one."""
        paths = self.homeport.paths

        def is_over() -> bool:
            ended = self.homeport.operation(operation.id).status.is_final
            assert not ended, f"before {sorted(moments)}: {self.homeport.operation(operation.id)}"
            return bool(moments & set(self.killed)) and living_worker(paths) is None

        wait_until(is_over, 120)
        return moments & set(self.killed)

    def backends(self, provider: str = "harbour-a") -> ProviderBackends:
        """The provider as a second observer sees it."""
        return self.homeport._workplace.backends(self.homeport.provider(provider))

    def guest_root(self, name: str, provider: str = "harbour-a") -> Path:
        """The directory that is the deployment's guest there."""
        guest = self.backends(provider).hypervisor.find(self.owner(name))
        assert guest is not None
        return self.lab.paths.lab / provider / "guests" / guest.id / "root"

    def owner(self, name: str) -> str:
        deployment = self.homeport.deployment(name).deployment
        return self.homeport._workplace.owner(deployment.id)


@contextmanager
def installation(lab: RunningLab) -> Iterator[Installation]:
    """Homeport opened on the lab, with both harbours known; its worker ends with it.

    The lab and all that Homeport knows are there for further tests: who leaves a repository
    behind makes those fail, in whatever file they are.
    """
    up(lab.paths)
    with Homeport.open(lab.paths) as homeport:
        here = Installation(lab, homeport)
        known = homeport.repositories.all()
        try:
            yield here
        finally:
            here.end_worker()
        assert homeport.repositories.all() == known


def in_directory(place: Path, name: str = "kept") -> RepositoryProfile:
    keep = Keep(last=3, daily=0, weekly=0, monthly=0)
    kind = RepositoryKind.DIRECTORY
    return RepositoryProfile(name=name, kind=kind, location=str(place), keep=keep)


@contextmanager
def keeping_in(here: Installation, profile: RepositoryProfile) -> Iterator[None]:
    """Backups are kept there; no longer known afterwards."""
    assert here.homeport.repositories.add(profile)
    try:
        yield
    finally:
        here.homeport.repositories.remove(profile.name)


@contextmanager
def naming_addresses(here: Installation, *providers: str) -> Iterator[None]:
    """These harbours give their guests' addresses names."""
    profiles = [here.homeport.provider(name) for name in providers]
    try:
        for profile in profiles:
            dns = profile.backends[Service.DNS]
            network = ip_network(profile.backends[Service.ADDRESSES].settings["network"])
            zone = network[0].reverse_pointer.partition(".")[2]
            more = dns.model_copy(update={"settings": {**dns.settings, "reverse_zones": [zone]}})
            backends = {**profile.backends, Service.DNS: more}
            here.homeport.save_provider(profile.model_copy(update={"backends": backends}), {})
        yield
    finally:
        for profile in profiles:
            here.homeport.save_provider(profile, {})


def check_one_of_each(here: Installation, name: str) -> None:
    """The deployment owns one guest, one address, one record and at most one account."""
    owner, backends = here.owner(name), here.backends()
    guest = backends.hypervisor.find(owner)  # raises Conflict for two guests with one mark
    assert guest is not None
    assert guest.status == "running"
    lease = backends.addresses.find(owner)
    assert lease is not None
    assert lease.address.partition("/")[0] == guest.address
    records = backends.dns.find(owner)
    assert [(record.name, record.type) for record in records] == [(f"{name}.harbour-a.lab", "A")]
    assert records[0].values == (guest.address,)
    assert isinstance(backends.dns, NamesAddresses)
    for zone in backends.dns.reverse_zones():
        (named,) = zone.find(owner)
        assert named.name == ip_address(guest.address).reverse_pointer
        assert named.values == (f"{name}.harbour-a.lab",)
    kinds = [resource.kind for resource in here.homeport.resources(name)]
    for kind in (ResourceKind.GUEST, ResourceKind.ADDRESS, ResourceKind.CERTIFICATE):
        assert kinds.count(kind) == 1
    assert kinds.count(ResourceKind.ACCOUNT) <= 1


def check_nothing_left(here: Installation, name: str, provider: str = "harbour-a") -> None:
    """A destroyed deployment owns nothing at the provider any more."""
    deployments = here.homeport.deployments(destroyed=True)
    [destroyed] = [view.deployment for view in deployments if view.deployment.name == name]
    owner = here.homeport._workplace.owner(destroyed.id)
    backends = here.backends(provider)
    assert backends.hypervisor.find(owner) is None
    assert backends.addresses.find(owner) is None
    assert backends.dns.find(owner) == []
    assert isinstance(backends.dns, NamesAddresses)
    assert [found for zone in backends.dns.reverse_zones() for found in zone.find(owner)] == []
    assert backends.secrets.list(f"deployments/{destroyed.id}") == []
