"""A Redis that other servers keep their caches and queues in, on a socket of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def redis_at(socket: Path) -> Iterator[None]:
    """Keeps nothing when it ends; its log lies beside the socket."""
    redis = shutil.which("redis-server")
    if redis is None:
        pytest.skip("needs redis-server: apt-get install redis-server")
    with socket.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [redis, "--port", "0", "--unixsocket", str(socket), "--save", ""],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()
