"""Waiting for a guest that boots until its SSH server lets us in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from engine.backends.protocols import Progress
from engine.errors import Denied, HostKeyMismatch, Unreachable

Answer = TypeVar("Answer")


def wait_for_shell(
    open_shell: Callable[[], Answer],
    on_mismatch: Callable[[HostKeyMismatch], None],
    progress: Progress,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """The shell, or whatever else is asked over SSH, once there is one.

    While a guest boots nobody listens (Unreachable), then somebody who does not know our key
    yet (Denied): both are waited for, up to `seconds`; then the last one is raised. A wrong
    host key goes to on_mismatch, which raises unless trying again makes sense.
    """
    deadline = clock() + seconds
    wait = 0.05
    while True:
        try:
            return open_shell()
        except HostKeyMismatch as error:
            on_mismatch(error)
            last: Exception = error
        except (Unreachable, Denied) as error:
            last = error
        if clock() + wait > deadline:
            raise last
        progress.raise_if_cancelled()
        pause(wait)
        wait = min(wait * 1.6, 3.0)
