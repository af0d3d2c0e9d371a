"""What keeps the interface small and quick: one heap for all threads, and no looking for
rubbish while a large form is being made of nothing but things that stay."""

from __future__ import annotations

import ctypes
import gc

_M_ARENA_MAX = -8
"""mallopt(3)"""


def share_one_heap() -> None:
    """Keep glibc from giving every thread a heap of its own, which each fills with the same
    modules' leavings. Without glibc, nothing happens."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def put_off_collection() -> None:
    """Collect no rubbish until `collect_again`: making 50,000 nodes would start it hundreds of
    times, and none of it would find anything."""
    gc.disable()


def collect_again() -> None:
    """From now on, but never among what is there already."""
    gc.freeze()
    gc.enable()
