"""What a guest learns at power-on: the hypervisor's cloud-init data, as one private file."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

SSH_PORT = 2222
CONTROL = "control"
"""Name of the init's unix socket in the guest's directory."""


@dataclass(frozen=True)
class Boot:
    mark: str
    """Value of HOMEPORT_GUEST: "<lab and provider>/<vmid>"."""
    vmid: int
    hostname: str
    address: str | None
    """Address with prefix length, as in `ipconfig0`; None: the guest has no network."""
    gateway: str | None
    mac: str
    """MAC address of net0, in lower case; empty where the guest has no network card."""
    user: str
    ssh_public_keys: tuple[str, ...]
    nameservers: tuple[str, ...]
    search_domain: str
    cache: str
    """Directory of what all guests of the lab share: packages, and the base of full guests."""
    bridge: str = ""
    """This machine's bridge that a full Debian guest hangs on; empty for a light guest."""
    proxy: str = ""
    """URL of the proxy by which a full guest gets packages."""

    @property
    def ip(self) -> str | None:
        return self.address.partition("/")[0] if self.address else None

    @property
    def loopback(self) -> str:
        """Where services listen that only the guest itself reaches: an IPv4 address in any case,
        as on a machine that has IPv6 addresses only."""
        if self.ip and ":" in self.ip:
            _, second, third, *_, last = IPv6Address(self.ip).exploded.split(":")
            return f"127.{int(second, 16)}.{int(third, 16)}.{int(last, 16) % 256}"
        return self.ip or "127.0.0.1"

    @property
    def instance_id(self) -> str:
        """sha1 of user and network data, as Proxmox VE makes it: a change is a new instance."""
        data = asdict(self)
        for name in ("cache", "mark", "vmid", "bridge", "proxy"):
            del data[name]
        return hashlib.sha1(
            json.dumps(data, sort_keys=True).encode(), usedforsecurity=False
        ).hexdigest()

    def save(self, directory: Path) -> None:
        path = directory / "guest.json"
        temporary = path.with_suffix(".new")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file)
        temporary.replace(path)

    @classmethod
    def load(cls, directory: Path) -> Boot:
        return cls.of(json.loads((directory / "guest.json").read_text()))

    @classmethod
    def of(cls, data: dict[str, Any]) -> Boot:
        """From its fields, as JSON has them."""
        for name in ("ssh_public_keys", "nameservers"):
            data[name] = tuple(data[name])
        return cls(**data)
