"""One event loop thread for all SSH connections of a process.

The engine is synchronous, asyncssh is not. A single loop in a daemon thread carries every
connection, so that a connection may outlive the step (and the thread) that opened it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

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


class OncePerProcess(Generic[T]):
    """Something made on first use, by whichever thread comes first; anew after a fork."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: T | None = None
        os.register_at_fork(after_in_child=self.forget)

    def __call__(self) -> T:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def forget(self) -> None:
        """Make it anew on the next use."""
        self._lock = threading.Lock()
        self._made = None


event_loop = OncePerProcess(EventLoopThread)
"""The process's loop thread, started on first use."""
