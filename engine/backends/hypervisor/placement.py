"""On which node of the cluster a new guest goes, and whether it fits there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.sources import check_template, find_source
from engine.backends.protocols import GuestSpec
from engine.errors import HomeportError, InvalidInput, NoCapacity, Unreachable

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True)
class Node:
    """A node that is on. Memory in bytes; 0 where the token may not see it."""

    name: str
    memory: int = 0
    memory_used: int = 0

    @property
    def memory_free(self) -> int:
        return max(0, self.memory - self.memory_used)


def online_nodes(client: ProxmoxClient) -> list[Node]:
    """Nodes that may be used, the one with the most free memory first.

    Unreachable when none is on; InvalidInput where the settings name one that is not there.
    """
    rows: list[dict[str, Any]] = client.get("nodes")
    wanted = client.settings.node
    if wanted:
        rows = [row for row in rows if row.get("node") == wanted]
        if not rows:
            raise InvalidInput(
                f"there is no node called {wanted}",
                on=client.provider,
                left="nothing was changed",
                do="Correct 'node' in the provider's settings.",
            )
    nodes = [
        Node(str(row["node"]), int(row.get("maxmem") or 0), int(row.get("mem") or 0))
        for row in rows
        if row.get("status") == "online"
    ]
    if not nodes:
        raise Unreachable(
            "no node of the Proxmox cluster is on",
            on=client.provider,
            left="nothing was changed",
            do="Start the node, then try again.",
        )
    return sorted(nodes, key=lambda node: (-node.memory_free, node.name))


def choose_node(client: ProxmoxClient, spec: GuestSpec) -> str:
    """A node with the storage, the image or template, and room. Where none has, the reason of
    the one that lacks only room, or else of the first."""
    refusals = []
    for node in online_nodes(client):
        try:
            check_source(client, node.name)
            check_room(client, node, spec.memory_mib, spec.disk_gib)
        except HomeportError as error:
            refusals.append(error)
        else:
            return node.name
    raise max(refusals, key=lambda error: isinstance(error, NoCapacity))


def check_source(client: ProxmoxClient, node: str) -> str:
    """What a guest is made from, as found on the node. InvalidInput where it is not there."""
    if (template := client.settings.clone_source) is not None:
        return check_template(client, node, template)
    return find_source(client, node).told


def check_room(client: ProxmoxClient, node: Node, memory_mib: int, disk_gib: int) -> int:
    """Bytes that are free on the storage. NoCapacity where the guest cannot fit.

    Memory is refused only where the node could never run the guest: what a node reports as
    used includes caches that it gives up.
    """
    storage = client.settings.storage
    status = client.get(f"nodes/{quote(node.name)}/storage/{quote(storage)}/status")
    if str(status.get("active", 1)) == "0":
        raise Unreachable(
            f"the storage {storage} is not available on node {node.name}",
            left="nothing was changed",
            do="Check the storage in the Proxmox web interface, then try again.",
        )
    free = int(status.get("avail") or 0)
    if free < disk_gib * GIB:
        raise NoCapacity(
            f"the storage {storage} has not enough space",
            on=f"node {node.name}",
            why=f"the guest's disk takes {disk_gib} GiB, {free / GIB:.1f} GiB are free",
            left="nothing was changed",
            do="Free space on the storage, or name another storage in the provider's settings.",
        )
    if node.memory and node.memory < memory_mib * MIB:
        raise NoCapacity(
            f"node {node.name} has not enough memory",
            why=f"the guest takes {memory_mib} MiB, the node has {node.memory // MIB} MiB",
            left="nothing was changed",
            do="Ask for less memory, or use a larger node.",
        )
    return free
