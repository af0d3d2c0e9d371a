"""Where a deployment could move: every other provider, with what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.catalog.package import Package
from engine.errors import Conflict, HomeportError, InvalidInput
from engine.model.provider import ProviderProfile
from engine.operations.moving import refuse_unfit
from engine.planning.services import refuse_move

if TYPE_CHECKING:
    from engine.inventory.inventory import Inventory


@dataclass(frozen=True)
class Target:
    """refusal: why no move there can be planned; None where one can. That the provider answers
    and has room is found out by the plan's own first steps."""

    provider: ProviderProfile
    refusal: HomeportError | None


def targets_of(inventory: Inventory, package: Package, name: str) -> list[Target]:
    """All providers but the deployment's own, those that fit first. package: of its application.
    Asks nobody."""
    deployment = inventory.deployments.get(name)
    source = inventory.providers.get(deployment.provider)
    move = inventory.moves.of(deployment.id)
    found: list[Target] = []
    for provider in inventory.providers.all():
        if provider.name == source.name:
            continue
        try:
            refuse_unfit(deployment, source, provider, move)
            refuse_move(package, source, provider)
        except (Conflict, InvalidInput) as refusal:
            found.append(Target(provider, refusal))
        else:
            found.append(Target(provider, None))
    return sorted(found, key=lambda target: target.refusal is not None)
