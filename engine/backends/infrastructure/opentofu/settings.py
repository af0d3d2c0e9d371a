"""What the user says of OpenTofu, checked before anything is run."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.backends.trust import Trust

_SOURCE = r"^([a-z0-9.-]+(:[0-9]+)?/)?[a-zA-Z0-9_-]+/[a-z0-9-]+$"
Source = Annotated[str, Field(pattern=_SOURCE)]
Declared = Literal["guests", "addresses", "databases", "buckets"]
_PLUGINS = ("proxmox", "netbox", "postgresql", "aws")
Version = Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$")]


class StateSettings(Trust):
    """A server that speaks OpenTofu's `http` backend: Homeport's own state service, or
    nimbolus/terraform-backend.

    url: up to the name of a state, which Homeport appends as PROJECT/NAME; https, or http to this
    machine alone. project: by default the provider's name. username, password_ref: where the
    server wants the same for every state. Without them, and where the provider keeps its secrets in
    the OpenBao that the service writes to, Homeport gives itself access to one state at a time.
    """

    url: str = Field(pattern=r"^https?://[^\s?#@]+$")
    project: str = Field(default="", pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$")
    username: str = Field(default="homeport", pattern=r"^[^:\s]+$")
    password_ref: str = Field(default="", pattern=r"^(secret:.+)?$")

    @field_validator("url")
    @classmethod
    def _not_in_clear(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
            raise ValueError("http is for this machine alone; use https, as a state holds all ids")
        return value.rstrip("/")


class OpenTofuSettings(BaseModel):
    """binary: OpenTofu 1.11 or later, or Terraform 1.10 or later; a name on the PATH, or a path.
    mirror: a directory or an https address that plug-ins come from in place of their registry.
    declares: the services whose things are declared, where the provider has them.
    proxmox_source, proxmox_version, ...: the plug-ins, pinned.
    state: where states are kept; without it each is a file in its deployment's directory.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    binary: str = Field(default="tofu", pattern=r"^(/?[A-Za-z0-9][A-Za-z0-9._+-]*)+$")
    mirror: str = Field(default="", pattern=r"^(https://[^\s\"]+/|/[^\s\"]*)?$")
    declares: frozenset[Declared] = frozenset(get_args(Declared))
    proxmox_source: Source = "bpg/proxmox"
    proxmox_version: Version = "0.111.1"
    netbox_source: Source = "e-breuninger/netbox"
    netbox_version: Version = "5.8.0"
    postgresql_source: Source = "cyrilgdn/postgresql"
    postgresql_version: Version = "1.26.0"
    aws_source: Source = "hashicorp/aws"
    aws_version: Version = "6.40.0"
    state: StateSettings | None = None

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        if "/" in self.binary and not self.binary.startswith("/"):
            raise ValueError("binary: give a name, or an absolute path")
        return self

    @model_validator(mode="after")
    def _known_plugins(self) -> Self:
        for name in _PLUGINS:
            if not getattr(self, f"{name}_source").endswith(f"/{name}"):
                raise ValueError(f"{name}_source: only plug-ins called {name} are declared for")
        return self


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
