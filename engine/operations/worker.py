"""The worker process: carries operations out, whoever watches and whoever does not.

    python -m engine.operations.worker            in the foreground, as a unit of systemd
    python -m engine.operations.worker --detach   in a session of its own, logging to a file

It is started on demand, takes up what an earlier worker left unfinished, and ends when
there has been nothing to do for some minutes (HOMEPORT_WORKER_IDLE seconds), unless nobody
else on this machine begins scheduled backups (`engine.backup.waking`). SIGTERM ends
it as soon as the steps at work are recorded; the operation goes on in the next worker.

The workflow engine is imported with the first work, and a worker that has worked begins
anew after a while: what the drivers' libraries took stays with no worker that only waits.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.operations.launch import MODULE, log_path, program_directory, worker_lock
from engine.paths import Paths

if TYPE_CHECKING:
    from engine.operations.durable import Journal

IDLE_VARIABLE = "HOMEPORT_WORKER_IDLE"
_IDLE_SECONDS = 180.0
_LOOK_SECONDS = 0.25
_LOOK_IDLE_SECONDS = 1.0
_LOOK_OFTEN_SECONDS = 10.0
_LOOK_SCHEDULE_SECONDS = 20.0
_STAY_READY_SECONDS = 60.0
"""How long a worker that has worked keeps what it loaded."""
_GRACE_SECONDS = 20.0
_LONGEST_LOG = 4 * 1024 * 1024
_log = logging.getLogger("homeport.worker")


def main(arguments: list[str]) -> None:
    paths = Paths.from_environment().ensure()
    if "--detach" in arguments:
        _detach(paths)
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with worker_lock(paths) as held:
        worked = held and _Worker(paths, stop).work()
    if held and not stop.is_set() and (worked or _is_wanted(paths)):
        os.execv(sys.executable, [sys.executable, "-m", MODULE])  # noqa: S606 - no shell wanted
    logging.shutdown()
    # Without waiting for the workflow engine's threads: all that matters is recorded.
    os._exit(0)


def _detach(paths: Paths) -> None:
    """Leave the starter's session and terminal; its files and its directory, too."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    log = log_path(paths)
    if log.exists() and log.stat().st_size > _LONGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    null = os.open(os.devnull, os.O_RDWR)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for old, new in ((null, 0), (written, 1), (written, 2)):
        os.dup2(old, new)
    os.closerange(3, max(null, written) + 1)


def _is_wanted(paths: Paths) -> bool:
    """Did an operation come in while the worker was ending? Its starter saw the lock held."""
    from engine.inventory.database import database_url
    from engine.inventory.inventory import Inventory

    inventory = Inventory.open(paths)
    try:
        return bool(inventory.operations.claim(executor_name(database_url(paths))))
    finally:
        inventory.close()


class _Worker:
    def __init__(self, paths: Paths, stop: threading.Event) -> None:
        from engine.inventory.database import database_url
        from engine.inventory.inventory import Inventory

        _log_readably()
        self._paths = paths
        self._stop = stop
        self._url = database_url(paths)
        self._inventory = Inventory.open(paths)
        self._idle_seconds = float(os.environ.get(IDLE_VARIABLE) or _IDLE_SECONDS)
        self._journal: Journal | None = None

    def work(self) -> bool:
        """Until there is nothing to do for long enough, or until asked to stop; did it work?"""
        name = executor_name(self._url)
        _log.info("worker %s began, process %d", name, os.getpid())
        last_work = time.monotonic()
        looked, waits = 0.0, False
        while not self._stop.is_set():
            unfinished = self._inventory.operations.claim(name)
            for operation_id, attempt in unfinished:
                self._opened_journal(name).start(operation_id, attempt)
            now = time.monotonic()
            last_work = now if unfinished else last_work
            idle = now - last_work
            if now - looked > _LOOK_SCHEDULE_SECONDS:
                looked = now
                waits = self._tick()
            if idle > min(self._idle_seconds, _STAY_READY_SECONDS) and self._journal is not None:
                break
            if idle > self._idle_seconds and not waits:
                _log.info("nothing to do for %d seconds", self._idle_seconds)
                break
            self._stop.wait(_LOOK_SECONDS if idle < _LOOK_OFTEN_SECONDS else _LOOK_IDLE_SECONDS)
        self._end()
        return self._journal is not None

    def _tick(self) -> bool:
        """Begin backups that are due, in a process of its own: repositories may be far. Is the
        worker the only one who does so?"""
        from engine.backup.due import is_due
        from engine.backup.waking import TICK, Waker, waker

        if is_due(self._inventory, datetime.now(UTC)):
            words = [sys.executable, "-m", TICK]
            subprocess.Popen(words, stdin=subprocess.DEVNULL, cwd=program_directory())
        return waker(self._paths) is Waker.WORKER and bool(self._inventory.schedules.all())

    def _opened_journal(self, name: str) -> Journal:
        if self._journal is None:
            with _nothing_to_collect():
                from engine.operations.durable import Journal, Performer
                from engine.operations.registry import load_built_in
                from engine.operations.retry import RetryPolicy
                from engine.operations.workplace import open_workplace

                load_built_in()
            workplace = open_workplace(self._paths, self._inventory)
            performer = Performer(workplace, RetryPolicy.from_environment())
            self._journal = Journal(performer, self._url, name)
        return self._journal

    def _end(self) -> None:
        """Leave nothing half recorded, if that is possible in time."""
        if self._journal is not None and not self._journal.settle(_GRACE_SECONDS):
            _log.warning("steps at work were left; the next worker does them again")
        _log.info("worker ended")


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """What is loaded inside stays for good: the collector need not look through it, ever."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _log_readably() -> None:
    """Our own lines and others' warnings, without the secrets that operations know."""
    from engine.redaction import RedactingFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for ours in (_log, logging.getLogger("engine")):
        ours.setLevel(logging.INFO)


def executor_name(url: str) -> str:
    """Who takes up whose operations: on SQLite any worker here, on PostgreSQL the same host's."""
    return "local" if url.startswith("sqlite") else f"worker@{socket.gethostname()}"


if __name__ == "__main__":
    main(sys.argv[1:])
