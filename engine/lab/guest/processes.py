"""Which processes belong to a guest, and how to end all of them for certain.

A rootless guest has no control group of its own, so membership is found in /proc by three
marks: the environment variable every process of the guest inherits, descent from its init,
and, for servers that overwrite their environment with a title (PostgreSQL, Redis), a program
file of the lab's running with its working directory inside the guest.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path

MARK = "HOMEPORT_GUEST"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Orphaned descendants become children of this process (prctl(2))."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """For the child, between fork and exec: no service outlives the init that ran it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of a live process; None for a dead one or a zombie.

    With the pid it names one process for ever (proc(5), stat field 22).
    """
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def is_alive(pid: int, started: int) -> bool:
    return start_time(pid) == started


def members(mark: str, directory: Path, programs: Iterable[Path], init: int | None) -> set[int]:
    """Every live process of the guest but the caller; `mark` is the value of HOMEPORT_GUEST.

    programs: directories whose executables count by their working directory alone.
    """
    wanted = f"{MARK}={mark}".encode()
    homes = [str(path.resolve()) + "/" for path in (directory, *programs)]
    parents: dict[int, int] = {}
    found: set[int] = set()
    for pid in _pids():
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            continue
        parents[pid] = int(fields[1])
        if wanted in _environ(pid) or _lives_in(pid, homes):
            found.add(pid)
    if init is not None and init in parents:
        found.add(init)
        found.update(pid for pid in parents if _descends(pid, init, parents))
    found.discard(os.getpid())
    return found


def end_all(
    mark: str,
    directory: Path,
    programs: Iterable[Path],
    *,
    init: int | None = None,
    spare: Iterable[int] = (),
    within: float = 10.0,
) -> bool:
    """Kill every process of the guest until none is left; False if some would not die."""
    deadline = time.monotonic() + within
    spared = set(spare)
    programs = tuple(programs)
    while victims := members(mark, directory, programs, init) - spared:
        if time.monotonic() > deadline:
            return False
        for pid in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for pid in victims:
            wait_for_end(pid, 1.0)
    return True


def wait_for_end(pid: int, seconds: float) -> bool:
    """True once the process has ended, whoever its parent is; False after `seconds`."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0, int(seconds * 1000))))
    finally:
        os.close(descriptor)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the command: state, ppid, ..."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _lives_in(pid: int, homes: list[str]) -> bool:
    """A program of the lab (homes) that works inside the guest (the first of them)."""
    try:
        cwd = os.readlink(f"/proc/{pid}/cwd") + "/"
        return cwd.startswith(homes[0]) and os.readlink(f"/proc/{pid}/exe").startswith(tuple(homes))
    except OSError:
        return False


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid > 1:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False


def invoked(invocation: str, main: int | None) -> set[int]:
    """Live processes of one run of a service: marked by INVOCATION_ID, or of its main process."""
    wanted = f"INVOCATION_ID={invocation}".encode()
    parents: dict[int, int] = {}
    found = set()
    for pid in _pids():
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            continue
        parents[pid] = int(fields[1])
        if pid == main or wanted in _environ(pid):
            found.add(pid)
    if main is not None:
        found.update(pid for pid in parents if _descends(pid, main, parents))
    return found


async def process_ended(pid: int, seconds: float) -> bool:
    """As `wait_for_end`, without holding up the event loop."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    loop.add_reader(descriptor, ended.cancel)  # the wait below is then over
    try:
        await asyncio.wait([ended], timeout=seconds)
        return ended.cancelled()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
