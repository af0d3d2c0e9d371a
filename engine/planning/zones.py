"""Which provider's name servers could have a deployment's names."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.deployment import Deployment
from engine.model.provider import ProviderProfile, Service


def zone_at(provider: ProviderProfile) -> str:
    """The zone that its name servers serve."""
    dns = provider.backends.get(Service.DNS)
    return str(dns.settings.get("zone", provider.zone)) if dns else ""


def offers(
    deployment: Deployment, at: str, providers: Sequence[ProviderProfile]
) -> tuple[str, ...]:
    """Other providers that have a zone in which its names could be."""
    found = (each for each in providers if each.name != at)
    return tuple(each.name for each in found if is_in(deployment.domain, zone_at(each)))


def is_in(domain: str, zone: str) -> bool:
    return domain == zone or domain.endswith(f".{zone}")
