"""What a lab remembers of itself: its slice of the loopback network, and its credentials.

Every lab owns two neighbouring networks 127.A.B.0/24 and 127.A.(B+1).0/24, picked at its
creation and kept ever after, so that the labs of several users live side by side. All of
127.0.0.0/8 is local on Linux: no interface needs to be set up and no right is needed. Full
guests have their own view of 127.0.0.0/8, so a lab of such guests owns two networks on a bridge.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Literal

from pydantic import Field

from engine.errors import NoCapacity
from engine.lab.nspawn import bridge
from engine.model.base import Model

HARBOURS = ("harbour-a", "harbour-b")
API_PORT = 8006
NAMES_PORT = 5353
DNS_PORT = 53
"""Of the name server that full guests use: a resolver asks at no other port."""
AUTHORITY_PORT = 9443
PROXY_PORT = 3128

GuestKind = Literal["light", "nspawn"]
"""light: processes of this machine. nspawn: full Debian guests, which need root."""


class Harbour(Model):
    """One of the two providers. network: its guests' addresses, and its services'."""

    name: str
    network: IPv4Network

    @property
    def zone(self) -> str:
        return f"{self.name}.lab"

    @property
    def reverse_zone(self) -> str:
        """Where its guests' addresses can have names, in DNS; used once a profile says so."""
        return self.network[0].reverse_pointer.partition(".")[2]

    def address(self, last: int) -> str:
        return str(self.network[last])


class LabRecord(Model):
    """lab.json."""

    format: int = 1
    id: str = Field(pattern=r"^[a-z0-9]{8}$")
    created: datetime
    harbours: tuple[Harbour, ...]
    wanted: bool = True
    """Should it run? `down` says no; what does not run although it should has crashed."""
    guests: GuestKind = "light"

    @property
    def names_address(self) -> tuple[str, int]:
        return self.harbours[0].address(2), NAMES_PORT if self.guests == "light" else DNS_PORT

    @property
    def authority_address(self) -> tuple[str, int]:
        return self.harbours[0].address(3), AUTHORITY_PORT

    @property
    def proxy_address(self) -> tuple[str, int]:
        """Where full guests get packages."""
        return self.harbours[0].address(4), PROXY_PORT

    @property
    def bridge(self) -> str:
        """That full guests hang on, by its name; empty where guests are light."""
        return f"hp-{self.id}" if self.guests == "nspawn" else ""

    @property
    def bridged(self) -> IPv4Network:
        """The network on the bridge: those of both harbours."""
        return self.harbours[0].network.supernet()

    @property
    def bridge_addresses(self) -> tuple[IPv4Interface, ...]:
        """Those at which the lab's services listen."""
        first, second = self.harbours
        own = (*(first.address(number) for number in (1, 2, 3, 4)), second.address(1))
        return tuple(IPv4Interface(f"{address}/{self.bridged.prefixlen}") for address in own)


class LabSecrets(Model):
    """Kept in secrets.json, readable by its owner only.

    dns_keys: the key that may change a harbour's zone, by the harbour's name; base64, as
    TSIG wants it. (A hypervisor keeps its token itself, see engine.lab.api.)
    """

    dns_keys: dict[str, str]


def new_record(
    directory: Path,
    is_free: Callable[[str, int], bool] | None = None,
    *,
    guests: GuestKind = "light",
) -> LabRecord:
    """A new lab for this directory, on addresses where nobody listens; on a network that is
    nobody's where the guests are full ones."""
    free = is_free or _is_free
    for network in _slices(directory) if guests == "light" else _laboratories(directory):
        harbours = tuple(
            Harbour(name=name, network=half)
            for name, half in zip(HARBOURS, network.subnets(), strict=True)
        )
        record = LabRecord(
            id=secrets.token_hex(4),
            created=datetime.now(UTC),
            harbours=harbours,
            wanted=True,
            guests=guests,
        )
        if guests == "nspawn":
            if bridge.is_free(network):
                return record
            continue
        taken = [(harbour.address(1), API_PORT) for harbour in harbours]
        taken += [record.names_address, record.authority_address]
        if all(free(host, port) for host, port in taken):
            return record
    raise NoCapacity(
        "no addresses are free for a lab",
        on="127.0.0.0/8" if guests == "light" else str(bridge.LABORATORIES),
        why="other labs run on all of them",
        do="Remove labs that nobody uses: homeport lab reset",
    )


def new_secrets() -> LabSecrets:
    return LabSecrets(
        dns_keys={name: base64.b64encode(secrets.token_bytes(32)).decode() for name in HARBOURS}
    )


def _slices(directory: Path) -> Iterator[IPv4Network]:
    """Two neighbouring /24 as one: always the same start for one user's directory.

    127.0 and 127.1 are left out: systemd and Debian use addresses there.
    """
    start = _start(directory)
    for step in range(64):
        number = (start + step * 4099) % (253 * 127)
        yield IPv4Network(f"127.{2 + number // 127}.{2 * (number % 127)}.0/23")


def _laboratories(directory: Path) -> Iterator[IPv4Network]:
    slices = list(bridge.LABORATORIES.subnets(new_prefix=23))
    start = _start(directory)
    for step in range(len(slices)):
        yield slices[(start + step) % len(slices)]


def _start(directory: Path) -> int:
    digest = hashlib.sha256(f"{os.getuid()}:{directory}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _is_free(host: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((str(IPv4Address(host)), port))
            except OSError:
                return False
    return True
