"""A lab of its own for a bench that deploys."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.homeport import Homeport
from engine.lab import cli as lab
from engine.operations.launch import living_worker
from engine.paths import Paths


@contextmanager
def homeport_on_lab() -> Iterator[Homeport]:
    """Nothing is left of the lab and of the worker when the block ends."""
    with tempfile.TemporaryDirectory(prefix="hp-bench-") as home:
        os.environ["HOMEPORT_HOME"] = home
        paths = Paths.from_environment().ensure()
        try:
            lab.up(paths)
            with Homeport.open(paths) as homeport:
                yield homeport
        finally:
            lab.reset(paths, force=True)
            worker = living_worker(paths)
            if worker is not None and worker.pid and Path(f"/proc/{worker.pid}").exists():
                os.kill(worker.pid, signal.SIGTERM)
