"""Opening OpenTofu for a provider, and looking whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from engine.backends.addresses.netbox.service import NetBoxAddresses
from engine.backends.buckets.service import S3Buckets
from engine.backends.databases.postgresql.service import PostgresDatabases
from engine.backends.hypervisor.proxmox import Proxmox
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.infrastructure.opentofu.access import granted_password
from engine.backends.infrastructure.opentofu.addresses import DeclaredAddresses
from engine.backends.infrastructure.opentofu.buckets import DeclaredBuckets
from engine.backends.infrastructure.opentofu.databases import DeclaredDatabases
from engine.backends.infrastructure.opentofu.declaring import Declaring
from engine.backends.infrastructure.opentofu.documents import Ground
from engine.backends.infrastructure.opentofu.guests import DeclaredGuests
from engine.backends.infrastructure.opentofu.parts import ADDRESS, BUCKET, DATABASE, GUEST, Part
from engine.backends.infrastructure.opentofu.plugins import plugins
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings, StateSettings
from engine.backends.infrastructure.opentofu.states import ServiceState
from engine.backends.protocols import Addresses, Buckets, Databases, Hypervisor
from engine.backends.registry import BackendEnvironment, read_settings
from engine.errors import InvalidInput

_LOOKING = "homeport-look"
"""Looking while an operation runs must not take that one's password away."""

_LEAVE_OUT = "Leave 'infrastructure' out."


def open_infrastructure(environment: BackendEnvironment, settings: Mapping[str, Any]) -> OpenTofu:
    return OpenTofu(read_settings(OpenTofuSettings, environment, settings), environment)


class OpenTofu:
    """The protocol `Infrastructure`."""

    def __init__(self, settings: OpenTofuSettings, environment: BackendEnvironment) -> None:
        self._settings = settings
        self._environment = environment

    def hypervisor(self, native: Hypervisor) -> Hypervisor:
        """Everything but how guests are made, changed and removed stays the same."""
        if "guests" not in self._settings.declares:
            return native
        if not isinstance(native, Proxmox):
            raise self._cannot("the provider's hypervisor is not Proxmox VE", _LEAVE_OUT)
        if reason := undeclarable(native.settings):
            raise self._cannot(*reason)
        return DeclaredGuests(native, self._declaring(GUEST))

    def addresses(self, native: Addresses) -> Addresses:
        """A pool is Homeport's own, and there is nothing of it elsewhere to declare."""
        if "addresses" not in self._settings.declares or not isinstance(native, NetBoxAddresses):
            return native
        if native.client.settings.fingerprint and not native.client.settings.ca_pem:
            raise self._cannot(*_no_fingerprints("NetBox", "addresses"))
        return DeclaredAddresses(native, self._declaring(ADDRESS))

    def databases(self, native: Databases) -> Databases:
        """Those of PostgreSQL; an account of MariaDB bears no mark that an import could trust."""
        if "databases" not in self._settings.declares or not isinstance(native, PostgresDatabases):
            return native
        return DeclaredDatabases(native, self._declaring(DATABASE))

    def buckets(self, native: Buckets) -> Buckets:
        if "buckets" not in self._settings.declares or not isinstance(native, S3Buckets):
            return native
        return DeclaredBuckets(native, self._declaring(BUCKET))

    def _declaring(self, part: Part) -> Declaring:
        environment, state = self._environment, self._settings.state
        root = environment.paths.state / "infrastructure"
        ground = Ground(
            provider=environment.provider.name,
            settings=self._settings,
            root=root / environment.provider.name,
            cache=root / ".plugins",
            plugins=plugins(self._settings, environment),
            service=partial(self._service, state) if state else None,
        )
        return Declaring(ground, part)

    def _service(self, state: StateSettings, owner: str, changing: bool) -> ServiceState:
        project = state.project or self._environment.provider.name
        if state.password_ref:
            password = partial(self._environment.read_secret, state.password_ref)
        else:
            user = state.username if changing else _LOOKING
            state = state.model_copy(update={"username": user})
            password = partial(granted_password, self._environment, f"{project}/{owner}", user)
        return ServiceState(state, project, owner, password)

    def _cannot(self, why: str, do: str) -> InvalidInput:
        return InvalidInput(
            "what is on this provider cannot be declared for OpenTofu",
            on=self._environment.provider.name,
            why=why,
            left="nothing was changed",
            do=do,
        )


def undeclarable(proxmox: ProxmoxSettings) -> tuple[str, str] | None:
    """Why guests by these settings cannot be declared, and what to do about it."""
    if proxmox.containers:
        return (
            "its guests are containers, and only virtual machines are declared",
            "Choose virtual machines (guests: vm), or leave 'infrastructure' out.",
        )
    if not proxmox.token_id:
        return (
            "the hypervisor is logged in to with a password, and OpenTofu is only given a token",
            "Give the hypervisor's settings an API token ('token_id') in place of the user.",
        )
    if not proxmox.image:
        return (
            "guests are cloned from a template, and what they were cloned from cannot be read "
            "back, so OpenTofu would replace them",
            "Give the cloud image as 'image' in place of 'template'.",
        )
    if proxmox.fingerprint and not proxmox.ca_pem:
        why, _ = _no_fingerprints("Proxmox VE", "guests")
        return (
            why,
            "Put the authority's certificate (/etc/pve/pve-root-ca.pem) into the hypervisor's "
            "settings as 'ca_pem'.",
        )
    return None


def _no_fingerprints(product: str, service: str) -> tuple[str, str]:
    return (
        f"its plug-in for {product} cannot check a certificate by its fingerprint",
        f"Put the authority's certificate into the settings of {service} as 'ca_pem', or leave "
        f"{service} out of what infrastructure declares.",
    )
