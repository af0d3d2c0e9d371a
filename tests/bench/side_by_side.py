"""A back-end's figure and the bare client library's, from the same run."""

from __future__ import annotations

import time
from collections.abc import Callable

_ROUNDS = 7


def row(
    name: str, ours: Callable[[], object], peer: Callable[[], object], calls: int
) -> dict[str, str]:
    """The best of several rounds of each, in turn: what else runs here slows both."""
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for place, call in enumerate((ours, peer)):
            began = time.perf_counter()
            for _ in range(calls):
                call()
            best[place] = min(best[place], (time.perf_counter() - began) / calls)
    return {
        "name": name,
        "ours": f"{best[0] * 1000:.2f} ms",
        "peer": f"{best[1] * 1000:.2f} ms",
        "ratio": f"{best[0] / best[1]:.2f}",
        "goal": "<= 1.2 (peer: the client library alone)",
    }
