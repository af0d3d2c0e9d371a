"""The lab's own network on this machine: a bridge that its full guests hang on.

The services of the lab listen on addresses of the bridge. Guests reach them and one another;
nothing is routed from there into other networks. Addresses come from 198.18.0.0/15, which no
network outside of laboratories uses (RFC 2544).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Interface, IPv4Network, ip_network

from engine.errors import RemoteFailure

LABORATORIES = IPv4Network("198.18.0.0/15")


def is_free(network: IPv4Network) -> bool:
    """Does no route of this machine lead into the network?"""
    routes = json.loads(_ip("-json", "-4", "route", "show", "table", "all"))
    known = (route["dst"] for route in routes if route["dst"] != "default")
    return not any(ip_network(dst, strict=False).overlaps(network) for dst in known)


def up(name: str, addresses: Sequence[IPv4Interface]) -> None:
    """The bridge is there and has these addresses afterwards."""
    if not exists(name):
        # An address of its own: else it changes with the guests that come and go, and the
        # others do not hear of it.
        own = hashlib.sha256(name.encode()).hexdigest()
        mac = ":".join(("02", *(own[at : at + 2] for at in range(0, 10, 2))))
        _ip("link", "add", name, "address", mac, "type", "bridge")
    for address in addresses:
        _ip("address", "replace", str(address), "dev", name)
    _ip("link", "set", name, "up")


def down(name: str) -> None:
    """The bridge is gone afterwards."""
    if exists(name):
        _ip("link", "delete", name)


def exists(name: str) -> bool:
    return any(link["ifname"] == name for link in json.loads(_ip("-json", "link", "show")))


def _ip(*words: str) -> str:
    done = subprocess.run(("ip", *words), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RemoteFailure(
            "the lab's network cannot be changed",
            on=f"ip {' '.join(words)}",
            why=done.stderr.strip(),
            do="Mend what it names, then run: homeport lab up",
        )
    return done.stdout
