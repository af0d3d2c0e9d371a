"""The environment of every command in a guest: the guest's own, plus how this machine installs.

Of the host only what pip, uv and TLS clients need is passed on, so that packages come from
whatever registry and proxy the machine uses. Nothing else of the host's environment gets in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.lab.guest.boot import Boot
from engine.lab.guest.processes import MARK

_PASSED_PREFIXES = ("PIP_", "UV_")
_PASSED = frozenset(
    {
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "TZ",
    }
)
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def guest_environment(boot: Boot, root: Path, host: Mapping[str, str]) -> dict[str, str]:
    """What a login on the guest sees. host: the environment the lab was started with."""
    home = home_of(root, boot.user)
    own = [root / "usr/local/bin", root / "usr/bin", root / "usr/sbin"]
    return installer_settings(host) | {
        "HOMEPORT_GUEST_ROOT": str(root),
        "HOMEPORT_GUEST_ADDRESS": boot.ip or "",
        "HOMEPORT_GUEST_LOOPBACK": boot.loopback,
        MARK: boot.mark,
        "HOME": str(home),
        "USER": boot.user,
        "LOGNAME": boot.user,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "PATH": ":".join([*map(str, own), *_SYSTEM_PATH]),
        "TMPDIR": str(root / "tmp"),
    }


def home_of(root: Path, user: str) -> Path:
    return root / "root" if user == "root" else root / "home" / user


def installer_settings(host: Mapping[str, str]) -> dict[str, str]:
    """Registry, proxy, trust and cache settings of the host for pip, uv and TLS clients.

    A guest's home is not the user's, so files and caches found through it are named.
    """
    kept = {
        name: value
        for name, value in host.items()
        if name.startswith(_PASSED_PREFIXES) or name in _PASSED
    }
    home = Path(host.get("HOME") or os.path.expanduser("~"))
    caches = Path(host.get("XDG_CACHE_HOME") or home / ".cache")
    config = Path(host.get("XDG_CONFIG_HOME") or home / ".config")
    kept.setdefault("UV_CACHE_DIR", str(caches / "uv"))
    # Links would let what a guest does to its own files reach the user's cache.
    kept["UV_LINK_MODE"] = "copy"
    kept.setdefault("PIP_CACHE_DIR", str(caches / "pip"))
    for name, choices in (
        ("PIP_CONFIG_FILE", (config / "pip/pip.conf", home / ".pip/pip.conf")),
        ("UV_CONFIG_FILE", (config / "uv/uv.toml",)),
    ):
        if name not in kept and (file := next((c for c in choices if c.is_file()), None)):
            kept[name] = str(file)
    return kept
