"""What the steps of one process work with: inventory, catalog, and the ways to open things.

Everything that reaches outside the process comes in here, so that tests put doubles in its
place and the rest of `engine.operations` knows neither drivers nor libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.backends.protocols import (
    BucketAccess,
    DatabaseAccess,
    ProviderBackends,
    RelayAccess,
    Secrets,
)
from engine.backends.registry import BackendEnvironment, open_backends
from engine.catalog.load import Catalog
from engine.catalog.package import Package
from engine.errors import NotFound
from engine.guests.protocols import GuestShell, GuestTarget
from engine.inventory.inventory import Inventory
from engine.methods.protocols import Method
from engine.methods.registry import open_method
from engine.model.deployment import ResourceKind
from engine.model.provider import ProviderProfile
from engine.paths import Paths

SSH_KEY = "ssh/installation"
"""Where the installation's own store keeps the private key that opens its guests."""
_REFERENCE = "secret:"


@dataclass(frozen=True)
class Workplace:
    """One installation as its steps see it."""

    inventory: Inventory
    paths: Paths
    package: Callable[[str], Package]
    options_schema: Callable[[str, str], Mapping[str, Any]]
    installation_secrets: Callable[[], Secrets]
    open_shell: Callable[[GuestTarget, str], GuestShell]
    open_method: Callable[[str], Method]
    open_backends: Callable[[ProviderProfile, BackendEnvironment], ProviderBackends] = open_backends

    def backends(
        self, profile: ProviderProfile, hide: Callable[[str], None] = lambda value: None
    ) -> ProviderBackends:
        """The provider's backends; every secret they read is given to `hide` first."""
        return self.open_backends(profile, self.environment(profile, hide))

    def environment(
        self, profile: ProviderProfile, hide: Callable[[str], None] = lambda value: None
    ) -> BackendEnvironment:
        """What the provider's drivers may use."""

        def read_secret(reference: str) -> str:
            path = reference.removeprefix(_REFERENCE)
            value = self._ssh_key() if path == SSH_KEY else self.installation_secrets().get(path)
            hide(value)
            return value

        def write_secret(reference: str, value: str) -> None:
            hide(value)
            self.installation_secrets().put(reference.removeprefix(_REFERENCE), value)

        return BackendEnvironment(
            provider=profile,
            installation=self.inventory.installation.id(),
            paths=self.paths,
            read_secret=read_secret,
            leases=self.inventory.leases,
            write_secret=write_secret,
        )

    def _ssh_key(self) -> str:
        """Made when it is first asked for, which may be before there is a guest."""
        from engine.backends.secrets.installation import installation_ssh_key

        return installation_ssh_key(self.installation_secrets()).private_pem

    def owner(self, deployment: str) -> str:
        """The mark by which everything of a deployment is found at a provider."""
        return f"hp-{self.inventory.installation.id()}-{deployment}"


def guest_target(
    inventory: Inventory, deployment: str, name: str, provider: ProviderProfile
) -> GuestTarget:
    """How the deployment's guest there is reached. NotFound before it can be."""
    guest = inventory.resources.get(deployment, provider.name, ResourceKind.GUEST, "main")
    address = inventory.resources.get(deployment, provider.name, ResourceKind.ADDRESS, "main")
    host_keys = tuple(guest.attributes.get("host_keys", ())) if guest else ()
    if guest is None or address is None or not host_keys:
        raise NotFound(
            what="the guest cannot be reached yet",
            on=name,
            why="its address or its host keys are not known",
            do="Resume the operation; if it fails here again, destroy and deploy anew.",
        )
    return GuestTarget(
        address=address.external_id.partition("/")[0],
        port=provider.access.ssh_port,
        user=provider.access.user,
        host_keys=host_keys,
    )


def granted_databases(
    inventory: Inventory, deployment: str, provider: str
) -> dict[str, DatabaseAccess]:
    """Component -> the database that the deployment has on a server of that provider."""
    return {
        found.key: DatabaseAccess(database=found.external_id, **found.attributes)
        for found in inventory.resources.of(deployment)
        if found.kind is ResourceKind.DATABASE and found.provider == provider
    }


def granted_bucket(inventory: Inventory, deployment: str, provider: str) -> BucketAccess | None:
    known = inventory.resources.get(deployment, provider, ResourceKind.BUCKET, "main")
    return BucketAccess(bucket=known.external_id, **known.attributes) if known else None


def granted_relay(inventory: Inventory, deployment: str, provider: str) -> RelayAccess | None:
    known = inventory.resources.get(deployment, provider, ResourceKind.MAILBOX, "main")
    return RelayAccess(username=known.external_id, **known.attributes) if known else None


def open_workplace(paths: Paths, inventory: Inventory, catalog: Catalog | None = None) -> Workplace:
    """The real one. Libraries are imported when they are first needed."""
    catalog = catalog or Catalog.open(paths)
    return Workplace(
        inventory=inventory,
        paths=paths,
        package=catalog.package,
        options_schema=catalog.options_schema,
        installation_secrets=lambda: _installation_secrets(paths),
        open_shell=_open_shell,
        open_method=open_method,
    )


def _installation_secrets(paths: Paths) -> Secrets:
    from engine.backends.secrets.installation import open_installation_secrets

    return open_installation_secrets(paths)


def _open_shell(target: GuestTarget, private_key: str) -> GuestShell:
    from engine.guests.ssh import open_shell

    return open_shell(target, private_key)
