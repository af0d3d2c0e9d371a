"""Finding a kind of state unit by the name that packages write."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from engine.errors import NotFound
from engine.state.protocols import StateKind

GROUP = "homeport.state"


def state_kind(name: str) -> StateKind:
    """NotFound where nothing that is installed knows this kind."""
    if name not in _installed():
        raise NotFound(
            what="this Homeport does not know a kind of state",
            on=name,
            why=f"it knows: {', '.join(sorted(_installed()))}",
            left="nothing was changed",
            do="Install the plugin that has it, or update Homeport.",
        )
    kind: StateKind = _installed()[name].load()()
    return kind


@cache
def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
