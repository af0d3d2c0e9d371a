"""Addresses of NetBox that OpenTofu looks after.

NetBox alone chooses the address, and Homeport asks for it: NetBox hands the next one out under a
lock, with the deployment's tag on it from the first moment. The plug-in can do neither: its
`netbox_available_ip_address` sets tags in a second request, and an address without one would be
lost if it was killed in between. So the address and its tag are taken over by an `import`, and
from then on they are OpenTofu's to keep and to remove.

What NetBox is told later (status, DNS name, the guest's interface) is not declared: it changes with
every step of a deployment's life.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from engine.backends.addresses.netbox.service import NetBoxAddresses, made_for, purpose
from engine.backends.addresses.netbox.settings import NetBoxSettings
from engine.backends.infrastructure.opentofu.changes import KnownResource
from engine.backends.infrastructure.opentofu.declaring import Declared, Declaring, Owns
from engine.backends.infrastructure.opentofu.parts import (
    ADDRESS,
    Plugin,
    Resource,
    Secret,
    label,
    reference,
)
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.protocols import AddressLease, DeclaredChange, Progress, Wanted

TAG, IP = ADDRESS.kinds
_VARIABLE = "netbox_api_token"
_TOLD_LATER = (
    *("status", "dns_name", "description"),
    *("interface_id", "object_type", "virtual_machine_interface_id"),
)


def plugin(settings: OpenTofuSettings, netbox: NetBoxSettings, token: Callable[[], str]) -> Plugin:
    secret = Secret("API token of NetBox.", "<the token>", token)
    configuration = {
        "server_url": netbox.url.rstrip("/"),
        "api_token": reference(_VARIABLE),
        "skip_version_check": True,
    }
    return Plugin(
        "netbox",
        settings.netbox_source,
        settings.netbox_version,
        configuration,
        {_VARIABLE: secret},
        netbox.ca_pem,
    )


class DeclaredAddresses(Declared, NetBoxAddresses):
    """The protocols `Addresses` and `Declares`."""

    def __init__(self, native: NetBoxAddresses, declaring: Declaring) -> None:
        Declared.__init__(self, native, declaring)
        NetBoxAddresses.__init__(self, native.client, native.provider)

    # Declares

    def preview(
        self, owner: str, name: str, wanted: Wanted, progress: Progress
    ) -> list[DeclaredChange]:
        resources = self._resources(owner, name) if wanted is not None else []
        return self._declaring.preview(owner, name, resources, progress)

    # Addresses

    def allocate(self, owner: str, name: str) -> AddressLease:
        lease = super().allocate(owner, name)
        self._declaring.apply(
            owner,
            lambda: self._resources(owner, name),
            partial(_bears, self.tag(owner)),
            self._declaring.progress,
            name,
        )
        return lease

    def release(self, owner: str) -> bool:
        owns, progress = partial(_bears, self.tag(owner)), self._declaring.progress
        self._refuse_strangers(owner, owns)
        if self._declaring.may_remove(owner, owns, IP):
            self.strike_out(owner)
        released = self._declaring.withdraw(owner, owns, progress)
        released = super().release(owner) or released
        self._declaring.clear(owner, progress)
        return released

    # parts

    def _resources(self, owner: str, name: str) -> list[Resource]:
        tag = self.tag(owner)
        mark, address = self.records(owner)
        tag_resource = Resource(
            TAG,
            label(name),
            {
                "name": tag,
                "slug": tag,
                "description": mark.description if mark else made_for(name),
                "lifecycle": {"prevent_destroy": True},
            },
            **_there(mark),
        )
        told = {
            "ip_address": str(address.address) if address else self._some_address(),
            "status": "reserved",
            "description": purpose(name),
            "tags": [f"${{{tag_resource.address}.name}}"],
            **_vrf(address),
            "lifecycle": {"prevent_destroy": True, "ignore_changes": list(_TOLD_LATER)},
        }
        return [tag_resource, Resource(IP, label(name), told, **_there(address))]

    def _some_address(self) -> str:
        """In the place of the one that NetBox will choose."""
        prefix = self.client.settings.prefix
        return f"{prefix.network_address}/{prefix.prefixlen}"

    def _refuse_strangers(self, owner: str, owns: Owns) -> None:
        _, address = self.records(owner)
        for one in self._declaring.known(owner, owns):
            is_ours = address is not None and str(address.id) == one.id
            if one.kind == IP and not is_ours and self.is_there(int(one.id)):
                raise self._declaring.not_ours(f"address {one.id} in NetBox", owner)


def _bears(tag: str, known: KnownResource) -> bool:
    return tag in known.tags or tag == known.name


def _there(record: Any) -> dict[str, Any]:
    key = str(record.id) if record else ""
    return {"key": key, "import_id": key, "is_there": record is not None}


def _vrf(address: Any) -> dict[str, int]:
    return {"vrf_id": int(address.vrf.id)} if address and address.vrf else {}
