"""The files of one deployment: those that OpenTofu is run on, and those that its owner finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.backends.infrastructure.opentofu.directory import text_of
from engine.backends.infrastructure.opentofu.handbook import handbook
from engine.backends.infrastructure.opentofu.parts import (
    PARTS,
    Document,
    Plugin,
    providers,
    versions,
)
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.infrastructure.opentofu.states import ServiceState, States

AUTHORITIES = "authorities.pem"


@dataclass(frozen=True)
class Ground:
    """What the deployments at one provider have in common. root: where their directories lie;
    cache: where plug-ins are kept. plugins: by name, each opened where something of it is declared.
    service: a deployment's state at the service by its owner's mark, for looking (False) or for
    changing (True); None: files."""

    provider: str
    settings: OpenTofuSettings
    root: Path
    cache: Path
    plugins: Mapping[str, Callable[[], Plugin]]
    service: Callable[[str, bool], ServiceState] | None = None

    def with_plugins(self, names: Iterable[str]) -> tuple[Plugin, ...]:
        """Those of these whose service the provider has."""
        return tuple(self.plugins[name]() for name in sorted({*names} & {*self.plugins}))


def declared(plugins: Sequence[Plugin], parts: Mapping[str, Document]) -> dict[str, Document]:
    """By the names of their files; without the backend, which is another for a run."""
    return {
        "versions.tf.json": versions(plugins),
        "provider.tf.json": providers(plugins),
        **parts,
    }


def authorities(plugins: Iterable[Plugin]) -> str:
    """What their services' certificates are signed by, as one file; "" where the system knows."""
    found = dict.fromkeys(one.ca_pem.strip() for one in plugins if one.ca_pem)
    return "".join(f"{pem}\n" for pem in found)


def published(
    ground: Ground,
    documents: Mapping[str, Document],
    plugins: Sequence[Plugin],
    states: States,
    *,
    name: str,
    owner: str,
) -> dict[str, str]:
    """For the owner, by the names of the files."""
    backend = states.shown_backend
    shown = {"backend.tf.json": {"terraform": {"backend": backend}}} if backend else {}
    texts = {file: text_of(document) for file, document in {**documents, **shown}.items()}
    if trusted := authorities(plugins):
        texts[AUTHORITIES] = trusted
    service = states if isinstance(states, ServiceState) else None
    texts["README.md"] = handbook(
        name=name,
        owner=owner,
        provider=ground.provider,
        binary=ground.settings.binary,
        parts=[part for part in PARTS if part.file in documents],
        secrets={k: v.example for one in plugins for k, v in one.secrets.items()},
        authorities=AUTHORITIES if trusted else "",
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
