"""The guided setup of a pool of addresses that Homeport hands out itself."""

from __future__ import annotations

from engine.backends.addresses.pool import PoolSettings
from engine.backends.setup import DriverSetup, Part

POOL = DriverSetup(
    "a range of addresses of your own",
    PoolSettings,
    Part(
        "which addresses guests get",
        ("network", "first", "last", "gateway", "nameservers", "exclude"),
        "A part of your network that nothing else hands out, DHCP included.",
    ),
)
