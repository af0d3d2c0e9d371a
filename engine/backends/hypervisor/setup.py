"""The guided setup of a Proxmox VE: what to run there, and what can be chosen there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.backends.hypervisor.settings import ProxmoxSettings, with_port
from engine.backends.setup import Choice, DriverSetup, Ground, Part, Settings

if TYPE_CHECKING:
    from engine.backends.hypervisor.client import ProxmoxClient

_GIB = 1024**3
_ACCOUNT = "homeport@pve!homeport"


class ProxmoxSetup(DriverSetup):
    def hosts(self, settings: Settings) -> tuple[str, ...]:
        return tuple(with_port(str(host)) for host in settings.get("hosts") or ())

    def commands(self, settings: Settings) -> str:
        """Which version answers is not known before there is an account to ask with."""
        from engine.backends.hypervisor.least_rights import least_rights

        return least_rights(_completed(settings)) + "\n"

    def choices(self, settings: Settings, ground: Ground) -> Mapping[str, list[Choice]]:
        from engine.backends.hypervisor.proxmox import connect

        known = _completed(settings)
        client = connect(known.model_copy(update={"node": ""}), ground.read_secret, ground.provider)
        return _offered(client, [str(node) for node in _ids(client.get("nodes"), "node")])


def _completed(settings: Settings) -> ProxmoxSettings:
    """Settings that can be asked with, though they are not all known yet."""
    known = {key: value for key, value in settings.items() if value not in ("", None)}
    usual: dict[str, Any] = {
        "hosts": ["localhost"],
        "token_id": _ACCOUNT,
        "token_ref": "secret:unknown",
        "storage": "local-lvm",
    }
    if "image" not in known and "template" not in known:
        usual["image"] = "local:import/unknown.qcow2"
    return ProxmoxSettings.model_validate(usual | known)


def _offered(client: ProxmoxClient, nodes: list[str]) -> dict[str, list[Choice]]:
    """What the token sees, of all nodes; a node that does not answer offers nothing."""
    storages: dict[str, str] = {}
    images: dict[str, str] = {}
    bridges: dict[str, str] = {}
    for node in nodes:
        at = f"nodes/{quote(node)}"
        for row in client.get(f"{at}/storage"):
            name, content = str(row["storage"]), str(row.get("content") or "").split(",")
            free = f"{int(row.get('avail') or 0) / _GIB:.0f} GiB free"
            if "images" in content:
                storages[name] = f"{free}, on node {node}"
            if "import" in content:
                found = client.get(f"{at}/storage/{quote(name)}/content", content="import")
                images |= {str(one["volid"]): f"on node {node}" for one in found}
        for row in client.get(f"{at}/network", type="any_bridge"):
            bridges[str(row["iface"])] = str(row.get("comments") or f"on node {node}").strip()
    guests = client.get("cluster/resources", type="vm")
    templates = {
        int(row["vmid"]): str(row.get("name") or "")
        for row in guests
        if str(row.get("template") or "0") == "1"
    }
    pools = {str(row["poolid"]): str(row.get("comment") or "") for row in client.get("pools")}
    return {
        "node": [Choice(node) for node in nodes] if len(nodes) > 1 else [],
        "storage": _listed(storages),
        "image": _listed(images),
        "template": [Choice(vmid, name) for vmid, name in sorted(templates.items())],
        "bridge": _listed(bridges),
        "pool": _listed(pools),
    }


def _listed(found: Mapping[str, str]) -> list[Choice]:
    return [Choice(value, title) for value, title in sorted(found.items())]


def _ids(rows: list[dict[str, Any]], key: str) -> list[Any]:
    return sorted(row[key] for row in rows if row.get("status") in (None, "online"))


SETUP = ProxmoxSetup(
    "Proxmox VE 8.4 or 9",
    ProxmoxSettings,
    Part(
        "where its API is",
        ("hosts", "ca_pem", "fingerprint"),
        "Leave fingerprint empty: the certificate is shown next, and you compare it.",
        connects=True,
    ),
    Part(
        "how Homeport logs in",
        ("token_id", "token_ref"),
        commands=True,
    ),
    Part(
        "where guests live",
        ("storage", "image", "template", "bridge", "pool", "node", "vmid_first", "vmid_last"),
        "What the token sees there is offered; anything else can be typed.",
        offers=True,
    ),
    compare="On the Proxmox host itself run: pvenode cert info. It is the SHA-256 fingerprint of "
    "pveproxy-ssl.pem, or else of pve-ssl.pem.",
    proposal={"token_id": _ACCOUNT, "pool": "homeport"},
)
