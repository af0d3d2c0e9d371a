"""Files that only their owner may read: refused when others can, replaced in one piece."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import Unsafe


def read_private(path: Path) -> bytes | None:
    """The content; None where there is no such file. Unsafe where others could read it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        _refuse_unless_private(path, os.fstat(file.fileno()))
        return file.read()


def write_private(path: Path, data: bytes) -> None:
    """Replace the file in one step (mode 0600); it is on the disk when this returns.

    The caller holds the lock of the directory: the temporary file has a fixed name, so a
    killed writer leaves at most one, which the next writer takes over.
    """
    make_private_directory(path.parent)
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def make_private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file: one process and one thread at a time. Freed by the kernel on death."""
    make_private_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refuse_unless_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unsafe(
            "a file that holds secrets is not a regular file",
            on=str(path),
            left="it was not read",
            do="Move it away and restore the file from your backup.",
        )
    if found.st_uid != os.geteuid():
        raise Unsafe(
            "a file that holds secrets belongs to somebody else",
            on=str(path),
            why=f"its owner is user {found.st_uid}, Homeport runs as user {os.geteuid()}",
            left="it was not read",
            do=f"Run Homeport as that user, or hand the file over: chown {os.geteuid()} '{path}'",
        )
    if found.st_mode & 0o077:
        raise Unsafe(
            "other users of this machine can read a file that holds secrets",
            on=str(path),
            why=f"its mode is {stat.S_IMODE(found.st_mode):04o}, it must be 0600",
            left="it was not read",
            do=f"Run: chmod 600 '{path}'. If others use this machine, change the key afterwards.",
        )
