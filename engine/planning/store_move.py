"""Moving the secrets of a provider's deployments from one store to another.

It is no operation of one deployment: it changes the provider, and takes seconds. Every step may
be repeated; what is copied is read back before the provider uses it, and the old copies stay
until they are dropped by a plan of their own, which compares once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from engine.model.base import Model
from engine.model.provider import BackendProfile


class StoreMove(Model):
    """What would be copied, or dropped. paths: of the secrets, never a value.

    held_back: names of deployments whose old copies another provider still uses (drop).
    """

    provider: str
    action: str
    """"copy": to `store`, which the provider then uses. "drop": from `store`, which it used."""
    store: BackendProfile
    paths: tuple[str, ...]
    deployments: tuple[str, ...]
    held_back: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def same_store(one: BackendProfile, other: BackendProfile) -> bool:
    """Sealed files are one and the same for all providers."""
    return one.kind == other.kind and dict(one.settings) == dict(other.settings)


def held_elsewhere(
    store: BackendProfile, sides: Mapping[str, Sequence[BackendProfile]]
) -> frozenset[str]:
    """Deployments of which another provider's side keeps its secrets in this store.

    sides: deployment -> the secrets backends of the other providers it has a side at.
    """
    return frozenset(
        deployment
        for deployment, backends in sides.items()
        if any(same_store(store, backend) for backend in backends)
    )
