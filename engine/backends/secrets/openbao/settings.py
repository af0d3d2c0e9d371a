"""What the user says of an OpenBao or Vault, checked before anything is asked of it."""

from __future__ import annotations

from pydantic import Field

from engine.backends.trust import Trust, with_port

_NAMES = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"


class OpenBaoSettings(Trust):
    """One OpenBao or Vault, and the place in it that is Homeport's.

    url: "https://bao.example.org:8200"; only https.
    namespace: where the mounts below lie; empty for the root namespace.
    mount: of a KV secrets engine, version 2. prefix: the folder in it that is Homeport's.
    auth_mount, role_id: of the AppRole by which Homeport logs in.
    secret_id_ref: where its secret id lies: the id itself, or the token that wraps it, which
    is unwrapped once and replaced by the id.
    transit_mount, transit_key: of the transit engine and the key in it by which the state of
    OpenTofu is encrypted; asked for by `homeport state` alone.
    """

    url: str = Field(pattern=r"^https://[^\s/?#@]+/?$")
    namespace: str = Field(default="", pattern=rf"^({_NAMES}/?)?$")
    mount: str = Field(default="secret", pattern=rf"^{_NAMES}$")
    prefix: str = Field(default="homeport", pattern=rf"^{_NAMES}$")
    auth_mount: str = Field(default="approle", pattern=rf"^{_NAMES}$")
    role_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")
    secret_id_ref: str = Field(pattern=r"^secret:")
    transit_mount: str = Field(default="transit", pattern=rf"^{_NAMES}$")
    transit_key: str = Field(default="homeport-state", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")

    @property
    def host(self) -> str:
        return with_port(self.url)
