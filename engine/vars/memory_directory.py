"""A directory for secrets that programs read and write as files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
"""In memory on every Linux (tmpfs(5)); nothing in it reaches a disk but by swapping."""
_PREFIX = "hp-vars-"


@contextmanager
def memory_directory() -> Iterator[Path]:
    """Only this user can enter it; gone at the end of the block. On disk where there is no
    directory in memory that can be written.

    What a killed process left is removed by the next one.
    """
    in_memory = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    place = _MEMORY if in_memory else Path(tempfile.gettempdir())
    for left in place.glob(f"{_PREFIX}*"):
        maker = left.name.removeprefix(_PREFIX).partition("-")[0]
        if left.lstat().st_uid == os.geteuid() and not Path("/proc", maker).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=place) as top:
        yield Path(top)
