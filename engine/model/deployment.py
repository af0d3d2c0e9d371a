"""Deployments, and the resources that they own at a provider."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from engine.model.base import Model
from engine.model.record import RecordSet


class DeploymentStatus(StrEnum):
    PLANNED = "planned"
    DEPLOYING = "deploying"
    RUNNING = "running"
    CHANGING = "changing"
    FAILED = "failed"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"


class Deployment(Model):
    """One application release, configured, on one provider, at one domain."""

    id: str = Field(pattern=r"^[a-z0-9]{8}$")
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    application: str
    release: str
    provider: str
    domain: str
    """Full name without a trailing dot, lower case (IDNA A-labels)."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Only what the user set, shaped as the release's options schema; no secrets inside."""
    records: tuple[RecordSet, ...] = ()
    """What its owner added in DNS, beside what its package declares."""
    status: DeploymentStatus = DeploymentStatus.PLANNED
    created: datetime
    changed: datetime


class Health(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class HealthReport(Model):
    health: Health
    at: datetime
    detail: str = ""


class ResourceKind(StrEnum):
    GUEST = "guest"
    ADDRESS = "address"
    RECORD = "record"
    REVERSE = "reverse-name"
    """What its address is called, in the provider's zone of addresses."""
    SECRET = "secret"
    CERTIFICATE = "certificate"
    ACCOUNT = "account"
    DATABASE = "database"
    """On a server of the provider's; its key is the component that it is of."""
    BUCKET = "bucket"
    MAILBOX = "mailbox"
    """An account on the provider's mail server."""
    CAPTURE = "capture"
    """The application's state as it was before an upgrade, kept on the guest."""
    SAFETY_NET = "safety-net"
    """The guest as a whole as it was, kept by its hypervisor."""


class Resource(Model):
    """A thing that a deployment owns at a provider.

    `key` is unique per deployment, provider and kind and is known before the resource is
    made, so that a step that runs twice finds what it made the first time. A deployment that
    moves has resources at two providers.
    """

    deployment: str
    provider: str
    kind: ResourceKind
    key: str
    external_id: str = ""
    """How the provider calls it: a vmid, an address, a record name, a secret's path."""
    attributes: dict[str, Any] = Field(default_factory=dict)
    """What is needed to use it again (host keys, node, ttl); never a secret."""
    created: datetime
