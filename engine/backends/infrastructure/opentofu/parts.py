"""What a declaration is made of, whatever the service: parts, their resources, their plug-ins.

A deployment has one declaration and one state. Each service of its provider that is declared has a
part in it, a file of its own: a step changes its own part and leaves the others as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """file: where it is declared. kinds: all that may be in it. what: in a sentence."""

    file: str
    kinds: tuple[str, ...]
    what: str

    @property
    def plugin(self) -> str:
        return plugin_of(self.kinds[0])


GUEST = Part("guest.tf.json", ("proxmox_virtual_environment_vm",), "the guest")
ADDRESS = Part("address.tf.json", ("netbox_tag", "netbox_ip_address"), "its address in NetBox")
DATABASE = Part(
    "database.tf.json",
    ("postgresql_role", "postgresql_database", "postgresql_grant"),
    "its database and the role that owns it",
)
BUCKET = Part(
    "bucket.tf.json",
    ("aws_s3_bucket", "aws_iam_user", "aws_iam_user_policy"),
    "its bucket and the user that may open it",
)
PARTS = (GUEST, ADDRESS, DATABASE, BUCKET)


@dataclass(frozen=True)
class Resource:
    """One that there shall be. key: its `id` in a state, where that is known already. import_id:
    how its plug-in is told to take it over; "" for a kind that cannot be. is_there: at the
    provider, and the deployment's."""

    kind: str
    label: str
    body: Document
    key: str = ""
    import_id: str = ""
    is_there: bool = False

    @property
    def address(self) -> str:
        return f"{self.kind}.{self.label}"


@dataclass(frozen=True)
class Secret:
    """A variable whose value is in no file. example: its form, for whoever types it in."""

    description: str
    example: str
    read: Callable[[], str]


@dataclass(frozen=True)
class Plugin:
    """One of OpenTofu's, for one service. configuration: its `provider` block, in which secrets are
    references to variables. ca_pem: the authority that its service's certificate is signed by."""

    name: str
    source: str
    version: str
    configuration: Document
    secrets: Mapping[str, Secret]
    ca_pem: str = ""


def plugin_of(kind: str) -> str:
    """A kind is called after the plug-in that knows it."""
    return kind.partition("_")[0]


def kind_of(address: str) -> str:
    return address.partition(".")[0]


def label(name: str) -> str:
    """A deployment's name as OpenTofu takes it for a resource's."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def reference(variable: str) -> str:
    return f"${{var.{variable}}}"


def versions(plugins: Iterable[Plugin]) -> Document:
    """Ephemeral variables, by which no secret gets into a plan, came with these versions."""
    pinned = {one.name: {"source": one.source, "version": one.version} for one in plugins}
    return {"terraform": {"required_version": ">= 1.10", "required_providers": pinned}}


def providers(plugins: Iterable[Plugin]) -> Document:
    variables, configurations = {}, {}
    for plugin in plugins:
        configurations[plugin.name] = plugin.configuration
        for name, secret in plugin.secrets.items():
            variables[name] = {
                "description": f"{secret.description} It is in no file here.",
                "type": "string",
                "sensitive": True,
                "ephemeral": True,
            }
    return {"variable": variables, "provider": configurations}


def resources(wanted: Iterable[Resource]) -> Document:
    kinds: dict[str, dict[str, Document]] = {}
    for one in wanted:
        kinds.setdefault(one.kind, {})[one.label] = one.body
    return {"resource": kinds}


def kinds_in(document: Document) -> set[str]:
    return set(document.get("resource", ()))


def transitions(moved: Mapping[str, str], imported: Mapping[str, str]) -> Document:
    """moved: old address -> new. imported: address -> the provider's id."""
    return {
        **({"moved": [{"from": old, "to": new} for old, new in moved.items()]} if moved else {}),
        **({"import": [{"to": to, "id": key} for to, key in imported.items()]} if imported else {}),
    }
