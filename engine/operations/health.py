"""Is a deployed application well? Asked as its users would, through its public name."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.backends.protocols import ProviderBackends
from engine.errors import HomeportError, Unreachable
from engine.model.deployment import Deployment, Health, HealthReport, Resource, ResourceKind
from engine.model.provider import ProviderProfile, Service
from engine.operations.workplace import Workplace
from engine.public import PublicEndpoint, failing_probe

ANCHORS = "anchors"
"""Kept with a certificate when its names move away from the provider by whose authority it is."""


def ask_application(workplace: Workplace, deployment: Deployment) -> HealthReport:
    """Every finding is a report; nothing is raised for an application that is not well."""
    now = datetime.now(UTC)
    try:
        error = failing_probe(
            endpoint_of(workplace, deployment), workplace.package(deployment.application).health
        )
    except HomeportError as found:
        error = found
    if error is None:
        return HealthReport(health=Health.HEALTHY, at=now)
    health = Health.UNREACHABLE if isinstance(error, Unreachable) else Health.UNHEALTHY
    return HealthReport(health=health, at=now, detail=str(error))


def endpoint_of(workplace: Workplace, deployment: Deployment) -> PublicEndpoint:
    """Its names, and what vouches for them, may stay with another provider than it lives at."""
    inventory = workplace.inventory
    provider = inventory.providers.get(deployment.provider)
    servers = inventory.name_servers(deployment.id)
    names = inventory.providers.get(servers.at) if servers else provider
    certificate = inventory.resources.get(
        deployment.id, deployment.provider, ResourceKind.CERTIFICATE, "main"
    )
    anchors = trust_anchors(certificate, workplace.backends(names))
    return public_endpoint(provider, names, deployment.domain, anchors)


def trust_anchors(certificate: Resource | None, names: ProviderBackends) -> bytes | None:
    """What vouches for the certificate, as PEM; None: the authorities that everybody trusts. That
    is the authority of the provider of the names, `names`; or the one from before they moved."""
    if certificate is not None and ANCHORS in certificate.attributes:
        kept: str | None = certificate.attributes[ANCHORS]
        return kept.encode() if kept is not None else None
    return names.certificates.trust_anchors()


def public_endpoint(
    provider: ProviderProfile, names: ProviderProfile, domain: str, trust_anchors: bytes | None
) -> PublicEndpoint:
    """The domain at the name servers of the provider of its names, where the profile names
    them; the port is that of the provider where it lives."""
    return PublicEndpoint(
        domain=domain,
        port=provider.access.https_port,
        nameservers=tuple(names.backends[Service.DNS].settings.get("authoritative", ())),
        trust_anchors=trust_anchors,
    )
