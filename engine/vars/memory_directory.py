"""A directory for secrets that programs read and write as files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
"""In memory on every Linux (tmpfs(5)); nothing in it reaches a disk but by swapping."""


@contextmanager
def memory_directory() -> Iterator[Path]:
    """Only this user can enter it; gone at the end of the block. On disk where there is no
    directory in memory that can be written."""
    in_memory = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    with tempfile.TemporaryDirectory(prefix="hp-vars-", dir=_MEMORY if in_memory else None) as top:
        yield Path(top)
