"""What one provider's API is started with, and where it keeps its files."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path

GIB = 1024**3
POOL = "homeport"
USER = "homeport@pve"
TOKEN_ID = f"{USER}!homeport"
BRIDGE = "vmbr0"
DISK_STORAGE = "local-lvm"
IMAGE = "import/debian-12-generic-amd64.qcow2"
IMAGE_VOLUME = f"local:{IMAGE}"


def local_network6(host: IPv4Address) -> IPv6Network:
    """The IPv6 network that goes with a provider's 127.A.B.0/24: fd7f:A:B::/64.

    Of IPv6 the kernel has ::1 alone; root gives it more: ip address add ADDRESS/128 dev lo
    """
    _, second, third, _ = host.packed
    return IPv6Network(f"fd7f:{second:x}:{third:x}::/64")


@dataclass(frozen=True)
class Settings:
    directory: Path
    name: str
    """The provider's name; also the name of its one node."""
    host: str
    port: int
    network: str
    """Addresses its guests may have: "127.80.1.0/24"."""

    bridge: str = ""
    """This machine's bridge for full Debian guests; empty: its guests are light ones."""
    proxy: str = ""
    """URL of the proxy by which full guests get packages."""

    @property
    def network6(self) -> IPv6Network:
        """More of them, as far as root has given them to this machine."""
        return local_network6(IPv4Address(self.host))

    @property
    def guests(self) -> Path:
        return self.directory / "guests"

    @property
    def cache(self) -> Path:
        """What all guests of the lab share, see `Boot.cache`."""
        return self.directory.parent / "cache"

    @property
    def state(self) -> Path:
        return self.directory / "state.json"

    @property
    def token(self) -> Path:
        return self.directory / "token.json"

    @property
    def root_password(self) -> Path:
        return self.directory / "root-password"

    @property
    def tls(self) -> Path:
        return self.directory / "tls"


def certificate_fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate, as Proxmox VE shows it ("AA:BB:...")."""
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return hashlib.sha256(der).digest().hex(":").upper()
