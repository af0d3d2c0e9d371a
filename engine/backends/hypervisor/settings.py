"""What the user says of a Proxmox VE, checked before anything is asked of it."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from engine.backends.trust import Trust

_HOST = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:(?P<port>[0-9]{1,5}))?"
)
DEFAULT_PORT = 8006

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,39}$")]


class ProxmoxSettings(Trust):
    """One Proxmox VE, or one cluster of them.

    hosts: "name", "name:port" or an address; all of one cluster, tried in this order.
    image, template: what a guest's disk is made from: a cloud image in a storage with the
    content type `import`, or the id of a template that is cloned.
    """

    hosts: tuple[str, ...] = Field(min_length=1)
    token_id: str = Field(pattern=r"^[^\s!@:/]+@[A-Za-z][A-Za-z0-9.-]+![A-Za-z][A-Za-z0-9._-]+$")
    token_ref: str = Field(pattern=r"^secret:")
    storage: Name
    image: str = Field(default="", pattern=r"^([A-Za-z][A-Za-z0-9._-]*:import/[A-Za-z0-9._+-]+)?$")
    template: int | None = Field(default=None, ge=100)
    bridge: Name = "vmbr0"
    pool: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._/-]*)?$")
    node: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9-]*)?$")
    """The one node to use; empty for any that has the storage and the image."""
    vmid_first: int = Field(default=9000, ge=100, le=999999999)
    vmid_last: int = Field(default=9999, ge=100, le=999999999)
    agent_seconds: float = Field(default=300, gt=0)
    """How long a new guest may take until its agent shows the SSH host key."""

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(with_port(host) for host in value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.image) == (self.template is not None):
            raise ValueError("give either image or template")
        if self.vmid_first > self.vmid_last:
            raise ValueError("vmid_first is above vmid_last")
        return self

    @property
    def user(self) -> str:
        """The user that the token belongs to."""
        return self.token_id.partition("!")[0]


def with_port(host: str) -> str:
    """ "pve.example.org" -> "pve.example.org:8006"; ValueError for what is no host."""
    found = _HOST.fullmatch(host)
    if found is None:
        raise ValueError(f"{host!r} is not a host name or address, with or without a port")
    port = int(found["port"] or DEFAULT_PORT)
    if not 0 < port < 65536:
        raise ValueError(f"{host!r} has no valid port")
    return f"{found['name']}:{port}"
