"""Secret stores as steps see them: every value that passes is registered for redaction.

A handler cannot forget to do it, and a value that is made within a step is hidden before
the program that first receives it could print it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from engine.backends.protocols import ProviderBackends, Secrets
from engine.model.provider import Check

Hide = Callable[[str], None]


class HidingSecrets:
    """`engine.backends.protocols.Secrets` around another store."""

    def __init__(self, store: Secrets, hide: Hide) -> None:
        self._store = store
        self._hide = hide

    def check(self) -> list[Check]:
        return self._store.check()

    def get(self, path: str) -> str:
        value = self._store.get(path)
        self._hide(value)
        return value

    def put(self, path: str, value: str) -> None:
        self._hide(value)
        self._store.put(path, value)

    def ensure(self, path: str, make: Callable[[], str]) -> str:
        value = self._store.ensure(path, make)
        self._hide(value)
        return value

    def list(self, prefix: str) -> list[str]:
        return self._store.list(prefix)

    def delete(self, prefix: str) -> int:
        return self._store.delete(prefix)


class HidingBackends(ProviderBackends):
    """A provider's backends, opened as lazily as the ones behind them."""

    def __init__(self, backends: ProviderBackends, hide: Hide) -> None:
        self.__dict__.update(_backends=backends, _hide=hide)

    def __getattribute__(self, name: str) -> Any:
        if name in ProviderBackends.__dataclass_fields__ and name != "secrets":
            return getattr(self.__dict__["_backends"], name)
        return super().__getattribute__(name)

    @cached_property
    def secrets(self) -> Secrets:
        return HidingSecrets(self.__dict__["_backends"].secrets, self.__dict__["_hide"])
