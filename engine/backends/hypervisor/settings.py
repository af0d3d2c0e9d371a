"""What the user says of a Proxmox VE, checked before anything is asked of it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.backends.trust import Trust

_HOST = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:(?P<port>[0-9]{1,5}))?"
)
DEFAULT_PORT = 8006

Reference = Annotated[str, Field(pattern=r"^(secret:.+)?$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,39}$")]


class ProxmoxSettings(Trust):
    """One Proxmox VE, or one cluster of them."""

    hosts: tuple[str, ...] = Field(
        min_length=1,
        title="API hosts",
        description='"name", "name:port" or an address; all of one cluster, tried in this order.',
    )
    token_id: str = Field(
        default="",
        pattern=r"^([^\s!@:/]+@[A-Za-z][A-Za-z0-9.-]+![A-Za-z][A-Za-z0-9._-]+)?$",
        title="API token",
        description='Its full name: "homeport@pve!homeport".',
    )
    token_ref: Reference = Field(
        default="", title="Secret of the token", description="Where it is stored."
    )
    login: str = Field(
        default="",
        pattern=r"^([^\s!@:/]+@[A-Za-z][A-Za-z0-9.-]+)?$",
        title="User",
        description='Instead of a token: a user with its realm, "homeport@pve".',
    )
    password_ref: Reference = Field(
        default="", title="Password of the user", description="Where it is stored."
    )
    totp_ref: Reference = Field(
        default="",
        title="TOTP secret of the user",
        description="Where it is stored, if the user has a second factor: the text that was shown "
        "when it was set up.",
    )
    storage: Name = Field(
        title="Storage", description="Where disks of guests go: of virtual machines or containers."
    )
    guests: Literal["vm", "lxc"] = Field(
        default="vm",
        title="Kind of guests",
        description='New guests are virtual machines ("vm") or LXC containers ("lxc"); those '
        "that are there stay what they are.",
    )
    image: str = Field(
        default="",
        pattern=r"^([A-Za-z][A-Za-z0-9._-]*:import/[A-Za-z0-9._+-]+)?$",
        title="Cloud image",
        description="What a virtual machine's disk is made from: a cloud image in a storage with "
        'the content type import ("local:import/debian-12-generic-amd64.qcow2").',
    )
    image_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s]+)?$",
        title="Address of the cloud image",
        description="Where Proxmox fetches the cloud image from when it is missing.",
    )
    image_checksum: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64}|[0-9a-f]{128})?$",
        title="Checksum of the cloud image",
        description="SHA-256 or SHA-512 in hexadecimal, of the file at that address.",
    )
    template: int | None = Field(
        default=None,
        ge=100,
        title="Template",
        description="Or the id of a template that is cloned instead.",
    )
    container_template: str = Field(
        default="",
        pattern=r"^([A-Za-z][A-Za-z0-9._-]*:vztmpl/[A-Za-z0-9._+-]+)?$",
        title="Container template",
        description="What a container is made from. Without a version "
        '("local:vztmpl/debian-12-standard") the newest; fetched by Proxmox where it is missing.',
    )
    safety_net: Literal["none", "snapshot", "backup"] = Field(
        default="none",
        title="Safety net",
        description="How a guest is kept before an upgrade, beside what Homeport keeps of the "
        "application: by a snapshot (where the storage has them), or by a backup, which is also "
        "made of a guest that a move leaves behind, before it is removed.",
    )
    backup_storage: str = Field(
        default="",
        pattern=r"^([A-Za-z][A-Za-z0-9._-]{0,39})?$",
        title="Storage for backups",
        description="Where backups of guests go, for the safety net of that kind.",
    )
    bridge: Name = Field(default="vmbr0", title="Network bridge")
    pool: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._/-]*)?$",
        title="Resource pool",
        description="Guests are put into it; rights on it are all that Homeport needs on guests.",
    )
    node: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9-]*)?$",
        title="Node",
        description="The one node to use; empty for any that has the storage and the image.",
    )
    vmid_first: int = Field(default=9000, ge=100, le=999999999, title="First guest id")
    vmid_last: int = Field(default=9999, ge=100, le=999999999, title="Last guest id")
    parallel_tasks: int = Field(
        default=4,
        ge=1,
        le=32,
        title="Large tasks at once",
        description="On one node, and on one storage: making, saving and removing guests.",
    )
    agent_seconds: float = Field(
        default=300,
        gt=0,
        title="Time for the guest agent",
        description="Seconds until a new guest's agent shows the SSH host key.",
    )

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(with_port(host) for host in value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.containers and not self.container_template:
            raise ValueError("containers need a container_template")
        if not self.containers and bool(self.image) == (self.template is not None):
            raise ValueError("give either image or template")
        if bool(self.token_id) == bool(self.login):
            raise ValueError("give either token_id or login")
        if not (self.token_ref if self.token_id else self.password_ref):
            raise ValueError("token_id needs token_ref, and login needs password_ref")
        if self.safety_net == "backup" and not self.backup_storage:
            raise ValueError("backups as a safety net need a backup_storage")
        if self.image_url and not (self.image and self.image_checksum):
            raise ValueError("image_url needs image, the name to keep it by, and image_checksum")
        if self.vmid_first > self.vmid_last:
            raise ValueError("vmid_first is above vmid_last")
        return self

    @property
    def containers(self) -> bool:
        return self.guests == "lxc"

    @property
    def clone_source(self) -> int | None:
        """The template that new guests are clones of."""
        return None if self.containers else self.template

    @property
    def account(self) -> str:
        """Who asks: "user@realm!token", or "user@realm"."""
        return self.token_id or self.login

    @property
    def user(self) -> str:
        return self.account.partition("!")[0]


def with_port(host: str) -> str:
    """ "pve.example.org" -> "pve.example.org:8006"; ValueError for what is no host."""
    found = _HOST.fullmatch(host)
    if found is None:
        raise ValueError(f"{host!r} is not a host name or address, with or without a port")
    port = int(found["port"] or DEFAULT_PORT)
    if not 0 < port < 65536:
        raise ValueError(f"{host!r} has no valid port")
    return f"{found['name']}:{port}"
