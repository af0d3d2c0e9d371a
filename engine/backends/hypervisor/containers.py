"""LXC containers: what they are made from, and the parameters that make one.

A container has no cloud-init: its network, name and keys are given once, at its creation.
Nothing in it can be asked from outside either, so it gets a secret along with root's key, by
which it proves its SSH host keys over the very connection that they are to protect
(`engine.guests.proving`). Proxmox VE writes that key into the container and shows it nowhere.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.mark import Mark, notes
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.hypervisor.wire import Parameter
from engine.backends.protocols import GuestSpec, Progress
from engine.errors import InvalidInput
from engine.guests.proving import with_proof

_FETCH_SECONDS = 1800.0


def check_container(spec: GuestSpec) -> None:
    """InvalidInput for what a container cannot have."""
    problems = []
    if spec.user != "root":
        problems.append(f"user: {spec.user}; the key is put into a container for root alone")
    if not spec.proof:
        problems.append("proof: without it the container's host keys could not be known")
    if problems:
        raise InvalidInput(
            "the container cannot be made as asked",
            on=spec.name,
            why="; ".join(problems),
            left="nothing was changed",
            do="Set the user of the provider's guests to root.",
        )


def container_parameters(
    spec: GuestSpec, settings: ProxmoxSettings, vmid: int, template: str
) -> dict[str, Parameter]:
    """`POST nodes/{node}/lxc`: complete, the finished mark included."""
    first, *others = spec.ssh_public_keys
    return {
        "vmid": vmid,
        "ostemplate": template,
        "rootfs": f"{settings.storage}:{spec.disk_gib}",
        "unprivileged": True,
        # systemd mounts file systems of its own for its services; without nesting it cannot
        "features": "nesting=1",
        "hostname": spec.name,
        "cores": spec.cores,
        "memory": spec.memory_mib,
        "net0": network(spec, settings.bridge),
        "nameserver": " ".join(spec.nameservers) or None,
        "searchdomain": spec.search_domain or None,
        "ssh-public-keys": "\n".join([with_proof(first, spec.proof), *others]),
        "onboot": True,
        "pool": settings.pool or None,
        "tags": spec.owner,
        "description": notes(Mark(spec.owner, vmid), spec.name),
    }


def network(spec: GuestSpec, bridge: str) -> str:
    v6 = "6" if ipaddress.ip_interface(spec.address).version == 6 else ""
    gateway = f",gw{v6}={spec.gateway}" if spec.gateway else ""
    return f"name=eth0,bridge={bridge},ip{v6}={spec.address}{gateway}"


def find_template(client: ProxmoxClient, node: str) -> tuple[str, bool]:
    """The volume of the template that the settings name, and whether the node has it already.

    A name without a version stands for the newest: the one on the storage, or else the one
    that Proxmox offers for download. InvalidInput where there is neither.
    """
    storage, _, wanted = client.settings.container_template.partition(":vztmpl/")
    place = f"nodes/{quote(node)}"
    rows: list[dict[str, Any]] = client.get(
        f"{place}/storage/{quote(storage)}/content", content="vztmpl"
    )
    there = [str(row.get("volid")).partition(":vztmpl/")[2] for row in rows]
    if found := _newest(wanted, there):
        return f"{storage}:vztmpl/{found}", True
    offered = [str(row.get("template")) for row in client.get(f"{place}/aplinfo")]
    if found := _newest(wanted, offered):
        return f"{storage}:vztmpl/{found}", False
    raise InvalidInput(
        "there is nothing to make a container from",
        on=f"node {node}",
        why=f"{wanted} is neither on the storage {storage} nor in Proxmox's list of templates",
        left="nothing was changed",
        do="On a Proxmox host run: pveam update && pveam available --section system, and correct "
        "'container_template' in the provider's settings.",
    )


def provide_template(client: ProxmoxClient, node: str, progress: Progress) -> str:
    """The template's volume, fetched by the node itself where it is not there."""
    volume, is_there = find_template(client, node)
    if not is_there:
        storage, _, template = volume.partition(":vztmpl/")
        progress.log(f"Node {node} fetches the template {template}.")
        wanted = {"storage": storage, "template": template}
        upid = client.post(f"nodes/{quote(node)}/aplinfo", wanted)
        Tasks(client).wait(str(upid), progress, _FETCH_SECONDS)
    return volume


def _newest(wanted: str, names: list[str]) -> str:
    """ "debian-12-standard" stands for any of "debian-12-standard_<version>_<arch>.tar.zst"."""
    if wanted in names:
        return wanted
    matching = [name for name in names if name.startswith(f"{wanted}_")]
    return max(matching, key=_version, default="")


def _version(name: str) -> list[tuple[int, str]]:
    """Numbers by their value: 12.12 comes after 12.7."""
    version = name.split("_")[1]
    parts = version.replace("-", ".").split(".")
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
