"""A step's context whose provider lives in memory, for tests of step handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from engine.backends.protocols import (
    AddressLease,
    DnsChange,
    DnsPlan,
    DnsRecord,
    Guest,
    GuestRecord,
)
from engine.catalog.package import Package
from engine.errors import NotFound, PlanChanged
from engine.model.deployment import Resource, ResourceKind
from engine.model.move import Move
from engine.model.names import NameServers
from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.model.provider import (
    OPTIONAL,
    BackendProfile,
    Check,
    CheckStatus,
    ProviderProfile,
    Service,
)

OWNER = "hp-testtest-ab12cd34"
PACKAGE = Package.model_validate(
    {
        "id": "app",
        "name": "App",
        "summary": "A program",
        "homepage": "https://example.org",
        "licence": "AGPL-3.0-or-later",
        "secrets": {"admin-password": {"kind": "password"}, "seed": {"kind": "ed25519-seed"}},
        "config": [{"path": "{config}/app.ini", "format": "ini"}],
        "service": {"exec": ["{venv}/bin/app"], "port": 5000},
        "health": [{"path": "/"}],
        "accounts": [{"kind": "htpasswd", "username": "admin", "secret": "admin-password"}],
        "state": [],
        "releases": [{"version": "1.0", "pypi": ["app==1.0"], "options": "options-1.0.json"}],
    }
)
PROVIDER = ProviderProfile(
    name="test",
    zone="home.lab",
    backends={service: BackendProfile(kind="memory") for service in set(Service) - OPTIONAL},
)


class MemorySecrets:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def check(self) -> list[Check]:
        return []

    def get(self, path: str) -> str:
        if path not in self.values:
            raise NotFound("there is no such secret", on=path)
        return self.values[path]

    def put(self, path: str, value: str) -> None:
        self.values[path] = value

    def ensure(self, path: str, make: Callable[[], str]) -> str:
        return self.values.setdefault(path, make())

    def list(self, prefix: str) -> list[str]:
        return sorted(p for p in self.values if p == prefix or p.startswith(prefix + "/"))

    def delete(self, prefix: str) -> int:
        gone = self.list(prefix)
        for path in gone:
            del self.values[path]
        return len(gone)


class MemoryDns:
    """changes_under_us: how often the zone changes between a plan and its application."""

    def __init__(self) -> None:
        self.records: dict[str, list[DnsRecord]] = {}
        self.checks: list[Check] = []
        self.changes_under_us = 0
        self.verified: list[tuple[DnsRecord, ...]] = []

    def check(self) -> list[Check]:
        return self.checks

    def plan(self, owner: str, desired: Sequence[DnsRecord]) -> DnsPlan:
        have = self.records.get(owner, [])
        changes = [DnsChange("delete", r, None) for r in have if r not in desired]
        changes += [DnsChange("create", None, r) for r in desired if r not in have]
        return DnsPlan("home.lab", owner, tuple(changes))

    def apply(self, plan: DnsPlan, desired: Sequence[DnsRecord]) -> None:
        if self.changes_under_us:
            self.changes_under_us -= 1
            raise PlanChanged("the zone has changed")
        self.records[plan.owner] = list(desired)

    def verify(self, desired: Sequence[DnsRecord], progress: object) -> None:
        self.verified.append(tuple(desired))

    def find(self, owner: str) -> list[DnsRecord]:
        return self.records.get(owner, [])


class MemoryAddresses:
    def __init__(self) -> None:
        self.leases: dict[str, AddressLease] = {}
        self.books: list[GuestRecord] = []

    def check(self) -> list[Check]:
        return []

    def find(self, owner: str) -> AddressLease | None:
        return self.leases.get(owner)

    def allocate(self, owner: str, name: str) -> AddressLease:
        return self.leases.setdefault(owner, AddressLease(owner, "192.0.2.7/24", "192.0.2.1"))

    def describe(self, record: GuestRecord) -> None:
        self.books.append(record)

    def release(self, owner: str) -> bool:
        return self.leases.pop(owner, None) is not None


class MemoryHypervisor:
    """keys: what the agent answers, one answer after the other; the last one stays."""

    def __init__(self) -> None:
        self.guests: dict[str, Guest] = {}
        self.keys: list[tuple[str, ...]] = [("ssh-ed25519 AAAA",)]
        self.asked_for_keys = 0
        self.denies: Exception | None = None
        """What `stop` raises."""

    def check(self) -> list[Check]:
        return []

    def find(self, owner: str) -> Guest | None:
        return self.guests.get(owner)

    def ensure(self, spec: Any, progress: object) -> Guest:
        return self.guests.setdefault(
            spec.owner, Guest("9000", spec.name, spec.owner, "stopped", "node")
        )

    def start(self, guest: Guest, progress: object) -> None:
        running = Guest(guest.id, guest.name, guest.owner, "running", guest.node)
        self.guests[guest.owner] = running

    def stop(self, guest: Guest, progress: object) -> None:
        if self.denies is not None:
            raise self.denies
        stopped = Guest(guest.id, guest.name, guest.owner, "stopped", guest.node)
        self.guests[guest.owner] = stopped

    def destroy(self, owner: str, progress: object) -> bool:
        return self.guests.pop(owner, None) is not None

    def host_keys(self, guest: Guest, progress: object) -> tuple[str, ...]:
        self.asked_for_keys += 1
        return self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]


class MemoryCertificates:
    """issue: set by the test; called as the protocol's."""

    def __init__(self) -> None:
        self.issue: Any = None

    def check(self) -> list[Check]:
        return []

    def trust_anchors(self) -> bytes | None:
        return None


class MemoryNamesMoves:
    """told: what was recorded, in order. is_open: they are on their way."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.is_open = True

    def begin(self, deployment: str, source: str, target: str) -> None:
        self.told.append(("begin", source, target))

    def live_at(self, deployment: str, provider: str) -> bool:
        self.told.append(("live", provider))
        return self.is_open

    def end(self, deployment: str) -> None:
        self.told.append(("end",))


def planned(*steps: tuple[str, dict[str, Any]], intent: Intent = Intent.DEPLOY) -> Plan:
    return Plan(
        intent=intent,
        deployment="ab12cd34",
        name="app-1",
        application="app",
        release="1.0",
        provider="test",
        domain="app.home.lab",
        steps=tuple(
            PlannedStep(
                id=kind.partition("@")[0], kind=kind, title=kind, effect=Effect.CREATE, args=args
            )
            for kind, args in steps
        ),
    )


@dataclass
class Context:
    """`engine.operations.step.StepContext`, as far as these handlers use it."""

    plan: Plan
    provider: ProviderProfile = PROVIDER
    package: Package = PACKAGE
    owner: str = OWNER
    lines: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    resources: dict[tuple[ResourceKind, str], Resource] = field(default_factory=dict)
    shells: list[Any] = field(default_factory=list)
    """What `shell()` gives in turn; an exception is raised. The last one stays."""
    shared: MemorySecrets = field(default_factory=MemorySecrets)
    backends: Any = field(
        default_factory=lambda: SimpleNamespace(
            hypervisor=MemoryHypervisor(),
            addresses=MemoryAddresses(),
            dns=MemoryDns(),
            secrets=MemorySecrets(),
            certificates=MemoryCertificates(),
        )
    )
    step: Any = None
    name_servers: NameServers = field(default_factory=lambda: NameServers(at="test"))
    names_moves: MemoryNamesMoves = field(default_factory=MemoryNamesMoves)
    recorded: Move | None = None
    """The deployment's move."""
    others: dict[str, Any] = field(default_factory=dict)
    """Contexts at other providers."""

    def at(self, provider: str) -> Any:
        return self if provider == self.provider.name else self.others[provider]

    def move(self) -> Move | None:
        return self.recorded

    def secret(self, name: str) -> str:
        value: str = self.backends.secrets.get(f"deployments/{self.plan.deployment}/{name}")
        return value

    def about(self, kind: str) -> Any:
        """This context at the plan's step of a kind. (Any: it is only part of the protocol.)"""
        self.step = next(step for step in self.plan.steps if step.kind == kind)
        return self

    def installation_secrets(self) -> MemorySecrets:
        return self.shared

    def shell(self) -> Any:
        answer = self.shells.pop(0) if len(self.shells) > 1 else self.shells[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def hide(self, value: str) -> None:
        self.hidden.add(value)

    def log(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: float, total: float | None, unit: str = "items") -> None:
        pass

    def raise_if_cancelled(self) -> None:
        pass

    @contextmanager
    def spent(self, cause: str) -> Iterator[None]:
        yield

    def resource(self, kind: ResourceKind, key: str = "main") -> Resource | None:
        return self.resources.get((kind, key))

    def remember(
        self,
        kind: ResourceKind,
        key: str,
        external_id: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.resources[kind, key] = Resource(
            deployment=self.plan.deployment,
            provider=self.plan.provider,
            kind=kind,
            key=key,
            external_id=external_id,
            attributes=dict(attributes or {}),
            created=datetime.now(UTC),
        )

    def forget(self, kind: ResourceKind, key: str) -> None:
        self.resources.pop((kind, key), None)


def failing(service: str, title: str) -> Check:
    return Check(
        service=service, title=title, status=CheckStatus.FAIL, found="missing", do=f"Mend {title}."
    )
