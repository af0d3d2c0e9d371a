"""Where a deployment's secrets lie in a provider's store.

Both sides of a move have the same secrets, and may have the same store. The key to a bucket is
what a server made for one side of it, so each side's lies apart from the other's.
"""

from __future__ import annotations

from engine.backends.protocols import Secrets
from engine.catalog.package import S3_SECRETS, Package
from engine.errors import NotFound

OF_SIDES = "at"
"""What belongs to one side alone lies below this name, by provider."""


def path_of(deployment: str, name: str = "") -> str:
    """Of a secret that all sides have; without a name, all of them."""
    return "/".join(filter(None, ("deployments", deployment, name)))


def side_path(deployment: str, provider: str, name: str = "") -> str:
    """Of a secret that one side has alone; without a name, all of them."""
    return path_of(deployment, "/".join(filter(None, (OF_SIDES, provider, name))))


def stored_at(package: Package, deployment: str, provider: str, name: str) -> str:
    if package.needs.bucket and name in S3_SECRETS:
        return side_path(deployment, provider, name)
    return path_of(deployment, name)


def stored(store: Secrets, package: Package, deployment: str, provider: str, name: str) -> str:
    """The value. Keys that were made before sides were told apart lie among the others.
    NotFound."""
    path = stored_at(package, deployment, provider, name)
    try:
        return store.get(path)
    except NotFound:
        if path == path_of(deployment, name):
            raise
    return store.get(path_of(deployment, name))
