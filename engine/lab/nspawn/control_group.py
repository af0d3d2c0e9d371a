"""The control group that all processes of a full guest are in, and by which they are ended.

Version 2 of control groups must be mounted, alone or beside version 1 (cgroups(7)). Where the
two are mixed, systemd in a guest may use the hierarchy named `systemd` of version 1, so the guest
is in a group of the same name there as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from engine.lab.guest.processes import wait_for_end

_KEEPER, _MACHINE = "keeper", "machine"
_LEFT = Path("/run/systemd/nspawn")


def group_of(mark: str) -> str:
    """The group's name, and that of the machine; short enough for a link's (15 characters)."""
    return f"hp-{hashlib.sha256(mark.encode()).hexdigest()[:8]}"


def available() -> bool:
    """Is version 2 mounted?"""
    return _unified() is not None


def enter(mark: str) -> None:
    """Make the group and put this process, the guest's keeper, into it."""
    for home in _homes(mark):
        for part in (_KEEPER, _MACHINE):
            (home / part).mkdir(parents=True, exist_ok=True)
    _join(mark, _KEEPER)
    for controller in ("cpu", "memory", "pids", "io"):
        with contextlib.suppress(OSError):  # not this machine's, or held by version 1
            (_homes(mark)[0] / "cgroup.subtree_control").write_text(f"+{controller}")


@contextlib.contextmanager
def as_machine(mark: str) -> Iterator[None]:
    """What is started meanwhile belongs to the machine's own part of the group.

    systemd-nspawn divides it further, for which nobody else may be in there.
    """
    _join(mark, _MACHINE)
    try:
        yield
    finally:
        _join(mark, _KEEPER)


def members(mark: str) -> set[int]:
    """Every live process of the guest, its keeper included, but the caller."""
    found: set[int] = set()
    for listed in _homes(mark)[0].rglob("cgroup.procs"):
        with contextlib.suppress(OSError):  # threaded, or gone meanwhile
            found.update(map(int, listed.read_text().split()))
    return found - {0, os.getpid()}


def end(mark: str, root: Path, within: float = 10.0) -> bool:
    """Kill every process of the guest until none is left, and remove the group and what
    systemd-nspawn leaves behind; False if some would not die. root: the guest's file system."""
    deadline = time.monotonic() + within
    while victims := members(mark):
        if time.monotonic() > deadline:
            return False
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in victims:
            wait_for_end(pid, 1.0)
    for home in _homes(mark):
        _remove(home)
    shutil.rmtree(_LEFT / "propagate" / group_of(mark), ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        found = root.stat()
        (_LEFT / f"locks/inode-{found.st_dev}:{found.st_ino}").unlink()
    return True


def _join(mark: str, part: str) -> None:
    for home in _homes(mark):
        (home / part / "cgroup.procs").write_text(str(os.getpid()))


def _remove(home: Path) -> None:
    if not home.is_dir():
        return
    for directory, _, _ in os.walk(home, topdown=False):
        with contextlib.suppress(OSError):  # the caller's own group, or one that is gone
            os.rmdir(directory)


def _homes(mark: str) -> list[Path]:
    """The group's directories, that of version 2 first."""
    homes = [_unified(), _named()]
    return [home / group_of(mark) for home in homes if home is not None]


def _unified() -> Path | None:
    return _mounted("cgroup2", "")


def _named() -> Path | None:
    return _mounted("cgroup", "name=systemd")


def _mounted(kind: str, option: str) -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, path, found, options, *_ = line.split()
        if found == kind and (not option or option in options.split(",")):
            return Path(path)
    return None
