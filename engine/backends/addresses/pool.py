"""Addresses from a range of one network, handed out by the inventory.

The claim of an address is a lease in the inventory's database: it is exclusive between
processes and outlives a crash, so an owner asks twice and gets the same address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from engine.backends.protocols import AddressLease, GuestRecord
from engine.backends.registry import BackendEnvironment, LeaseStore, read_settings
from engine.errors import NoCapacity
from engine.model.provider import Check, CheckStatus

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class PoolSettings(BaseModel):
    """The network and the part of it that guests may use.

    first, last: ends of the range, both included; all of the network where not given.
    exclude: addresses inside the range that something else uses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: IpNetwork
    first: IpAddress | None = None
    last: IpAddress | None = None
    gateway: IpAddress | None = None
    nameservers: tuple[IpAddress, ...] = ()
    exclude: tuple[IpAddress, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for label, address in (("first", self.first), ("last", self.last)):
            if address is not None and address not in self.network:
                raise ValueError(f"{label} {address} is not in the network {self.network}")
        if self.gateway is not None and self.gateway not in self.network:
            raise ValueError(f"gateway {self.gateway} is not in the network {self.network}")
        if next(usable(self), None) is None:
            raise ValueError("no usable address is left between first and last")
        return self


def usable(settings: PoolSettings) -> Iterator[IpAddress]:
    """The addresses guests may get, lowest first.

    Never the network's own address (in IPv6 the routers' anycast address, RFC 4291 2.6.1),
    the broadcast address, the gateway, a name server, or what is excluded. In a /31 or /127
    both addresses are hosts (RFC 3021, RFC 6164).
    """
    network = settings.network
    taken = _reserved(settings)
    first = settings.first or network.network_address
    last = settings.last or network.broadcast_address
    make = type(network.network_address)
    for number in range(int(first), int(last) + 1):
        address = make(number)
        if address not in taken:
            yield address


def _reserved(settings: PoolSettings) -> frozenset[IpAddress]:
    network = settings.network
    taken = {settings.gateway, *settings.nameservers, *settings.exclude}
    if network.num_addresses > 2:
        taken.add(network.network_address)
        if network.version == 4:
            taken.add(network.broadcast_address)
    return frozenset(address for address in taken if address is not None and address in network)


class AddressPool:
    """The protocol `Addresses` on the inventory's leases."""

    def __init__(self, provider: str, settings: PoolSettings, leases: LeaseStore) -> None:
        self._provider = provider
        self._settings = settings
        self._leases = leases
        self._pool = f"addresses:{provider}"

    def check(self) -> list[Check]:
        addresses = usable(self._settings)
        first = next(addresses)
        size = self._size()
        found = f"{size} addresses from {first} in {self._settings.network}"
        title = "Addresses for guests"
        if not self._settings.nameservers:
            return [
                Check(
                    service="addresses",
                    title=title,
                    status=CheckStatus.WARN,
                    found=found + ", no name servers given",
                    do="Add nameservers to the settings, or guests use those of the hypervisor.",
                )
            ]
        return [Check(service="addresses", title=title, status=CheckStatus.PASS, found=found)]

    def find(self, owner: str) -> AddressLease | None:
        item = self._leases.find(self._pool, owner)
        return self._lease(owner, item) if item is not None else None

    def allocate(self, owner: str, name: str) -> AddressLease:
        candidates = (str(address) for address in usable(self._settings))
        item = self._leases.claim(self._pool, owner, candidates)
        if item is None:
            raise NoCapacity(
                "no address is free",
                on=f"{name} at {self._provider}",
                why=f"all {self._size()} addresses of the pool in {self._settings.network} are "
                "taken",
                left="nothing was changed",
                do="Destroy a deployment that is no longer needed, or widen 'first' and 'last' in "
                "the provider's address settings.",
            )
        return self._lease(owner, item)

    def describe(self, record: GuestRecord) -> None:
        """The pool keeps no books beside its leases."""

    def release(self, owner: str) -> bool:
        return self._leases.release(self._pool, owner)

    def _lease(self, owner: str, item: str) -> AddressLease:
        settings = self._settings
        return AddressLease(
            owner=owner,
            address=f"{item}/{settings.network.prefixlen}",
            gateway=str(settings.gateway) if settings.gateway is not None else None,
            nameservers=tuple(str(server) for server in settings.nameservers),
        )

    def _size(self) -> int:
        """How many addresses the pool has; counted without walking through them."""
        settings = self._settings
        first = settings.first or settings.network.network_address
        last = settings.last or settings.network.broadcast_address
        reserved = sum(int(first) <= int(address) <= int(last) for address in _reserved(settings))
        return int(last) - int(first) + 1 - reserved


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> AddressPool:
    checked = read_settings(PoolSettings, environment, settings)
    return AddressPool(environment.provider.name, checked, environment.leases)
