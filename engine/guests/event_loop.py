"""One event loop thread for all SSH connections of a process.

The engine is synchronous, asyncssh is not. A single loop in a daemon thread carries every
connection, so that a connection may outlive the step (and the thread) that opened it.
"""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class EventLoopThread:
    """A running event loop; give it coroutines from any thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever, name="guests", daemon=True)
        thread.start()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end and give its result; an interrupt of the caller cancels it."""
        future = self.start(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


@functools.cache
def event_loop() -> EventLoopThread:
    """The process's loop thread, started on first use."""
    return EventLoopThread()


os.register_at_fork(after_in_child=event_loop.cache_clear)
