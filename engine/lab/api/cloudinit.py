"""Checks of cloud-init values that Proxmox VE makes beyond its schema."""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from typing import Any

from fakepve import PveError

_KEY_TYPES = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")


def check(values: dict[str, Any]) -> None:
    """500 for an SSH key that ssh-keygen would refuse; a password is never kept as it is."""
    check_keys(urllib.parse.unquote(str(values.get("sshkeys") or "")))
    if values.get("cipassword"):
        values["cipassword"] = "**********"


def check_keys(text: str) -> None:
    """Public keys, one on a line."""
    for line in text.splitlines():
        if line.strip() and not _is_key(line.split()):
            raise PveError(500, "SSH public key validation error")


def _is_key(words: list[str]) -> bool:
    try:
        kind = words.index(next(word for word in words if word.startswith(_KEY_TYPES)))
        blob = base64.b64decode(words[kind + 1], validate=True)
    except (StopIteration, IndexError, binascii.Error):
        return False
    name = words[kind].encode()
    return blob.startswith(len(name).to_bytes(4, "big") + name)
