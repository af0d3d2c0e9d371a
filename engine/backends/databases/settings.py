"""What the user says of a database server, checked before anything is asked of it."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.backends.protocols import DatabaseAccess
from engine.backends.trust import pem_authority

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian keeps them, on this machine and on guests."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Of databases and roles: nothing in it has to be quoted in any way."""


class ServerSettings(BaseModel):
    """One server, and Homeport's account on it.

    host, port: as this machine and the guests both reach it. password_ref: of `user`.
    ssl_mode: "verify-full" proves the server by its certificate; "disable" speaks in the clear
    and is for a network that nobody else is in. ca_pem: the authority that signed the
    certificate; empty for the system's authorities.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]*$")
    port: int = Field(ge=1, le=65535)
    user: str = Field(default="homeport", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$")
    password_ref: str = Field(pattern=r"^secret:")
    ssl_mode: Literal["verify-full", "disable"] = "verify-full"
    ca_pem: str = ""

    _authority = field_validator("ca_pem")(pem_authority)

    @property
    def address(self) -> str:
        """As it is shown: "db.example.org:5432"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def access(self, name: str) -> DatabaseAccess:
        """Of the database and the role of this name."""
        return DatabaseAccess(
            host=self.host,
            port=self.port,
            database=name,
            username=name,
            ssl_mode=self.ssl_mode,
            ca_pem=self.ca_pem,
        )


class PostgresSettings(ServerSettings):
    """database: the one that Homeport's role connects to; nothing is made in it."""

    port: int = Field(default=5432, ge=1, le=65535)
    database: str = Field(default="postgres", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$")


class MariaSettings(ServerSettings):
    """guests: from where the accounts that are made may connect, as MariaDB writes it: an
    address, "10.1.2.0/255.255.255.0", or "%" for anywhere."""

    port: int = Field(default=3306, ge=1, le=65535)
    guests: str = Field(default="%", pattern=r"^[A-Za-z0-9.:/%_-]{1,60}$")
