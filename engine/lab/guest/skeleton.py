"""The guest's file system before its first service runs, and what a power-on changes in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from engine.lab.guest.boot import Boot
from engine.lab.guest.environment import home_of
from engine.lab.guest.shims import write_shims

_DIRECTORIES = (
    "etc/ssh",
    "etc/systemd/system/multi-user.target.wants",
    "home",
    "mnt",
    "opt",
    "srv",
    "usr/bin",
    "usr/lib/systemd/system",
    "usr/local/bin",
    "usr/sbin",
    "usr/share",
    "var/cache",
    "var/lib/cloud/data",
    "var/log/journal",
)
_RELEASE = (
    'ID=debian\nVERSION_ID="12"\nNAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12"\n'
)


def prepare_root(boot: Boot, directory: Path) -> bool:
    """Make or refresh the guest's file system; True where this is a new instance.

    A new instance (cloud-init's word) is a first boot, or one whose user or network data
    changed: it gets a new SSH identity.
    """
    root = directory / "root"
    for name in _DIRECTORIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, mode in (("root", 0o700), ("tmp", 0o1777), ("var/tmp", 0o1777)):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    _clear_run(root)
    _write_identity(boot, root)
    write_shims(directory, Path(boot.cache))
    return is_new_instance(boot, root)


def _clear_run(root: Path) -> None:
    """/run is empty after every power-on."""
    run = root / "run"
    shutil.rmtree(run, ignore_errors=True)
    (run / "lock").mkdir(parents=True)
    (run / "systemd/system").mkdir(parents=True)  # its being there says that systemd runs


def _write_identity(boot: Boot, root: Path) -> None:
    home = home_of(root, boot.user)
    keys = home / ".ssh/authorized_keys"
    keys.parent.mkdir(parents=True, exist_ok=True)
    keys.write_text("".join(key + "\n" for key in boot.ssh_public_keys))
    for path, mode in ((home, 0o700), (keys.parent, 0o700), (keys, 0o600)):
        path.chmod(mode)
    etc = root / "etc"
    (etc / "hostname").write_text(boot.hostname + "\n")
    (etc / "hosts").write_text(hosts(boot))
    (etc / "resolv.conf").write_text(resolver(boot))
    host_release = Path("/etc/os-release")
    release = host_release.read_text() if host_release.is_file() else _RELEASE
    (etc / "os-release").write_text(release)


def hosts(boot: Boot) -> str:
    """Text of /etc/hosts."""
    names = f"{boot.hostname}.{boot.search_domain} " if boot.search_domain else ""
    return f"127.0.0.1 localhost\n{boot.ip or '127.0.1.1'} {names}{boot.hostname}\n"


def resolver(boot: Boot) -> str:
    """Text of /etc/resolv.conf."""
    lines = [f"nameserver {server}" for server in boot.nameservers]
    lines += [f"search {boot.search_domain}"] if boot.search_domain else []
    return "".join(line + "\n" for line in lines)


def is_new_instance(boot: Boot, root: Path) -> bool:
    """Is this the instance's first power-on? Noted, so that the next one is not."""
    record = root / "var/lib/cloud/data/instance-id"
    if record.exists() and record.read_text().strip() == boot.instance_id:
        return False
    record.parent.mkdir(parents=True, exist_ok=True)
    temporary = record.with_suffix(".new")
    temporary.write_text(boot.instance_id + "\n")
    os.replace(temporary, record)
    return True
