"""LXC containers: the parameters that make one.

A container has no cloud-init: its network, name and keys are given once, at its creation.
Nothing in it can be asked from outside either, so it gets a secret along with root's key, by
which it proves its SSH host keys over the very connection that they are to protect
(`engine.guests.proving`). Proxmox VE writes that key into the container and shows it nowhere.
"""

from __future__ import annotations

import ipaddress

from engine.backends.hypervisor.mark import Mark, notes
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.wire import Parameter
from engine.backends.protocols import GuestSpec
from engine.errors import InvalidInput
from engine.guests.proving import with_proof


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
