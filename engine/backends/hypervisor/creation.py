"""From the guest that is wanted to the parameters of Proxmox VE. Values in, values out.

Cloud-init settings are given once, before the first start: its instance id is a hash of
them, so changing one later makes the guest a new instance with new SSH host keys.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.mark import Mark, notes
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.wire import Parameter
from engine.backends.protocols import GuestSpec
from engine.errors import InvalidInput

_OWNER = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_SSH_KEY = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\r\n]*)?")
_SIZE = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>[KMGT]?)")
_GIB = {"": 1 / 1024**3, "K": 1 / 1024**2, "M": 1 / 1024, "G": 1, "T": 1024}
_DISK = re.compile(r"(scsi|virtio|sata|ide)[0-9]+")


def check_spec(spec: GuestSpec) -> None:
    """InvalidInput where Proxmox would refuse a value, or worse, take it."""
    problems = []
    if not _OWNER.fullmatch(spec.owner):
        problems.append("owner: not a mark")
    if not _LABEL.fullmatch(spec.name):
        problems.append("name: not a host name (letters, digits and '-', at most 63)")
    if spec.search_domain and not _DOMAIN.fullmatch(spec.search_domain):
        problems.append("search domain: not a domain name")
    if not _USER.fullmatch(spec.user):
        problems.append("user: not a user name")
    if not spec.ssh_public_keys or not all(_SSH_KEY.fullmatch(k) for k in spec.ssh_public_keys):
        problems.append("SSH keys: one or more public keys, each on one line")
    if spec.cores < 1 or spec.memory_mib < 64 or spec.disk_gib < 1:
        problems.append("size: at least one core, 64 MiB of memory and 1 GiB of disk")
    problems += _address_problems(spec)
    if problems:
        raise InvalidInput(
            "the guest cannot be made as asked",
            on=spec.name[:63],
            why="; ".join(problems),
            left="nothing was changed",
            do="Correct the named values.",
        )


def create_parameters(
    spec: GuestSpec, settings: ProxmoxSettings, vmid: int, image: str
) -> dict[str, Parameter]:
    """`POST nodes/{node}/qemu`: a guest with its disk copied from the cloud image."""
    return {
        "vmid": vmid,
        "ostype": "l26",
        "scsihw": "virtio-scsi-single",
        "scsi0": f"{settings.storage}:0,import-from={image},discard=on",
        "ide2": f"{settings.storage}:cloudinit",
        "boot": "order=scsi0",
        "serial0": "socket",  # cloud images put their console there and hang without it
        "vga": "serial0",
        "pool": settings.pool or None,
        **configuration(spec, settings, vmid),
    }


def clone_parameters(spec: GuestSpec, settings: ProxmoxSettings, vmid: int) -> dict[str, Parameter]:
    """`POST nodes/{node}/qemu/{template}/clone`: a full copy, still with the template's settings.

    A clone takes no tags, so the notes carry the mark from the first moment.
    """
    return {
        "newid": vmid,
        "name": spec.name,
        "full": True,
        "storage": settings.storage,
        "pool": settings.pool or None,
        "description": notes(Mark(spec.owner, vmid, finished=False), spec.name),
    }


def configuration(spec: GuestSpec, settings: ProxmoxSettings, vmid: int) -> dict[str, Parameter]:
    """What an imported and a cloned guest have in common, the finished mark included."""
    return {
        "name": spec.name,
        "cores": spec.cores,
        "memory": spec.memory_mib,
        "net0": f"virtio,bridge={settings.bridge}",
        "agent": "enabled=1",
        "onboot": True,
        "tags": spec.owner,
        "description": notes(Mark(spec.owner, vmid), spec.name),
        "ciuser": spec.user,
        "sshkeys": quote("\n".join(key.strip() for key in spec.ssh_public_keys), safe=""),
        "ipconfig0": ip_configuration(spec),
        "nameserver": " ".join(spec.nameservers) or None,
        "searchdomain": spec.search_domain or None,
        "ciupgrade": False,
    }


def ip_configuration(spec: GuestSpec) -> str:
    v6 = "6" if ipaddress.ip_interface(spec.address).version == 6 else ""
    gateway = f",gw{v6}={spec.gateway}" if spec.gateway else ""
    return f"ip{v6}={spec.address}{gateway}"


def configured_address(config: Mapping[str, Any]) -> str:
    """The address in a guest's first network configuration, without prefix; "" for none. A
    container has it with its network card."""
    for part in str(config.get("ipconfig0") or config.get("net0") or "").split(","):
        key, _, value = part.partition("=")
        if key in ("ip", "ip6") and value not in ("dhcp", "auto", "manual"):
            return value.partition("/")[0]
    return ""


def boot_disk(config: Mapping[str, Any]) -> str:
    """The key of the disk that the guest boots from; "" where there is none."""
    if "rootfs" in config:  # a container
        return "rootfs"
    order = str(config.get("boot") or "").partition("order=")[2].split(";")
    for key in [*order, "scsi0", "virtio0", "sata0", "ide0"]:
        if _DISK.fullmatch(key) and key in config and "media=cdrom" not in str(config[key]):
            return key
    return ""


def other_size(config: Mapping[str, Any], spec: GuestSpec) -> dict[str, Parameter]:
    """Cores and memory of a guest that has others; Proxmox VE's own defaults are 1 and 512."""
    has = {"cores": int(config.get("cores") or 1), "memory": int(config.get("memory") or 512)}
    wanted = {"cores": spec.cores, "memory": spec.memory_mib}
    return {key: value for key, value in wanted.items() if value != has[key]}


def growth(config: Mapping[str, Any], spec: GuestSpec) -> dict[str, Parameter] | None:
    """`PUT .../resize` where the boot disk is smaller than wanted. Disks never shrink."""
    disk = boot_disk(config)
    found = re.search(rf"(^|,)size=({_SIZE.pattern})(,|$)", str(config.get(disk, "")))
    if not disk or found is None:
        return None
    if float(found["number"]) * _GIB[found["unit"]] >= spec.disk_gib:
        return None
    return {"disk": disk, "size": f"{spec.disk_gib}G"}


def has_cloud_init(config: Mapping[str, Any]) -> bool:
    return any(
        _DISK.fullmatch(key) and re.search(r"cloudinit", str(value))
        for key, value in config.items()
    )


def _address_problems(spec: GuestSpec) -> list[str]:
    try:
        interface = ipaddress.ip_interface(spec.address)
        servers = [ipaddress.ip_address(server) for server in spec.nameservers]
        gateway = ipaddress.ip_address(spec.gateway) if spec.gateway else None
    except ValueError as error:
        return [f"address: {error}"]
    del servers
    if "/" not in spec.address:
        return ["address: has no prefix length"]
    if gateway is not None and gateway not in interface.network:
        return [f"gateway: {gateway} is not in {interface.network}; Proxmox would not notice"]
    return []
