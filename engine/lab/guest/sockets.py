"""Directories for unix sockets of servers in a guest, whose paths may have 107 bytes.

A guest's own /run is used where that is short enough. Elsewhere a private directory of the
host's stands in; it goes when the guest is powered off.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from engine.lab.guest.dropping import service_user

_LIMIT = 107


def socket_directory(root: Path, name: str, socket: str) -> Path:
    """Where a server keeps a socket of that file name: /run/NAME of the guest, or instead."""
    own = root / "run" / name
    return own if len(os.fsencode(own / socket)) <= _LIMIT else _short(root)


def remove_short_directory(root: Path) -> None:
    """Take the stand-in away; another user's directory of that name is left alone."""
    short, account = _short(root), service_user()
    ours = {os.getuid(), account.pw_uid if account else os.getuid()}
    if short.is_dir() and not short.is_symlink() and short.stat().st_uid in ours:
        shutil.rmtree(short, ignore_errors=True)


def _short(root: Path) -> Path:
    # Not by TMPDIR: the guest has its own, and both sides must come to the same place.
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return Path("/tmp") / f"homeport-{os.getuid()}-{digest}"
