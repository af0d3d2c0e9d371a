"""The connection check of a Proxmox VE: what is missing, and the command that mends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.granting import grant_command
from engine.backends.hypervisor.ids import GuestIds
from engine.backends.hypervisor.placement import GIB, Node, check_room, check_source, online_nodes
from engine.backends.hypervisor.rights import Need, fetching, missing, needs
from engine.backends.hypervisor.sources import find_source
from engine.backends.registry import failed_check
from engine.errors import HomeportError
from engine.model.provider import Check, CheckStatus

SERVICE = "hypervisor"
RIGHTS = "Rights of the token or user"
_OLDEST, _NEWEST_MAJOR = (8, 4), 9
_TIGHT_GIB = 8
_IDS_LOOKED_AT = 20


def inspect(client: ProxmoxClient, ids: GuestIds) -> list[Check]:
    """All lines; only the first where Proxmox VE cannot be reached or refuses the token."""
    try:
        version = str(client.get("version").get("version") or "")
    except HomeportError as error:
        return [failed_check(SERVICE, error, "Proxmox VE answers and is the right one")]
    known = "the pinned certificate" if client.settings.fingerprint else "a trusted certificate"
    lines = [_line("Proxmox VE answers and is the right one", CheckStatus.PASS, f"with {known}")]
    lines.append(_version(version))
    major = int(version.partition(".")[0] or 0) if version[:1].isdigit() else 0
    lines += _guarded(RIGHTS, lambda: _rights(client, major))
    lines += _guarded("API hosts", lambda: _hosts(client))
    lines += _guarded("Nodes", lambda: _nodes(client))
    lines += _guarded("Network bridge", lambda: _bridge(client))
    lines += _guarded("Resource pool", lambda: _pool(client))
    lines += _guarded("Free guest ids", lambda: _free_ids(client, ids))
    return lines


def _version(version: str) -> Check:
    title = "Version of Proxmox VE"
    found = re.match(r"(\d+)\.(\d+)", version)
    numbers = (int(found[1]), int(found[2])) if found else (0, 0)
    if numbers < _OLDEST:
        do = "Update the host to Proxmox VE 8.4 or 9."
        return _line(title, CheckStatus.FAIL, version or "not told", do)
    if numbers[0] > _NEWEST_MAJOR:
        do = "Homeport was made for 8.4 and 9; try it on a deployment that does not matter first."
        return _line(title, CheckStatus.WARN, version, do)
    return _line(title, CheckStatus.PASS, version)


def _rights(client: ProxmoxClient, major: int) -> list[Check]:
    found = f"{client.settings.account} has all it needs"
    return _lacking(client, needs(client.settings, major)) or [
        _line(RIGHTS, CheckStatus.PASS, found)
    ]


def _lacking(client: ProxmoxClient, wanted: list[Need]) -> list[Check]:
    """A line for each path where a right is missing."""
    lacking = missing(client, wanted)
    by_path: dict[str, list[str]] = {}
    for need in lacking:
        by_path.setdefault(need.paths[0], []).append(need.privilege)
    return [
        _line(
            f"{RIGHTS} on {path}",
            CheckStatus.FAIL,
            f"missing: {', '.join(privileges)}",
            "On a Proxmox host run: " + grant_command(path, privileges, client.settings.account),
        )
        for path, privileges in by_path.items()
    ]


def _hosts(client: ProxmoxClient) -> list[Check]:
    """Whether the cluster can be reached when one of its nodes is off. Nothing to say of one."""
    title, settings = "API hosts", client.settings
    nodes = client.get("nodes")
    if len(nodes) == 1:
        return []
    if len(settings.hosts) == 1:
        do = "Name another node's address in 'hosts' of the provider's settings, too."
        return [_line(title, CheckStatus.WARN, f"one of a cluster of {len(nodes)} nodes", do)]
    shown = {str(row["node"]): str(row.get("ssl_fingerprint") or "").upper() for row in nodes}
    unknown = [
        f"{node} shows {fingerprint}"
        for node, fingerprint in sorted(shown.items())
        if fingerprint and fingerprint not in settings.fingerprint
    ]
    if settings.fingerprint and unknown:
        do = "If these are right (pvenode cert info, on each), add them to 'fingerprint'."
        return [_line(title, CheckStatus.WARN, f"not pinned: {'; '.join(unknown)}", do)]
    return [_line(title, CheckStatus.PASS, f"{len(settings.hosts)} of {len(nodes)} nodes")]


def _nodes(client: ProxmoxClient) -> list[Check]:
    """Storage and image on the node that has both; the first node's troubles where none has."""
    nodes = online_nodes(client)
    reports = [_storage_and_source(client, node) for node in nodes]
    good = [
        lines for lines in reports if all(line.status is not CheckStatus.FAIL for line in lines)
    ]
    return (good or reports)[0]


def _storage_and_source(client: ProxmoxClient, node: Node) -> list[Check]:
    settings = client.settings
    lines = _guarded(
        f"Storage {settings.storage} on node {node.name}", lambda: _storage(client, node)
    )
    title = "Cloud image" if settings.image and not settings.containers else "Template"

    def source() -> list[Check]:
        found = check_source(client, node.name)
        is_there = settings.clone_source is not None or find_source(client, node.name).is_there
        if not is_there and (lines := _lacking(client, fetching(settings))):
            return lines
        return [_line(title, CheckStatus.PASS, f"{found} on node {node.name}")]

    return lines + _guarded(title, source)


def _storage(client: ProxmoxClient, node: Node) -> list[Check]:
    name = client.settings.storage
    title = f"Storage {name} on node {node.name}"
    free = check_room(client, node, memory_mib=0, disk_gib=1)
    status: dict[str, Any] = client.get(f"nodes/{quote(node.name)}/storage/{quote(name)}/status")
    contents = str(status.get("content") or "").split(",")
    needed, kept = (
        ("rootdir", "containers")
        if client.settings.containers
        else (
            "images",
            "disk images",
        )
    )
    if needed not in contents:
        return [
            _line(
                title,
                CheckStatus.FAIL,
                f"it does not take {kept}",
                f"On a Proxmox host run: pvesm set {name} --content "
                f"{','.join(filter(None, [*contents, needed]))}",
            )
        ]
    found = f"{free / GIB:.1f} GiB free"
    if free < _TIGHT_GIB * GIB:
        return [_line(title, CheckStatus.WARN, found, "Free space, or use a larger storage.")]
    return [_line(title, CheckStatus.PASS, found)]


def _bridge(client: ProxmoxClient) -> list[Check]:
    """A token sees the bridges that it may use, so none at all says more about its rights."""
    title, wanted = "Network bridge", client.settings.bridge
    seen: set[str] = set()
    for node in online_nodes(client):
        rows = client.get(f"nodes/{quote(node.name)}/network", type="any_bridge")
        names = {str(row.get("iface")) for row in rows}
        if wanted in names:
            return [_line(title, CheckStatus.PASS, f"{wanted} on node {node.name}")]
        seen |= names
    if seen:
        found = f"there is no {wanted}, but {', '.join(sorted(seen))}"
        return [_line(title, CheckStatus.FAIL, found, "Correct 'bridge' in the settings.")]
    do = "Correct 'bridge' in the provider's settings, or grant the token SDN.Use on it."
    return [_line(title, CheckStatus.WARN, "the token sees no bridge", do)]


def _pool(client: ProxmoxClient) -> list[Check]:
    pool = client.settings.pool
    if not pool:
        return []
    pools = client.get("pools")
    if any(row.get("poolid") == pool for row in pools):
        return [_line("Resource pool", CheckStatus.PASS, pool)]
    do = f"On a Proxmox host run: pveum pool add {pool}"
    return [_line("Resource pool", CheckStatus.WARN, f"the token sees no pool {pool}", do)]


def _free_ids(client: ProxmoxClient, ids: GuestIds) -> list[Check]:
    first, last = client.settings.vmid_first, client.settings.vmid_last
    for vmid in range(first, min(last, first + _IDS_LOOKED_AT - 1) + 1):
        if ids.is_free(vmid):
            return [_line("Free guest ids", CheckStatus.PASS, f"{vmid} of {first} to {last}")]
    looked_at_all = last - first < _IDS_LOOKED_AT
    status = CheckStatus.FAIL if looked_at_all else CheckStatus.WARN
    found = f"the first {_IDS_LOOKED_AT} ids from {first} on are taken"
    do = "Give Homeport a range of ids of its own: vmid_first and vmid_last."
    return [_line("Free guest ids", status, found, do)]


def _guarded(title: str, look: Callable[[], list[Check]]) -> list[Check]:
    try:
        return look()
    except HomeportError as error:
        return [failed_check(SERVICE, error, title)]


def _line(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service=SERVICE, title=title, status=status, found=found, do=do)
