"""The connection check of a NetBox: what is missing there, and how it comes to be."""

from __future__ import annotations

from engine.backends.addresses.netbox.client import NetBoxClient
from engine.backends.addresses.netbox.places import find_cluster, find_prefix, find_range
from engine.backends.addresses.netbox.rights import MADE, set_up_script
from engine.model.provider import Check, CheckStatus

_OLDEST = (4, 0)


def check_netbox(client: NetBoxClient) -> list[Check]:
    """It answers and knows us; prefix, range and cluster are there; addresses are free; every
    right to make things. Stops with the first error that makes the rest pointless."""
    settings = client.settings
    checks = [_version(client), _rights(client)]
    if checks[-1].status is CheckStatus.FAIL:
        return checks
    checks.append(_free(client))
    if settings.cluster:
        found = f"{find_cluster(client).name}: guests are entered there"
        checks.append(_line("Cluster for the records of guests", CheckStatus.PASS, found))
    checks += _unknown_addresses(client)
    if not settings.nameservers:
        do = "Add nameservers to the settings, or guests use those of the hypervisor."
        checks.append(_line("Name servers for guests", CheckStatus.WARN, "none given", do))
    return checks


def _version(client: NetBoxClient) -> Check:
    version = str(client.read("status", lambda api: api.status())["netbox-version"])
    found = f"version {version} at {client.settings.host}"
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if parts < _OLDEST:
        do = "Homeport is tested with NetBox 4; update NetBox."
        return _line("NetBox answers", CheckStatus.WARN, found, do)
    return _line("NetBox answers", CheckStatus.PASS, found)


def _free(client: NetBoxClient) -> Check:
    settings = client.settings
    prefix = find_prefix(client)
    pool = prefix if settings.range_start is None else find_range(client)
    free = client.read(str(prefix), lambda api: pool.available_ips.list())
    count = sum(1 for one in free if str(one.address).partition("/")[0] not in _texts(client))
    place = f"{settings.prefix}" + (f" in the VRF {settings.vrf}" if settings.vrf else "")
    title = "Addresses for guests"
    if not count:
        do = "Free addresses in NetBox, or name a larger prefix in the provider's settings."
        return _line(title, CheckStatus.WARN, f"none is free in {place}", do)
    return _line(title, CheckStatus.PASS, f"{count} or more are free in {place}")


def _unknown_addresses(client: NetBoxClient) -> list[Check]:
    """NetBox would give them to others."""
    settings = client.settings
    unknown = [
        str(address)
        for address in sorted(settings.reserved, key=str)
        if address in settings.prefix and not _is_known(client, str(address))
    ]
    if not unknown:
        return []
    do = "Enter them in NetBox as IP addresses. Homeport never takes them; somebody else may."
    found = f"NetBox does not know {', '.join(unknown)}"
    return [_line("Gateway and name servers", CheckStatus.WARN, found, do)]


def _is_known(client: NetBoxClient, address: str) -> bool:
    return bool(
        client.read(address, lambda api: list(api.ipam.ip_addresses.filter(address=address)))
    )


def _rights(client: NetBoxClient) -> Check:
    title = "Rights of Homeport's user"
    needed = [
        (kind, endpoint)
        for kind, endpoint in MADE.items()
        if client.settings.cluster or not kind.startswith("virtualization.")
    ]
    lacking = [kind for kind, endpoint in needed if not client.may_add(endpoint)]
    if lacking:
        found = f"may not add {', '.join(lacking)}"
        do = "Give it its rights, in NetBox's own shell:\n" + set_up_script()
        return _line(title, CheckStatus.FAIL, found, do)
    return _line(title, CheckStatus.PASS, f"may add {', '.join(kind for kind, _ in needed)}")


def _texts(client: NetBoxClient) -> frozenset[str]:
    return frozenset(str(address) for address in client.settings.reserved)


def _line(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service="addresses", title=title, status=status, found=found, do=do)
