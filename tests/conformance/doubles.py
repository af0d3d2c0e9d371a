"""Small stand-ins that several conformance suites share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.errors import Cancelled


@dataclass
class Journal:
    """A `Progress` that remembers, and asks to stop when `cancelled` is set."""

    lines: list[str] = field(default_factory=list)
    cancelled: bool = False

    def log(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: float, total: float | None, unit: str = "items") -> None:
        pass

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled("the operation was cancelled")


class MemoryLeases:
    """A `LeaseStore` without a database."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str | None] = {}

    def claim(self, pool: str, owner: str, candidates: Iterable[str]) -> str | None:
        if held := self.find(pool, owner):
            return held
        for item in candidates:
            if (pool, item) not in self.held:
                self.held[pool, item] = owner
                return item
        return None

    def find(self, pool: str, owner: str) -> str | None:
        for (place, item), holder in self.held.items():
            if place == pool and holder == owner:
                return item
        return None

    def reject(self, pool: str, owner: str, item: str) -> None:
        self.held[pool, item] = None

    def release(self, pool: str, owner: str) -> bool:
        item = self.find(pool, owner)
        return item is not None and self.held.pop((pool, item)) is not None
