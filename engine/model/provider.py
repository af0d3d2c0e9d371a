"""A hosting provider: the set of backends a deployment can live on."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator

from engine.model.base import Model


class Service(StrEnum):
    """The services a backend can drive (design.md, section 1)."""

    HYPERVISOR = "hypervisor"
    ADDRESSES = "addresses"
    DNS = "dns"
    SECRETS = "secrets"
    CERTIFICATES = "certificates"
    DATABASES = "databases"
    BUCKETS = "buckets"
    MAIL = "mail"


OPTIONAL = frozenset({Service.DATABASES, Service.BUCKETS, Service.MAIL})
"""A provider may do without them."""


class BackendProfile(Model):
    """Which driver serves a service, and its settings.

    `kind` names an entry of the group `homeport.backends` as `<service>.<kind>`. Settings
    hold no secret: a setting whose name ends in `_ref` is a reference into the
    installation's own secrets store ("secret:providers/harbour-a/token").
    """

    kind: str
    settings: dict[str, Any] = Field(default_factory=dict)


class GuestAccess(Model):
    """How guests of this provider are reached, and what their public ports are."""

    user: str = "root"
    ssh_port: int = 22
    http_port: int = 80
    https_port: int = 443


class ProviderProfile(Model):
    """One hosting provider as the user configured it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    title: str = ""
    zone: str
    """The DNS zone in which deployments get their names, without a trailing dot."""
    method: str = "debian"
    access: GuestAccess = GuestAccess()
    backends: dict[Service, BackendProfile]
    infrastructure: BackendProfile | None = None
    """What guests, addresses, databases and buckets are declared to, in place of being made by
    Homeport itself; a kind alone ("opentofu") stands for its default settings."""

    @field_validator("infrastructure", mode="before")
    @classmethod
    def _kind_alone(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @property
    def services(self) -> tuple[Service, ...]:
        """Those that it has or must have, in the order of `Service`."""
        return tuple(s for s in Service if s in self.backends or s not in OPTIONAL)


class CheckStatus(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class Check(Model):
    """One line of a connection check: what was looked at, what was found, what to do."""

    service: str
    title: str
    status: CheckStatus
    found: str = ""
    do: str = ""
    retryable: bool = False
    """What failed may pass later without anybody changing anything."""
