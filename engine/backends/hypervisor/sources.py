"""What guests are made from: found on a node's storage, or fetched there by the node itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.creation import has_cloud_init
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.hypervisor.wire import Parameter
from engine.backends.protocols import Progress
from engine.errors import InvalidInput, NotFound, OutcomeUnknown, RemoteFailure

_FETCH_SECONDS = 1800.0
_ALGORITHMS = {64: "sha256", 128: "sha512"}
"""By the length of a checksum in hexadecimal."""


@dataclass(frozen=True)
class Source:
    """A volume that guests are made from; fetch: the request that brings it, if it is missing."""

    volume: str
    is_there: bool
    path: str = ""
    fetch: dict[str, Parameter] = field(default_factory=dict)

    @property
    def told(self) -> str:
        return self.volume if self.is_there else f"{self.volume} (fetched when it is needed)"


def find_source(client: ProxmoxClient, node: str) -> Source:
    """As the settings have it. InvalidInput where it is not there and cannot be fetched."""
    find = _find_template if client.settings.containers else _find_image
    return find(client, node)


def provide_source(client: ProxmoxClient, node: str, progress: Progress) -> str:
    """The source's volume, fetched by the node itself where it is not there."""
    source = find_source(client, node)
    if not source.is_there:
        progress.log(f"Node {node} fetches {source.volume}.")
        try:
            upid = client.post(f"nodes/{quote(node)}/{source.path}", source.fetch)
            Tasks(client).wait(str(upid), progress, _FETCH_SECONDS)
        except (OutcomeUnknown, RemoteFailure):
            if not find_source(client, node).is_there:  # another deployment may have been faster
                raise
    return source.volume


def check_template(client: ProxmoxClient, node: str, template: int) -> str:
    """The template to clone, as found on the node. InvalidInput where it is not fit."""
    try:
        config = client.get(f"nodes/{quote(node)}/qemu/{template}/config")
    except NotFound:
        raise _no_source(
            f"template {template} is not on node {node}",
            "Correct 'template' in the provider's settings, or name its node as 'node'.",
        ) from None
    problem = ""
    if str(config.get("template") or "0") != "1":
        problem = f"guest {template} is not a template"
    elif not has_cloud_init(config):
        problem = f"template {template} has no cloud-init drive"
    if problem:
        raise _no_source(problem, "Convert it to a template with a cloud-init drive.")
    return f"template {template}"


def _find_image(client: ProxmoxClient, node: str) -> Source:
    settings = client.settings
    storage, _, file = settings.image.partition(":import/")
    if file in _listed(client, node, storage, "import"):
        return Source(settings.image, is_there=True)
    if not settings.image_url:
        raise _no_source(
            f"{settings.image} is not on node {node}",
            f"Put the cloud image into the storage {storage} as import content, or name where it "
            "can be fetched as 'image_url' in the provider's settings.",
        )
    fetch: dict[str, Parameter] = {
        "content": "import",
        "filename": file,
        "url": settings.image_url,
        "checksum": settings.image_checksum,
        "checksum-algorithm": _ALGORITHMS[len(settings.image_checksum)],
    }
    path = f"storage/{quote(storage)}/download-url"
    return Source(settings.image, is_there=False, path=path, fetch=fetch)


def _find_template(client: ProxmoxClient, node: str) -> Source:
    """A name without a version stands for the newest: the one on the storage, or else the one
    that Proxmox offers for download."""
    storage, _, wanted = client.settings.container_template.partition(":vztmpl/")
    if found := newest(wanted, _listed(client, node, storage, "vztmpl")):
        return Source(f"{storage}:vztmpl/{found}", is_there=True)
    offered = [str(row.get("template")) for row in client.get(f"nodes/{quote(node)}/aplinfo")]
    if found := newest(wanted, offered):
        fetch: dict[str, Parameter] = {"storage": storage, "template": found}
        return Source(f"{storage}:vztmpl/{found}", is_there=False, path="aplinfo", fetch=fetch)
    raise _no_source(
        f"{wanted} is neither on the storage {storage} nor in Proxmox's list of templates",
        "On a Proxmox host run: pveam update && pveam available --section system, and correct "
        "'container_template' in the provider's settings.",
    )


def _listed(client: ProxmoxClient, node: str, storage: str, content: str) -> list[str]:
    """Names of the files of this kind on the storage."""
    place = f"nodes/{quote(node)}/storage/{quote(storage)}/content"
    rows: list[dict[str, Any]] = client.get(place, content=content)
    return [str(row.get("volid")).partition(f":{content}/")[2] for row in rows]


def newest(wanted: str, names: list[str]) -> str:
    """ "debian-12-standard" stands for any of "debian-12-standard_<version>_<arch>.tar.zst"."""
    if wanted in names:
        return wanted
    matching = [name for name in names if name.startswith(f"{wanted}_")]
    return max(matching, key=_version, default="")


def _version(name: str) -> list[tuple[int, str]]:
    """Numbers by their value: 12.12 comes after 12.7."""
    version = name.split("_")[1]
    parts = version.replace("-", ".").split(".")
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def _no_source(why: str, do: str) -> InvalidInput:
    return InvalidInput(
        "there is nothing to make a guest from", why=why, left="nothing was changed", do=do
    )
