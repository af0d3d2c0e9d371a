"""Whoever locks a state reads it next: what is small is fetched and opened while the client is
still hearing that it has the lock. A version never changes, so what was fetched for its key is
what would be read now."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock

from engine.errors import HomeportError
from engine.tfstate.model import StateName, Version
from engine.tfstate.vault import StateVault

_KEPT = 16
"""States of which something is held, opened, until its client reads or unlocks."""
_THREADS = 2


class Ahead:
    """Safe to use from several threads."""

    def __init__(self, vault: StateVault) -> None:
        self._vault = vault
        self._threads = ThreadPoolExecutor(_THREADS, "state-ahead")
        self._begun: OrderedDict[StateName, tuple[str, Future[bytes]]] = OrderedDict()
        self._lock = Lock()

    def begin(self, name: StateName, version: Version | None) -> None:
        if version is None or version.deleted or version.blob:
            return
        fetched = self._threads.submit(self._vault.content, name, version)
        with self._lock:
            self._begun[name] = (version.key, fetched)
            while len(self._begun) > _KEPT:
                self._begun.popitem(last=False)

    def take(self, name: StateName, version: Version) -> bytes | None:
        """None where it has to be read, which also tells what is wrong with it."""
        with self._lock:
            key, fetched = self._begun.pop(name, ("", None))
        if fetched is not None and key == version.key:
            with suppress(HomeportError):
                return fetched.result()
        return None

    def forget(self, name: StateName) -> None:
        with self._lock:
            self._begun.pop(name, None)
