"""One run of OpenTofu at a time in a directory, also after this process was killed.

The lock is held by an open file that OpenTofu and its plug-ins inherit, so the kernel frees it when
the last of them has ended, not when we have. A later run therefore knows whether one is left from a
Homeport that is dead; it asks that one to stop, which lets it finish what it is doing and write
down what it made, and ends it where it does not.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.backends.protocols import Progress
from engine.errors import Locked
from engine.private_files import make_private_directory

_STOPS_WITHIN = 60.0
"""Seconds that a run which lost its Homeport has to finish what it is doing."""
_WAITS_FOR_OTHERS = 900.0
_LOOK_SECONDS = 0.1


@contextmanager
def turn(path: Path, progress: Progress) -> Iterator[int]:
    """The descriptor of the lock, to be handed on to what is run. Locked where a living Homeport
    does not give it up."""
    descriptor = _taken(path, progress)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {_began(os.getpid())}".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(path: Path, progress: Progress) -> int:
    """Whoever had the turn before may have removed the directory: then it is another file's."""
    while True:
        make_private_directory(path.parent)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        try:
            _take(descriptor, path, progress)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _take(descriptor: int, path: Path, progress: Progress) -> None:
    began, asked = time.monotonic(), 0.0
    while not _locked(descriptor):
        progress.raise_if_cancelled()
        now = time.monotonic()
        if _holder_lives(descriptor):
            if now - began > _WAITS_FOR_OTHERS:
                raise _busy(path, descriptor)
        elif not asked:
            progress.log("A run of OpenTofu was left by a Homeport that ended; stopping it")
            asked = now
            _signal(_leaders(descriptor), signal.SIGTERM)
        elif now - asked > _STOPS_WITHIN or not _leaders(descriptor):
            _signal(_holders(descriptor), signal.SIGKILL)
        time.sleep(_LOOK_SECONDS)


def _locked(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _holder_lives(descriptor: int) -> bool:
    pid, _, began = os.pread(descriptor, 64, 0).decode().partition(" ")
    return not pid or _began(int(pid)) == began


def _began(pid: int) -> str:
    """When a process began, in ticks since boot (proc(5)); "" for one that is none."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if state[0] == "Z" else state[19]


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _leaders(descriptor: int) -> list[int]:
    """OpenTofu itself among the holders. Without it, plug-ins have nobody to tell what they did."""
    found = []
    for pid in _holders(descriptor):
        with suppress(ProcessLookupError):
            if os.getsid(pid) == pid:
                found.append(pid)
    return found


def _holders(descriptor: int) -> list[int]:
    """Other processes that have the lock's file open."""
    wanted, found = os.fstat(descriptor), []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            for link in (process / "fd").iterdir():
                with suppress(OSError):
                    seen = link.stat()
                    if (seen.st_dev, seen.st_ino) == (wanted.st_dev, wanted.st_ino):
                        found.append(int(process.name))
                        break
    return found


def _busy(path: Path, descriptor: int) -> Locked:
    pid = os.pread(descriptor, 64, 0).decode().partition(" ")[0]
    return Locked(
        "another Homeport runs OpenTofu for this deployment",
        on=str(path.parent),
        why=f"process {pid} has had its turn for more than {_WAITS_FOR_OTHERS / 60:.0f} minutes",
        left="nothing was changed",
        do="Wait until it has ended: homeport operations",
    )
