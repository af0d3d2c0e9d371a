"""The `Work` that a method reports to, for tests in which nobody watches or cancels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Quiet:
    """`engine.methods.protocols.Work` that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: float, total: float | None, unit: str = "items") -> None:
        return

    def raise_if_cancelled(self) -> None:
        return

    @contextmanager
    def spent(self, cause: str) -> Iterator[None]:
        yield
