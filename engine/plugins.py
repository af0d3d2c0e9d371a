"""What is installed under a group of entry points, ours and plugins' alike."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """By name. Looked up once in a process: it reads a file of every installed package, and
    every step of an operation opens backends."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}
