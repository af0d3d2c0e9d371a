"""Finding and opening the backends of a provider.

A driver is an entry point in the group `homeport.backends`, named `<service>.<kind>`: a
callable that takes a `BackendEnvironment` and the profile's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.model.provider import ProviderProfile
from engine.paths import Paths


class LeaseStore(Protocol):
    """Exclusive claims that outlive a crash, kept in the inventory's database.

    A pool is a name ("addresses:harbour-a", "vmid:harbour-a"); an item is what is claimed.
    """

    def claim(self, pool: str, owner: str, candidates: Iterable[str]) -> str | None:
        """The owner's item, or else the first candidate nobody holds; None: none is free."""

    def find(self, pool: str, owner: str) -> str | None: ...

    def reject(self, pool: str, owner: str, item: str) -> None:
        """Give the claim up and mark the item as held by somebody outside Homeport."""

    def release(self, pool: str, owner: str) -> bool: ...


@dataclass(frozen=True)
class BackendEnvironment:
    """What a driver may use beside its own settings."""

    provider: ProviderProfile
    installation: str
    """Eight characters that tell this installation's marks from those of others."""
    paths: Paths
    read_secret: Callable[[str], str]
    """Value behind a `*_ref` setting, from the installation's own secrets store."""
    leases: LeaseStore


Factory = Callable[[BackendEnvironment, Mapping[str, Any]], Any]
