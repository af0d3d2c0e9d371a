"""How many large tasks run at once on a node and on a storage.

Proxmox VE has no queue: clones, imports and backups that run side by side on a slow storage
end with lock time-outs. A turn is a lock on a file, so it is kept between all processes of this
machine, and given back by the kernel when one of them is killed.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from engine.backends.protocols import Progress

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Turns:
    """directory: of the locks, made when first needed. limit: of each node, and each storage."""

    def __init__(
        self, directory: Path, provider: str, limit: int, sleep: Callable[[float], None]
    ) -> None:
        self._directory = directory
        self._provider = provider
        self._limit = limit
        self._sleep = sleep

    @contextmanager
    def at(self, node: str, storage: str, progress: Progress) -> Iterator[None]:
        """Waits until neither has its fill of tasks, always for the node first."""
        with ExitStack() as held:
            for place in (f"node {node}", f"storage {storage}"):
                held.enter_context(self._turn(place, progress))
            yield

    @contextmanager
    def _turn(self, place: str, progress: Progress) -> Iterator[None]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = re.sub(r"[^A-Za-z0-9.-]", "_", f"{self._provider}.{place}")
        paths = [self._directory / f"{stem}.{number}" for number in range(self._limit)]
        pause = _FIRST_PAUSE
        while (descriptor := _lock_one(paths)) is None:
            if pause == _FIRST_PAUSE:
                progress.log(f"{self._limit} tasks run at {place} already; waiting for a turn.")
            progress.raise_if_cancelled()
            self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        try:
            yield
        finally:
            os.close(descriptor)


def _lock_one(paths: list[Path]) -> int | None:
    """The open and locked file; None where others hold them all."""
    for path in paths:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        os.close(descriptor)
    return None
