"""Settings of the driver `dns.octodns`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

ReverseZone = Annotated[
    str, Field(pattern=r"^(([0-9]{1,3}\.){1,3}in-addr|([0-9a-f]\.){1,31}ip6)\.arpa$")
]


class OctodnsSettings(BaseModel):
    """class: octoDNS provider, as "package.Class". args, secret_args: its arguments; the latter
    are references. zone: the zone that it serves and Homeport writes into.

    authoritative: servers that are asked whether a change arrived ("192.0.2.1:53"); the zone's
    own NS if empty. verify_seconds: how long a provider may take to spread a change to all of
    them.

    resolver: whom to ask where the zone is delegated to ("192.0.2.53:53"), before its names leave
    other name servers; the system's if empty.

    reverse_zones: zones at the same provider in which the addresses of its guests get their names
    ("2.0.192.in-addr.arpa"), opened by the same arguments; none if empty. Zones for less than the
    256 addresses of an octet, which RFC 2317 makes by aliases, are not among them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    class_path: str = Field(alias="class", pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    zone: str = Field(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$")
    args: dict[str, Any] = Field(default_factory=dict)
    secret_args: dict[str, str] = Field(default_factory=dict)
    authoritative: tuple[str, ...] = ()
    verify_seconds: float = Field(default=120.0, gt=0)
    resolver: str = ""
    reverse_zones: tuple[ReverseZone, ...] = ()
