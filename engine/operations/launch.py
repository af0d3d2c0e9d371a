"""Starting the worker, and telling whether one is alive. Light: the interface imports this.

The worker must outlive the terminal that started it. As root it becomes a transient system
unit; for a user whose service manager lingers after logout (loginctl enable-linger) a
transient user unit; otherwise a process in a session of its own, which is what survives a
logout on Debian and Ubuntu as they are installed. Who holds the lock file is the worker:
the kernel gives the lock back when it dies, however it dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import RemoteFailure
from engine.paths import Paths

MODULE = "engine.operations.worker"
_START_SECONDS = 20
_KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_KEPT_PREFIXES = ("HOMEPORT_", "XDG_", "PG", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class WorkerProcess:
    """Who holds the lock; start_ticks tells a process from a later one with the same id."""

    pid: int
    start_ticks: int


def lock_path(paths: Paths) -> Path:
    return paths.state / "worker.lock"


def log_path(paths: Paths) -> Path:
    return paths.state / "worker.log"


@contextmanager
def worker_lock(paths: Paths) -> Iterator[bool]:
    """Hold the lock, if nobody else does; gives whether it is held."""
    descriptor = os.open(lock_path(paths), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        os.ftruncate(descriptor, 0)
        myself = WorkerProcess(os.getpid(), start_ticks(os.getpid()))
        os.pwrite(descriptor, json.dumps(asdict(myself)).encode(), 0)
        yield True
    finally:
        os.close(descriptor)


def living_worker(paths: Paths) -> WorkerProcess | None:
    """The worker of this installation on this machine; None where none is alive."""
    try:
        descriptor = os.open(lock_path(paths), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 200, 0)
        # Between taking the lock and writing itself down the worker has no name yet.
        return WorkerProcess(**json.loads(text)) if text else WorkerProcess(0, 0)
    finally:
        os.close(descriptor)
    return None


def end_of_log(paths: Paths, lines: int = 8) -> str:
    """What the worker last said; empty where it never said anything."""
    try:
        with log_path(paths).open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 4000))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def start_ticks(pid: int) -> int:
    """When the process began, in clock ticks since boot (proc(5), stat field 22)."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[19])


def ensure_worker(paths: Paths) -> bool:
    """Start a worker where none is alive; was one started? Returns when it is on its way.

    Two callers at one moment may both start one: the second finds the lock taken and ends.
    """
    if living_worker(paths) is not None:
        return False
    paths.ensure()
    if not _start_unit(paths):
        _start_session()
    return True


def _start_session() -> None:
    """The worker detaches itself into its own session; this waits for no more than that."""
    started = subprocess.run(
        [sys.executable, "-m", MODULE, "--detach"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=program_directory(),
        timeout=_START_SECONDS,
        check=False,
    )
    if started.returncode != 0:
        raise RemoteFailure(
            what="the worker process cannot be started",
            why=started.stderr.decode(errors="replace").strip()[-500:],
            left="the operation is recorded and waits",
            do="Mend the cause, then run `homeport attach`: it starts the worker again.",
        )


def _start_unit(paths: Paths) -> bool:
    """Start as a transient unit where that outlives the session; False where it does not."""
    scope = unit_scope(os.environ)
    if scope is None:
        return False
    name = hashlib.sha256(str(paths.state).encode()).hexdigest()[:12]
    # Values stay out of the argument list: systemd-run takes them from its environment.
    kept = [f"--setenv={name}" for name in os.environ if _is_kept(name)]
    command = [
        "systemd-run",
        scope,
        f"--unit=homeport-worker-{name}",
        "--collect",
        "--quiet",
        "--description=Homeport worker",
        f"--working-directory={program_directory()}",
        f"--property=StandardOutput=append:{log_path(paths)}",
        f"--property=StandardError=append:{log_path(paths)}",
        *kept,
        "--",
        sys.executable,
        "-m",
        MODULE,
    ]
    with suppress(OSError, subprocess.TimeoutExpired):
        started = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False
        )
        return started.returncode == 0
    return False


def unit_scope(environ: Mapping[str, str]) -> str | None:
    """Whose systemd keeps what outlives the session, as its tools have it; None for nobody's."""
    if environ.get("HOMEPORT_TESTING") == "1" or not Path("/run/systemd/system").is_dir():
        return None
    if os.geteuid() == 0:
        return "--system"
    lingers = Path("/var/lib/systemd/linger") / environ.get("USER", "")
    if environ.get("USER") and environ.get("XDG_RUNTIME_DIR") and lingers.is_file():
        return "--user"
    return None


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.startswith(_KEPT_PREFIXES)


def program_directory() -> str:
    """Where `-m engine...` is found also in a checkout that is not installed."""
    return str(Path(__file__).resolve().parents[2])
