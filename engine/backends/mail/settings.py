"""What the user says of a mail server, checked before anything is asked of it."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.backends.protocols import RelayAccess
from engine.backends.trust import Trust, pem_authority, with_port

_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"{_NAME}(\.{_NAME})+"
_HOST = r"^[A-Za-z0-9][A-Za-z0-9.:-]*$"
_PATH = r"^/[A-Za-z0-9._/-]+$"
ADDRESS = re.compile(rf"[a-z0-9]([a-z0-9._+-]{{0,62}}[a-z0-9])?@{_DOMAIN}")
"""Of mailboxes and aliases: nothing in it has a meaning in a file of Dovecot or Postfix."""
OWN_KEY = "secret:ssh/installation"
"""The key by which this installation enters its guests."""


class MailSettings(BaseModel):
    """What is the same of every mail server, whatever keeps its accounts.

    host: its name, as guests and this machine reach it, as its certificate and its MX record have
    it. domain: the one that applications send mail from. port: where it takes mail from accounts.
    tls: "starttls", or "tls" for TLS from the first byte (port 465). ca_pem: the authority that
    signed the certificate; empty for the system's authorities.

    returns_to: who gets what cannot be delivered; without one, postmaster of the domain.
    addresses: those that the server sends mail from. dkim_selector: of the key that it signs with.
    dkim_public_key: that key, in base64. dmarc: what others are to do with mail that is not
    proven. dmarc_reports: the address that hears of it. mta_sts_id: of the policy that it
    publishes, if it does. resolver: the name server to ask for records, "192.0.2.1:53"; without
    one, that of this machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(pattern=_HOST)
    domain: str = Field(pattern=rf"^{_DOMAIN}$")
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "tls"] = "starttls"
    ca_pem: str = ""
    returns_to: str = Field(default="", pattern=rf"^$|^{ADDRESS.pattern}$")
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    dkim_selector: str = Field(default="", pattern=rf"^$|^{_NAME}$")
    dkim_public_key: str = Field(default="", pattern=r"^[A-Za-z0-9+/=\s]*$")
    dmarc: Literal["none", "quarantine", "reject"] = "none"
    dmarc_reports: str = Field(default="", pattern=rf"^$|^{ADDRESS.pattern}$")
    mta_sts_id: str = Field(default="", pattern=r"^[A-Za-z0-9]{0,32}$")
    resolver: str = Field(default="", pattern=r"^$|^[0-9a-fA-F.:\[\]]+$")

    _authority = field_validator("ca_pem")(pem_authority)

    @property
    def address(self) -> str:
        """As it is shown: "mail.example.org:587"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def owner_address(self) -> str:
        return self.returns_to or f"postmaster@{self.domain}"

    def access(self, name: str) -> RelayAccess:
        """Of the account of this name."""
        own = f"{name}@{self.domain}"
        return RelayAccess(self.host, self.port, own, own, self.tls == "tls")


class DovecotSettings(MailSettings):
    """A server with Dovecot and Postfix, whose accounts lie in files that Homeport writes by SSH.

    ssh_host, ssh_port: where SSH answers, if not at the host. ssh_user: who may write into the
    directory, and nowhere else. ssh_host_keys: lines of the server's own public keys, as its
    /etc/ssh/ssh_host_ed25519_key.pub has them. ssh_key_ref: private key that opens the account of
    that user; without one, the key by which Homeport enters its guests. directory: holds the files
    users, mailboxes and aliases. map_type: what Postfix reads the last two as.
    postfix_config: the directory of Postfix's main.cf.
    """

    ssh_host: str = Field(default="", pattern=rf"^$|{_HOST}")
    ssh_port: int = Field(default=22, ge=1, le=65535)
    ssh_user: str = Field(default="homeport", pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    ssh_host_keys: tuple[str, ...] = Field(min_length=1)
    ssh_key_ref: str = Field(default=OWN_KEY, pattern=r"^secret:")
    directory: str = Field(default="/etc/homeport-mail", pattern=_PATH)
    map_type: Literal["hash", "lmdb"] = "hash"
    postfix_config: str = Field(default="/etc/postfix", pattern=_PATH)

    @field_validator("ssh_host_keys", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return tuple(filter(None, value.splitlines())) if isinstance(value, str) else value

    @field_validator("ssh_host_keys")
    @classmethod
    def _keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.match(r"(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+", line) for line in value):
            raise ValueError('a host key is written as "ssh-ed25519 AAAA..."')
        return value


class ModoboaSettings(MailSettings, Trust):
    """A server whose accounts Modoboa keeps, by its HTTP API.

    url: where Modoboa answers, "https://mail.example.org", with its path where it has one; only
    https. token_ref: of the account that administrates the domain. fingerprint: of the certificate
    that Modoboa shows, where no authority is given. ca_pem: the authority that signed the
    certificates of both, Modoboa's and the mail server's; empty for the system's authorities.
    """

    url: str = Field(pattern=r"^https://[^\s?#@]+$")
    token_ref: str = Field(pattern=r"^secret:")

    @property
    def web_host(self) -> str:
        return with_port(self.url)
