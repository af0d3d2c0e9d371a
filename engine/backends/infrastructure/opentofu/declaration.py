"""What is declared of a deployment's guest. Values in, a resource of OpenTofu out.

It reads as a person would write it, and is worth taking over: resources bear the deployment's
name, nothing is computed in it, and plain `tofu plan` finds no difference.

What is *not* declared, and why:

- Whether the guest runs. A move switches its source off for good; an apply that "mends" this
  would make a second writer. `started` is false at creation, and later differences are ignored.
- The cloud image. It belongs to all guests, so destroying one must not take it away.
- Later changes of cloud-init settings and of the CPU's type: the first would make the guest a new
  instance, with new SSH host keys; where a disk was imported from cannot be read back
  (bpg/proxmox never does), nor does it matter any more.

A guest that cannot be changed in place would be replaced, with its data lost: `prevent_destroy`
stands against that also when somebody runs `tofu apply` by hand. Destroying a deployment takes
the resource out of the configuration.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.backends.hypervisor.mark import Mark, notes
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.infrastructure.opentofu.parts import (
    GUEST,
    Plugin,
    Resource,
    Secret,
    label,
    reference,
)
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.protocols import GuestSpec

(VM,) = GUEST.kinds
TOKEN_VARIABLE = "proxmox_api_token"
_IGNORED = ("started", "initialization", "cpu[0].type", "disk[0].import_from")


@dataclass(frozen=True)
class DeclaredGuest:
    """A guest with its place; both are chosen when it is made, and never changed by OpenTofu."""

    spec: GuestSpec
    node: str
    vmid: int

    def resource(self, proxmox: ProxmoxSettings, *, is_there: bool) -> Resource:
        return Resource(
            VM,
            label(self.spec.name),
            _vm(self, proxmox),
            key=str(self.vmid),
            import_id=f"{self.node}/{self.vmid}",
            is_there=is_there,
        )


def plugin(
    settings: OpenTofuSettings, proxmox: ProxmoxSettings, token: Callable[[], str]
) -> Plugin:
    """token: gives "user@realm!name=secret"."""
    secret = Secret(
        "API token of Proxmox VE: user@realm!name=secret.",
        f"{proxmox.token_id}=<the token's secret>",
        token,
    )
    configuration = {
        "endpoint": f"https://{proxmox.hosts[0]}/",
        "api_token": reference(TOKEN_VARIABLE),
    }
    return Plugin(
        "proxmox",
        settings.proxmox_source,
        settings.proxmox_version,
        configuration,
        {TOKEN_VARIABLE: secret},
        proxmox.ca_pem,
    )


def _vm(guest: DeclaredGuest, proxmox: ProxmoxSettings) -> dict[str, Any]:
    spec = guest.spec
    return {
        "name": spec.name,
        "node_name": guest.node,
        "vm_id": guest.vmid,
        **({"pool_id": proxmox.pool} if proxmox.pool else {}),
        "description": notes(Mark(spec.owner, guest.vmid), spec.name).rstrip("\n"),
        "tags": [spec.owner],
        "on_boot": True,
        "started": False,
        "stop_on_destroy": True,
        "reboot_after_update": False,
        "cpu": [{"cores": spec.cores, "type": "x86-64-v2-AES"}],
        "memory": [{"dedicated": spec.memory_mib}],
        "scsi_hardware": "virtio-scsi-single",
        "disk": [
            {
                "interface": "scsi0",
                "datastore_id": proxmox.storage,
                "import_from": proxmox.image,
                "size": spec.disk_gib,
                "discard": "on",
            }
        ],
        "boot_order": ["scsi0"],
        "network_device": [{"bridge": proxmox.bridge, "model": "virtio"}],
        "operating_system": [{"type": "l26"}],
        "serial_device": [{"device": "socket"}],
        "vga": [{"type": "serial0"}],
        "agent": [{"enabled": True, "timeout": "1m"}],
        "initialization": [_cloud_init(spec, proxmox)],
        "lifecycle": {"prevent_destroy": True, "ignore_changes": list(_IGNORED)},
    }


def _cloud_init(spec: GuestSpec, proxmox: ProxmoxSettings) -> dict[str, Any]:
    family = "ipv6" if ipaddress.ip_interface(spec.address).version == 6 else "ipv4"
    gateway = {"gateway": spec.gateway} if spec.gateway else {}
    return {
        "datastore_id": proxmox.storage,
        "interface": "ide2",
        "dns": [{"domain": spec.search_domain, "servers": list(spec.nameservers)}],
        "ip_config": [{family: [{"address": spec.address, **gateway}]}],
        "user_account": [
            {"username": spec.user, "keys": [key.strip() for key in spec.ssh_public_keys]}
        ],
    }
