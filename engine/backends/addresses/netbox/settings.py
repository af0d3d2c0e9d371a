"""What the user says of a NetBox, checked before anything is asked of it."""

from __future__ import annotations

import ipaddress
from typing import Self

from pydantic import Field, model_validator

from engine.backends.trust import Trust, with_port

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class NetBoxSettings(Trust):
    """One NetBox, and the place in it where guests get their addresses.

    url: "https://netbox.example.org", with its path where it has one; only https.
    prefix: one that is in NetBox. vrf: the name of the VRF that it is in; empty for none.
    range_start: first address of an IP range of NetBox within the prefix; addresses are then
    taken from that range alone.
    gateway, nameservers: what guests are told; never handed out.
    cluster: the name of a cluster of NetBox. With it each guest is entered there as a virtual
    machine with an interface.
    """

    url: str = Field(pattern=r"^https://[^\s?#@]+$")
    token_ref: str = Field(pattern=r"^secret:")
    prefix: IpNetwork
    vrf: str = ""
    range_start: IpAddress | None = None
    gateway: IpAddress | None = None
    nameservers: tuple[IpAddress, ...] = ()
    cluster: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for label, address in (("range_start", self.range_start), ("gateway", self.gateway)):
            if address is not None and address not in self.prefix:
                raise ValueError(f"{label} {address} is not in the prefix {self.prefix}")
        return self

    @property
    def host(self) -> str:
        return with_port(self.url)

    @property
    def reserved(self) -> frozenset[IpAddress]:
        """Addresses that no guest may get, whether NetBox knows of them or not."""
        given = {self.gateway, *self.nameservers}
        return frozenset(address for address in given if address is not None)
