"""Addresses handed out by NetBox, which is told what they are for.

Everything that Homeport makes there bears a tag of its own for deployment and provider: by it
things are found again after a lost answer, and nothing without it is ever changed or removed.
NetBox itself hands out the next free address under a lock, so that two Homeports, or a Homeport
and a person, never get the same one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

from engine.backends.addresses.netbox.books import Books
from engine.backends.addresses.netbox.checks import check_netbox
from engine.backends.addresses.netbox.client import NetBoxClient
from engine.backends.addresses.netbox.places import find_prefix, find_range
from engine.backends.addresses.netbox.settings import IpAddress, NetBoxSettings
from engine.backends.protocols import AddressLease, GuestRecord
from engine.backends.registry import BackendEnvironment, failed_check, read_settings
from engine.errors import Conflict, HomeportError, OutcomeUnknown
from engine.model.provider import Check


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> NetBoxAddresses:
    checked = read_settings(NetBoxSettings, environment, settings)
    client = NetBoxClient(checked, environment.read_secret(checked.token_ref).strip())
    return NetBoxAddresses(client, environment.provider.name)


class NetBoxAddresses:
    """The protocol `Addresses`."""

    def __init__(self, client: NetBoxClient, provider: str) -> None:
        self.client = client
        self._settings = client.settings
        self.provider = provider

    def check(self) -> list[Check]:
        try:
            return check_netbox(self.client)
        except HomeportError as error:
            return [failed_check("addresses", error, "Addresses in NetBox")]

    def find(self, owner: str) -> AddressLease | None:
        found, _ = self._found(self.tag(owner))
        return self._lease(owner, found[0]) if found else None

    def allocate(self, owner: str, name: str) -> AddressLease:
        tag = self.tag(owner)
        found, useless = self._found(tag)
        if not found:
            self._make_tag(tag, name)
        while not found:
            self._take_next(tag, name)
            found, useless = self._found(tag)
        # What an answer that was lost before made after all goes again: the oldest counts.
        self.client.delete([*found[1:], *useless])
        return self._lease(owner, found[0])

    def describe(self, record: GuestRecord) -> None:
        """State and DNS name of the address; with a cluster in the settings, the guest too."""
        tag = self.tag(record.owner)
        found, _ = self._found(tag)
        if found:
            self._books.enter(tag, record, found[0])

    def release(self, owner: str) -> bool:
        """The address, the virtual machine and the tag; whatever of them is there."""
        tag = self.tag(owner)
        tags = self._tags(tag)
        if not tags:
            return False
        found, useless = self._found(tag)
        self.client.delete([*found, *useless])
        self._books.strike_out(tag)
        self.client.delete(tags)
        return bool(found)

    def records(self, owner: str) -> tuple[Any | None, Any | None]:
        """The owner's tag and its address, as NetBox has them; None for one that is not there."""
        tags = self._tags(self.tag(owner))
        found, _ = self._found(self.tag(owner))
        return (tags[0] if tags else None), (found[0] if found else None)

    def is_there(self, number: int) -> bool:
        """Has NetBox an address with this id, whoever's it is?"""
        get = partial(_address_with, number)
        return self.client.read(f"address {number}", get) is not None

    def strike_out(self, owner: str) -> None:
        """What else bears the tag goes: the guest's entries, and what no answer came of. NetBox
        removes the address, too, where an interface of the guest has it."""
        tag = self.tag(owner)
        if self._tags(tag):
            found, useless = self._found(tag)
            self.client.delete([*found[1:], *useless])
            self._books.strike_out(tag)

    # what is there

    @cached_property
    def _books(self) -> Books:
        return Books(self.client)

    def tag(self, owner: str) -> str:
        """A deployment that moves has a side at two providers, which may share a NetBox."""
        return f"{owner}-{self.provider}"

    def _tags(self, tag: str) -> list[Any]:
        return self.client.read(tag, lambda api: list(api.extras.tags.filter(slug=tag)))

    def _found(self, tag: str) -> tuple[list[Any], list[Any]]:
        """What bears the tag, the oldest first: addresses for a guest, and those that NetBox
        gave although the gateway or a name server has them, as nobody had told it."""
        if not self._tags(tag):  # NetBox takes a search for such a tag for a mistake
            return [], []
        every = self.client.read(tag, lambda api: list(api.ipam.ip_addresses.filter(tag=tag)))
        every.sort(key=lambda address: int(address.id))
        useless = [one for one in every if _ip(one) in self._settings.reserved]
        return [one for one in every if one not in useless], useless

    def _lease(self, owner: str, address: Any) -> AddressLease:
        settings = self._settings
        return AddressLease(
            owner=owner,
            address=f"{_ip(address)}/{settings.prefix.prefixlen}",
            gateway=str(settings.gateway) if settings.gateway is not None else None,
            nameservers=tuple(str(server) for server in settings.nameservers),
        )

    # making

    def _make_tag(self, tag: str, name: str) -> None:
        made = {"name": tag, "slug": tag, "description": made_for(name)}
        try:
            self.client.write(tag, lambda api: api.extras.tags.create(made))
        except (Conflict, OutcomeUnknown):
            # Another process was faster; NetBox breaks over that when it is at the same moment.
            if not self._tags(tag):
                raise

    def _take_next(self, tag: str, name: str) -> None:
        """The next free address, with the tag from the first moment on."""
        wanted = {
            "status": "reserved",
            "description": purpose(name),
            "tags": [{"slug": tag}],
        }
        whole = self._settings.range_start is None
        pool = find_prefix(self.client) if whole else find_range(self.client)
        self.client.write(
            f"{name} at {self.provider}", lambda api: pool.available_ips.create(wanted)
        )


def made_for(name: str) -> str:
    return f"Made by Homeport for {name}"


def purpose(name: str) -> str:
    return f"Homeport: {name}"


def _address_with(number: int, api: Any) -> Any:
    return api.ipam.ip_addresses.get(number)


def _ip(address: Any) -> IpAddress:
    return ipaddress.ip_interface(str(address.address)).ip
