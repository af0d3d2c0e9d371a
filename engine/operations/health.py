"""Is a deployed application well? Asked as its users would, through its public name."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.errors import HomeportError, Unreachable
from engine.model.deployment import Deployment, Health, HealthReport
from engine.model.provider import ProviderProfile, Service
from engine.operations.workplace import Workplace
from engine.public import PublicEndpoint, failing_probe


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
    names_at = inventory.resources.names_at(deployment.id)
    names = inventory.providers.get(names_at) if names_at else provider
    anchors = workplace.backends(names).certificates.trust_anchors()
    return public_endpoint(provider, names, deployment.domain, anchors)


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
