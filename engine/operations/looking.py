"""A look at a deployment's guest outside of any operation: for plans, and for whoever asks.

Nothing is changed there. Every finding that is not to be had is an error of `engine.errors`,
and the caller goes on without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime

from engine.methods.place import Place
from engine.methods.protocols import Installation
from engine.model.deployment import Deployment
from engine.model.forecast import UnitSize
from engine.model.move import Forwarded
from engine.operations.secret_paths import path_of, stored
from engine.operations.workplace import (
    SSH_KEY,
    Workplace,
    granted_bucket,
    granted_databases,
    granted_relay,
    guest_target,
)
from engine.state.protocols import Ground
from engine.state.registry import state_kind
from engine.state.units import units_of


class Quiet:
    """Nobody watches."""

    def log(self, text: str) -> None: ...

    def progress(self, done: float, total: float | None, unit: str = "items") -> None: ...

    def raise_if_cancelled(self) -> None: ...

    def spent(self, cause: str) -> AbstractContextManager[None]:
        return nullcontext()


def sizes_of(workplace: Workplace, deployment: Deployment) -> tuple[UnitSize, ...]:
    """Of what a move brings over, by unit. HomeportError where the guest cannot be asked."""
    prefix = path_of(deployment.id)
    with place_at(workplace, deployment, deployment.provider) as place:
        secrets = workplace.backends(workplace.inventory.providers.get(deployment.provider)).secrets
        ground = Ground(place, secrets, prefix)
        sizes = []
        for unit in units_of(place):
            if unit.kind == "secrets":
                continue
            kind = state_kind(unit.kind)
            found = kind.measure(unit, ground)
            sizes.append(
                UnitSize(
                    unit=unit.id,
                    kind=unit.kind,
                    items=found.items,
                    bytes=found.bytes,
                    waits=not kind.is_seeded,
                    compared_ahead=kind.is_compared_ahead,
                )
            )
    return tuple(sizes)


def forwarded_at(
    workplace: Workplace, deployment: Deployment, provider: str, since: datetime
) -> Forwarded:
    """What the proxy of the side that does not serve passed on from that time on."""
    method = workplace.open_method(workplace.inventory.providers.get(provider).method)
    with place_at(workplace, deployment, provider) as place:
        return method.forwarded(place.shell, place.app, place.work, since)


@contextmanager
def place_at(workplace: Workplace, deployment: Deployment, provider: str) -> Iterator[Place]:
    """The deployment on its guest there; the connection ends with it."""
    profile = workplace.inventory.providers.get(provider)
    package = workplace.package(deployment.application)
    target = guest_target(workplace.inventory, deployment.id, deployment.name, profile)
    store = workplace.backends(profile).secrets
    shell = workplace.open_shell(target, workplace.installation_secrets().get(SSH_KEY))
    try:
        app = Installation(
            deployment=deployment.id,
            name=deployment.name,
            domain=deployment.domain,
            access=profile.access,
            package=package,
            release=package.release(deployment.release),
            options_schema=workplace.options_schema(package.id, deployment.release),
            values=deployment.values,
            read_secret=lambda name: stored(store, package, deployment.id, profile.name, name),
            databases=granted_databases(workplace.inventory, deployment.id, profile.name),
            bucket=granted_bucket(workplace.inventory, deployment.id, profile.name),
            relay=granted_relay(workplace.inventory, deployment.id, profile.name),
        )
        yield Place.of(shell, app, Quiet())
    finally:
        shell.close()
