"""Processes that outlive the command that started them, and that are never started twice.

Each part of the lab runs in its own session. It inherits an open, flocked file from its
starter and so holds that lock for exactly as long as it lives: whether a part runs is a
question to the kernel. The file says which process it is; the start time beside the number
tells it from another process that was given the same number later. A starter that was
killed before it could write is no loss: whoever has the file open is the part.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from engine.errors import Conflict, RemoteFailure, Unreachable
from engine.lab.guest.processes import is_alive, start_time, wait_for_end

_LOG_KEPT_BYTES = 1_000_000


@dataclass(frozen=True)
class Part:
    """One long-running program. address: where it listens (TCP)."""

    name: str
    title: str
    directory: Path
    """Where its `<name>.pid` and `<name>.log` are kept."""
    argv: tuple[str, ...]
    address: tuple[str, int]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Its whole environment; holds no secret."""
    tls_root: Path | None = None
    """Authority of its certificate: it is ready once it shows one that is good (PEM)."""

    @property
    def pid_path(self) -> Path:
        return self.directory / f"{self.name}.pid"

    @property
    def log_path(self) -> Path:
        return self.directory / f"{self.name}.log"


def running_pid(part: Part) -> int | None:
    """The process that is this part now; None: it does not run."""
    try:
        with part.pid_path.open("rb") as file:
            if _take_lock(file.fileno()):
                return None
            recorded = file.read()
    except FileNotFoundError:
        return None
    return _recorded_process(recorded) or next(_holders(part), None)


def start(part: Part) -> bool:
    """Start the part; False where it runs already. Does not wait until it answers."""
    part.directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(part.pid_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _take_lock(descriptor):  # held by the part, or for a moment by a reader
            if running_pid(part) is not None:
                return False
        _refuse_taken_address(part)
        with _open_log(part.log_path) as log:
            process = subprocess.Popen(
                part.argv,
                cwd=part.directory,
                env=dict(part.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(descriptor,),
            )
        record = {"pid": process.pid, "started": start_time(process.pid)}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
    finally:
        os.close(descriptor)
    process.returncode = 0  # it is not ours to wait for: it outlives us
    return True


def wait_ready(part: Part, *, deadline: float) -> None:
    """Return once it serves. deadline: on the monotonic clock.

    RemoteFailure with the end of its log if it ended; Unreachable if it never answers.
    """
    while not _is_ready(part):
        if running_pid(part) is None:
            raise RemoteFailure(
                f"{part.title} ended right after its start",
                on=part.name,
                why=_last_lines(part.log_path),
                left="the other parts of the lab go on",
                do=f"Read {part.log_path}, then run: homeport lab up",
            )
        if time.monotonic() > deadline:
            raise Unreachable(
                f"{part.title} does not answer",
                on=f"{part.address[0]}:{part.address[1]}",
                why=_last_lines(part.log_path),
                do=f"Read {part.log_path}, then run: homeport lab up",
            )
        time.sleep(0.02)


def stop(part: Part, *, grace: float) -> bool:
    """End the part: asked first, killed after `grace` seconds. False: it did not run."""
    pid = running_pid(part)
    if pid is None:
        return False
    _signal(pid, signal.SIGTERM)
    if not wait_for_end(pid, grace):
        _signal(pid, signal.SIGKILL)
        if not wait_for_end(pid, grace):
            raise RemoteFailure(
                f"{part.title} does not end",
                on=f"process {pid}",
                why="it was killed and is still there, as when a disk does not answer",
                do=f"Look at it: ps -fp {pid}",
            )
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that has gone meanwhile is what was wanted."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _take_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _recorded_process(recorded: bytes) -> int | None:
    try:
        record = json.loads(recorded)
    except ValueError:
        return None
    pid = int(record["pid"])
    return pid if is_alive(pid, record["started"]) else None


def _holders(part: Part) -> Iterator[int]:
    """Processes of this user that run the part's program and have its file open."""
    wanted = str(part.pid_path.resolve())
    command = b"\0".join(word.encode() for word in part.argv) + b"\0"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "cmdline").read_bytes() == command and any(
                os.readlink(descriptor) == wanted for descriptor in (entry / "fd").iterdir()
            ):
                yield int(entry.name)
        except OSError:
            continue


def _refuse_taken_address(part: Part) -> None:
    if _accepts(part.address):
        host, port = part.address
        raise Conflict(
            f"{part.title} cannot start",
            on=f"{host}:{port}",
            why="another program listens there",
            left="nothing was changed",
            do="End that program, or make a new lab: homeport lab reset, homeport lab up",
        )


def _is_ready(part: Part) -> bool:
    if part.tls_root is None:
        return _accepts(part.address)
    try:
        context = ssl.create_default_context(cafile=part.tls_root)
        with (
            socket.create_connection(part.address, timeout=1.0) as connection,
            context.wrap_socket(connection, server_hostname=part.address[0]),
        ):
            return True
    except OSError:
        return False


def _accepts(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1.0):
            return True
    except OSError:
        return False


def _open_log(path: Path) -> BinaryIO:
    if path.exists() and path.stat().st_size > _LOG_KEPT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def _last_lines(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return " / ".join(line.strip() for line in lines[-3:])
