"""The files of one deployment: those that OpenTofu is run on, and those that its owner finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.infrastructure.opentofu import declaration
from engine.backends.infrastructure.opentofu.declaration import DeclaredGuest, Document
from engine.backends.infrastructure.opentofu.directory import text_of
from engine.backends.infrastructure.opentofu.handbook import handbook
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.infrastructure.opentofu.states import ServiceState, States

AUTHORITY = "proxmox-ca.pem"


@dataclass(frozen=True)
class Ground:
    """What the deployments at one provider have in common. token: "user@realm!name=secret".
    root: where their directories lie; cache: where plug-ins are kept. service: a deployment's state
    at the service by its owner's mark, for looking (False) or for changing (True); None: files."""

    provider: str
    settings: OpenTofuSettings
    proxmox: ProxmoxSettings
    token: str
    root: Path
    cache: Path
    service: Callable[[str, bool], ServiceState] | None = None


def declared(ground: Ground, guest: DeclaredGuest | None) -> dict[str, Document]:
    """By the names of their files; without the backend, which is another for a run."""
    found = {
        "versions.tf.json": declaration.versions(ground.settings),
        "provider.tf.json": declaration.provider(ground.proxmox),
    }
    if guest is not None:
        found["guest.tf.json"] = declaration.resources(guest, ground.proxmox)
    return found


def published(
    ground: Ground, guest: DeclaredGuest | None, states: States, *, name: str, owner: str
) -> dict[str, str]:
    """For the owner, by the names of the files."""
    documents = declared(ground, guest)
    if states.shown_backend:
        documents["backend.tf.json"] = {"terraform": {"backend": states.shown_backend}}
    texts = {file: text_of(document) for file, document in documents.items()}
    if ground.proxmox.ca_pem:
        texts[AUTHORITY] = ground.proxmox.ca_pem
    service = states if isinstance(states, ServiceState) else None
    texts["README.md"] = handbook(
        name=name,
        owner=owner,
        provider=ground.provider,
        binary=ground.settings.binary,
        token_id=ground.proxmox.token_id,
        has_authority=bool(ground.proxmox.ca_pem),
        state=service.name if service else "",
        url=service.url if service else "",
    )
    return texts


def cli_configuration(ground: Ground) -> str:
    """Format: https://opentofu.org/docs/cli/config/config-file/"""
    lines = ["disable_checkpoint = true"]
    mirror = ground.settings.mirror
    if not mirror.startswith("/"):
        lines.append(f"plugin_cache_dir = {json.dumps(str(ground.cache))}")
    if mirror:
        kind, key = ("filesystem_mirror", "path") if mirror[0] == "/" else ("network_mirror", "url")
        source = f"  {kind} {{\n    {key} = {json.dumps(mirror)}\n  }}"
        lines += ["provider_installation {", source, "}"]
    return "\n".join(lines) + "\n"
