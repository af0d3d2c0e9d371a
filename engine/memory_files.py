"""Secrets for programs that read them from files: files that have no name on any disk.

A program that we start opens them by the path of our own descriptor, which only this user can
(proc(5)); nothing of them is in its arguments or environment, and nothing is left when this
process is killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(text: str) -> Iterator[str]:
    """A path that gives the text while the block runs; read from its beginning each time."""
    descriptor = os.memfd_create("homeport")
    try:
        os.fchmod(descriptor, 0o600)  # ssh refuses a key that its mode does not protect
        os.write(descriptor, text.encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)
