"""The rights that the token needs, and which of them it has.

The set was found by adding only what the access control of Proxmox VE 9.2 asked for. It is
compared with what the API says of the token (`GET /access/permissions`), which for a token
with privilege separation is the part that the token and its user have in common.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.granting import grant_command, who
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.errors import Denied

_GUEST = (
    "VM.Allocate",
    "VM.Audit",
    "VM.PowerMgmt",
    "VM.Config.Options",
    "VM.Config.CPU",
    "VM.Config.Memory",
    "VM.Config.Disk",
    "VM.Config.Network",
)
_MACHINE = ("VM.Config.HWType", "VM.Config.CDROM", "VM.Config.Cloudinit")
"""What a virtual machine needs, and a container does not have."""
_AGENT_9 = ("VM.GuestAgent.Audit", "VM.GuestAgent.FileRead")
_AGENT_8 = ("VM.Monitor",)
"""Proxmox VE 9 split VM.Monitor up and refuses the old name."""


@dataclass(frozen=True)
class Need:
    """A privilege that must be there on one of the paths; granted on the first when missing."""

    paths: tuple[str, ...]
    privilege: str


def needs(settings: ProxmoxSettings, major: int) -> list[Need]:
    """What deploying to this provider asks for, under Proxmox VE of this major version."""
    guests = guest_paths(settings)
    storage = (f"/storage/{settings.storage}",)
    wanted = [Need(guests, privilege) for privilege in _GUEST]
    if not settings.containers:
        wanted += [Need(guests, privilege) for privilege in (*_MACHINE, *agent_rights(major))]
    wanted.append(Need(storage, "Datastore.AllocateSpace"))
    wanted.append(Need((f"/sdn/zones/localnetwork/{settings.bridge}",), "SDN.Use"))
    if source := settings.container_template if settings.containers else settings.image:
        wanted.append(Need((f"/storage/{source.partition(':')[0]}",), "Datastore.Audit"))
    if settings.safety_net == "snapshot":
        wanted.append(Need(guests, "VM.Snapshot"))
    elif settings.safety_net == "backup":
        place = (f"/storage/{settings.backup_storage}",)
        wanted += [
            Need(guests, "VM.Backup"),
            Need(place, "Datastore.AllocateSpace"),
            Need(place, "Datastore.Allocate"),  # to remove that of a guest that is gone
        ]
    if settings.clone_source is not None:
        wanted.append(Need((f"/vms/{settings.clone_source}", *guests), "VM.Clone"))
    return wanted


def agent_rights(major: int) -> tuple[str, ...]:
    """For asking a guest's agent, under Proxmox VE of this major version."""
    return _AGENT_9 if major >= 9 else _AGENT_8


def fetching(settings: ProxmoxSettings) -> list[Need]:
    """What it takes to have that fetched from which guests are made; nothing where it is not."""
    if settings.clone_source is not None or not (settings.containers or settings.image_url):
        return []
    source = settings.container_template if settings.containers else settings.image
    needed = [Need((f"/storage/{source.partition(':')[0]}",), "Datastore.AllocateTemplate")]
    if not settings.containers:
        place = f"/nodes/{settings.node}" if settings.node else "/nodes"
        needed.append(Need((place,), "Sys.AccessNetwork"))
    return needed


def guest_paths(settings: ProxmoxSettings) -> tuple[str, ...]:
    """Where rights on guests are looked for: the pool's before a guest exists, or all guests'."""
    return (f"/pool/{settings.pool}", "/vms") if settings.pool else ("/vms",)


def missing(client: ProxmoxClient, wanted: Iterable[Need]) -> list[Need]:
    """Those that the token lacks, in their order."""
    held: dict[str, frozenset[str]] = {}
    lacking = []
    for need in wanted:
        for path in need.paths:
            if path not in held:
                held[path] = _held(client, path)
        if not any(_enough(need.privilege, held[path]) for path in need.paths):
            lacking.append(need)
    return lacking


def require_sight(client: ProxmoxClient) -> None:
    """Denied unless the token sees the guests.

    Proxmox leaves guests that a token may not see out of its lists without a word; an empty
    list would then look as if nothing had been made yet.
    """
    paths = guest_paths(client.settings)
    if missing(client, [Need(paths, "VM.Audit")]):
        raise Denied(
            f"the Proxmox {who(client.settings.account)} lacks the right VM.Audit on {paths[0]}",
            on=client.provider,
            why="without it Homeport cannot see which guests are already there",
            left="nothing was changed",
            do="On a Proxmox host run: "
            + grant_command(paths[0], ["VM.Audit"], client.settings.account),
        )


def _held(client: ProxmoxClient, path: str) -> frozenset[str]:
    """Privileges in effect on a path. The answer names the path, or only those above it."""
    answer: dict[str, dict[str, int]] = client.get("access/permissions", path=path) or {}
    return frozenset(
        privilege
        for place, privileges in answer.items()
        if path == place or place == "/" or path.startswith(place + "/")
        for privilege in privileges
    )


def _enough(privilege: str, held: frozenset[str]) -> bool:
    if privilege == "Datastore.Audit":  # reading an image needs either
        return bool(held & {"Datastore.Audit", "Datastore.AllocateSpace"})
    if privilege == "VM.GuestAgent.FileRead":
        return bool(held & {privilege, "VM.GuestAgent.Unrestricted"})
    if privilege == "VM.Config.Cloudinit":
        return bool(held & {privilege, "VM.Config.Network"})
    return privilege in held
