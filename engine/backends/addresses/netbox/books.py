"""NetBox's records of what runs: the address in use, its DNS name, the virtual machine."""

from __future__ import annotations

from typing import Any

from engine.backends.addresses.netbox.client import NetBoxClient
from engine.backends.addresses.netbox.places import find_cluster
from engine.backends.protocols import GuestRecord

_INTERFACE = "eth0"


class Books:
    def __init__(self, client: NetBoxClient) -> None:
        self._client = client

    def enter(self, tag: str, record: GuestRecord, address: Any) -> None:
        """Written only where it says something else already. Conflict where somebody else's
        virtual machine has the name."""
        told = {
            "status": "active" if record.is_running else "reserved",
            "dns_name": record.domain,
            "description": f"Homeport: {record.name}",
        }
        if self._client.settings.cluster:
            machine = self._machine(tag, record)
            interface = self._interface(tag, machine)
            told |= {
                "assigned_object_type": "virtualization.vminterface",
                "assigned_object_id": interface.id,
            }
            self._update(address, told)
            version = "primary_ip6" if int(address.family.value) == 6 else "primary_ip4"
            self._update(machine, {version: address.id})
        else:
            self._update(address, told)

    def strike_out(self, tag: str) -> None:
        """The virtual machine that bears the tag, with its interface."""
        if self._client.settings.cluster:
            self._client.delete(self._machines(tag))

    def _machines(self, tag: str) -> list[Any]:
        return self._client.read(
            tag, lambda api: list(api.virtualization.virtual_machines.filter(tag=tag))
        )

    def _machine(self, tag: str, record: GuestRecord) -> Any:
        told = {
            "name": record.name,
            "status": "active" if record.is_running else "staged",
            "vcpus": record.cores,
            "memory": record.memory_mib,
            "disk": record.disk_gib * 1024,
            "description": f"Homeport: {record.domain}",
        }
        found = self._machines(tag)
        if found:
            self._update(found[0], told)
            return found[0]
        new = told | {"cluster": find_cluster(self._client).id, "tags": [{"slug": tag}]}
        return self._client.write(
            record.name, lambda api: api.virtualization.virtual_machines.create(new)
        )

    def _interface(self, tag: str, machine: Any) -> Any:
        found = self._client.read(
            tag,
            lambda api: list(api.virtualization.interfaces.filter(virtual_machine_id=machine.id)),
        )
        if found:
            return found[0]
        new = {"virtual_machine": machine.id, "name": _INTERFACE, "tags": [{"slug": tag}]}
        return self._client.write(tag, lambda api: api.virtualization.interfaces.create(new))

    def _update(self, record: Any, told: dict[str, Any]) -> None:
        changed = {field: value for field, value in told.items() if _now(record, field) != value}
        if changed:
            self._client.write(str(record), lambda api: record.update(changed))


def _now(record: Any, field: str) -> Any:
    """A choice counts by its value, another record by its id."""
    value = getattr(record, field, None)
    for plain in ("value", "id"):
        if hasattr(value, plain):
            return getattr(value, plain)
    return value
