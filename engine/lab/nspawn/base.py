"""The Debian system that full guests start from, and what this machine needs for such guests.

mmdebstrap makes it once and it is kept as a tar file in the user's cache directory: it can be
removed at any time and is made anew then.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from engine.errors import Denied, NotFound, RemoteFailure
from engine.lab.nspawn import control_group

_SUITE = "bookworm"
_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "sudo"),
    *("ca-certificates", "iproute2"),
)
_OPTIONS = (
    "--variant=minbase",
    f"--include={','.join(_PACKAGES)}",
    # As in Debian's slim images: what nobody reads in a lab makes half of all files.
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "locale", "doc")),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    '--customize-hook=chroot "$1" systemctl enable systemd-networkd.service',
)
_PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
"""Program -> its Debian package."""
BASE = "debian.tar"
"""Its name in a lab's cache."""


def refuse_where_impossible() -> None:
    """Denied without root; NotFound for what this machine lacks."""
    what = "the lab cannot have full Debian guests"
    if os.geteuid() != 0:
        raise Denied(
            what,
            on="--guests nspawn",
            why="systemd-nspawn, control groups and network links need root",
            left="nothing was changed",
            do="Run it as root: sudo homeport lab up --guests nspawn. Light guests need no root: "
            "homeport lab up",
        )
    missing = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise NotFound(
            what,
            on=", ".join(missing),
            why="these packages are not installed on this machine",
            left="nothing was changed",
            do=f"Install them: apt-get install {' '.join(missing)}",
        )
    if not control_group.available():
        raise NotFound(
            what,
            on="/sys/fs/cgroup",
            why="control groups of version 2 are not mounted",
            left="nothing was changed",
            do="Boot this machine with systemd.unified_cgroup_hierarchy=1",
        )


def ensure_base(say: Callable[[str], None] = lambda text: None) -> Path:
    """The tar file; made once, also where several ask for it at the same time."""
    recipe = "\n".join((_SUITE, *_OPTIONS))
    name = f"debian-{_SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.tar"
    base = _cache() / name
    base.parent.mkdir(parents=True, exist_ok=True)
    with base.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not base.exists():
            say("making the Debian system that guests start from; once, a minute or two")
            new = base.with_name(f"new-{name}")
            _make(new)
            new.rename(base)
    return base


def _make(target: Path) -> None:
    target.unlink(missing_ok=True)
    done = subprocess.run(
        ["mmdebstrap", "--quiet", *_OPTIONS, _SUITE, str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        target.unlink(missing_ok=True)
        raise RemoteFailure(
            "the Debian system for the lab's guests cannot be made",
            on="mmdebstrap",
            why="\n".join(done.stderr.strip().splitlines()[-6:]),
            left="nothing was changed",
            do="Mend what it names (network, package sources, space), then run: "
            "homeport lab up --guests nspawn",
        )


def put_base(cache: Path) -> None:
    """Into a lab's cache, where its guests look for it."""
    base, target = ensure_base(), cache / BASE
    if target.exists() and target.stat().st_mtime_ns == base.stat().st_mtime_ns:
        return
    cache.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(base)
    except OSError:  # on another file system
        shutil.copy2(base, target)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "homeport"
