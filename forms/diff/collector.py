"""Python's collector of rubbish, held off while something large is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no rubbish within: among millions of objects that stay, each look for it takes
    longer than the one before, and finds nothing. Who holds it off already keeps it off."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
