"""The guided setup of a NetBox: what to run there, and what can be chosen there."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from engine.backends.addresses.netbox.rights import set_up_script
from engine.backends.addresses.netbox.settings import NetBoxSettings
from engine.backends.setup import Choice, DriverSetup, Ground, Part, Settings

_MOST = 200
"""More than these are not offered; they can be typed."""


class NetBoxSetup(DriverSetup):
    def commands(self, settings: Settings) -> str:
        return f"# In NetBox's own shell: manage.py nbshell\n{set_up_script().strip()}\n"

    def choices(self, settings: Settings, ground: Ground) -> Mapping[str, list[Choice]]:
        from engine.backends.addresses.netbox.client import NetBoxClient

        usual = {"prefix": "192.0.2.0/24"}
        trust = {key: settings[key] for key in ("ca_pem", "fingerprint") if key in settings}
        asked = {"url": settings["url"], "token_ref": settings["token_ref"]}
        known = NetBoxSettings.model_validate(usual | trust | asked)
        client = NetBoxClient(known, ground.read_secret(known.token_ref))

        def listed(on: str) -> list[tuple[str, str]]:
            part, _, kind = on.partition(".")
            rows = client.read(
                on, lambda api: getattr(getattr(api, part), kind).filter(limit=_MOST)
            )
            return [
                (
                    str(getattr(row, "start_address", row)),
                    str(getattr(row, "description", "") or ""),
                )
                for row, _ in zip(rows, range(_MOST), strict=False)
            ]

        prefixes = [Choice(value, title) for value, title in listed("ipam.prefixes")]
        return {
            "prefix": [one for one in prefixes if _holds_guests(str(one.value))],
            "vrf": [Choice(value, title) for value, title in listed("ipam.vrfs")],
            "range_start": [
                Choice(value.partition("/")[0], title) for value, title in listed("ipam.ip_ranges")
            ],
            "cluster": [Choice(value, title) for value, title in listed("virtualization.clusters")],
        }


def _holds_guests(prefix: str) -> bool:
    return ipaddress.ip_network(prefix, strict=False).num_addresses > 2


SETUP = NetBoxSetup(
    "NetBox 4",
    NetBoxSettings,
    Part("where it is", ("url", "ca_pem", "fingerprint"), connects=True),
    Part("how Homeport logs in", ("token_ref",), commands=True),
    Part(
        "which addresses guests get",
        ("prefix", "range_start", "vrf", "gateway", "nameservers", "cluster"),
        offers=True,
    ),
)
