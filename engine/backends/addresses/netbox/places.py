"""Where in NetBox addresses are taken from: a prefix, or a range within it, in its VRF."""

from __future__ import annotations

from typing import Any

from engine.backends.addresses.netbox.client import NetBoxClient
from engine.errors import HomeportError, NotReady


def find_prefix(client: NetBoxClient) -> Any:
    """pynetbox's record; NotReady where the prefix or its VRF is not in NetBox."""
    settings = client.settings
    where = _in_vrf(client)
    prefix = str(settings.prefix)
    found = client.read(prefix, lambda api: list(api.ipam.prefixes.filter(prefix=prefix, **where)))
    if len(found) != 1:
        raise _missing("prefix", prefix, len(found), settings.vrf)
    return found[0]


def find_range(client: NetBoxClient) -> Any:
    """The range that begins with the address in the settings; NotReady where there is none."""
    settings = client.settings
    first = str(settings.range_start)
    where = _in_vrf(client)
    found = client.read(
        first, lambda api: list(api.ipam.ip_ranges.filter(start_address=first, **where))
    )
    if len(found) != 1:
        raise _missing("IP range", first, len(found), settings.vrf)
    return found[0]


def find_cluster(client: NetBoxClient) -> Any:
    name = client.settings.cluster
    found = client.read(name, lambda api: list(api.virtualization.clusters.filter(name=name)))
    if len(found) != 1:
        raise _missing("cluster", name, len(found), "")
    return found[0]


def _in_vrf(client: NetBoxClient) -> dict[str, Any]:
    name = client.settings.vrf
    if not name:
        return {"vrf_id": "null"}
    found = client.read(name, lambda api: list(api.ipam.vrfs.filter(name=name)))
    if len(found) != 1:
        raise _missing("VRF", name, len(found), "")
    return {"vrf_id": found[0].id}


def _missing(kind: str, name: str, count: int, vrf: str) -> HomeportError:
    where = f" in the VRF {vrf}" if vrf else ""
    return NotReady(
        f"NetBox has no such {kind}" if count == 0 else f"NetBox has several of this {kind}",
        on=f"{name}{where}",
        why="it is not there, or Homeport's user may not see it"
        if count == 0
        else f"there are {count}",
        left="nothing was changed",
        do=f"Create the {kind} in NetBox, or correct the provider's settings."
        if count == 0
        else "Leave one of them, or name another in the provider's settings.",
    )
