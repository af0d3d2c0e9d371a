"""What a plan is made for: one application release, with values, at a provider and domain."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.catalog.package import Package, Release
from engine.model.deployment import Deployment
from engine.model.plan import Change, Effect, Intent, Plan, PlannedStep
from engine.model.provider import ProviderProfile, Service
from engine.model.record import RecordSet
from engine.planning.expectation import expected_seconds
from engine.planning.guest_size import GuestSize

_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Desired:
    """All values were checked before; history: median seconds of earlier steps by kind."""

    deployment: str
    name: str
    domain: str
    package: Package
    release: Release
    provider: ProviderProfile
    values: Mapping[str, Any]
    account: str = ""
    history: Mapping[str, float] = field(default_factory=dict)
    records: tuple[RecordSet, ...] = ()
    """What its owner added in DNS."""
    size: GuestSize | None = None
    """Of its guest, where that was given another one than the package asks for."""

    @classmethod
    def of(
        cls, deployment: Deployment, package: Package, release: Release, provider: ProviderProfile
    ) -> Desired:
        """A deployment as it is."""
        return cls(
            deployment=deployment.id,
            name=deployment.name,
            domain=deployment.domain,
            package=package,
            release=release,
            provider=provider,
            values=deployment.values,
            records=deployment.records,
        )

    @property
    def guest_size(self) -> GuestSize:
        return self.size or GuestSize.of(self.package.needs)

    @property
    def record_type(self) -> str:
        """The kind of address record, by the family of the provider's addresses."""
        addresses = self.provider.backends.get(Service.ADDRESSES)
        network = str(addresses.settings.get("network", "")) if addresses else ""
        return "AAAA" if ":" in network else "A"

    @property
    def names_addresses(self) -> bool:
        """Has the provider a zone in which the guest's address can get a name?"""
        dns = self.provider.backends.get(Service.DNS)
        return bool(dns and dns.settings.get("reverse_zones"))

    def step(
        self,
        kind: str,
        title: str,
        effect: Effect,
        subject: str = "",
        after: tuple[str, ...] = (),
        args: Mapping[str, Any] | None = None,
    ) -> PlannedStep:
        """A planned step; its id is the kind without the version."""
        return PlannedStep(
            id=kind.partition("@")[0],
            kind=kind,
            title=title,
            effect=effect,
            subject=subject,
            args=dict(args or {}),
            after=after,
            expected_seconds=expected_seconds(kind, self.history),
        )

    def plan(
        self,
        intent: Intent,
        steps: tuple[PlannedStep, ...],
        changes: tuple[Change, ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> Plan:
        return Plan(
            intent=intent,
            deployment=self.deployment,
            name=self.name,
            application=self.package.id,
            release=self.release.version,
            provider=self.provider.name,
            domain=self.domain,
            values=dict(self.values),
            steps=steps,
            changes=changes,
            warnings=warnings,
        )


def deployment_id(installation: str, domain: str, count: int) -> str:
    """The id of a deployment to be: eight of [a-z0-9].

    Made from what the plan is made from, so that the same request gives the same plan.
    count: how many deployments this installation ever had.
    """
    digest = hashlib.sha256(f"{installation}\n{domain}\n{count}".encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:8])
