"""Opening OpenTofu for a provider, and looking whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from engine.backends.hypervisor.proxmox import Proxmox
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.infrastructure.opentofu.access import granted_password
from engine.backends.infrastructure.opentofu.documents import Ground
from engine.backends.infrastructure.opentofu.guests import DeclaredGuests
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings, StateSettings
from engine.backends.infrastructure.opentofu.states import ServiceState
from engine.backends.protocols import Hypervisor
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
        """One whose guests are made, changed and removed by OpenTofu, and otherwise the same."""
        if not isinstance(native, Proxmox):
            raise self._cannot("the provider's hypervisor is not Proxmox VE", _LEAVE_OUT)
        proxmox = native.settings
        if reason := undeclarable(proxmox):
            raise self._cannot(*reason)
        return DeclaredGuests(native, self._ground(proxmox, native.client.api_token))

    def _ground(self, proxmox: ProxmoxSettings, token: str) -> Ground:
        environment, state = self._environment, self._settings.state
        root = environment.paths.state / "infrastructure"
        return Ground(
            provider=environment.provider.name,
            settings=self._settings,
            proxmox=proxmox,
            token=token,
            root=root / environment.provider.name,
            cache=root / ".plugins",
            service=partial(self._service, state) if state else None,
        )

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
            "guests of this provider cannot be declared for OpenTofu",
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
        return (
            "its plug-in for Proxmox VE cannot check a certificate by its fingerprint",
            "Put the authority's certificate (/etc/pve/pve-root-ca.pem) into the hypervisor's "
            "settings as 'ca_pem'.",
        )
    return None
