"""Finding a kind of state unit by the name that packages write."""

from __future__ import annotations

from engine.errors import NotFound
from engine.plugins import installed
from engine.state.protocols import StateKind

GROUP = "homeport.state"


def state_kind(name: str) -> StateKind:
    """NotFound where nothing that is installed knows this kind."""
    known = installed(GROUP)
    if name not in known:
        raise NotFound(
            what="this Homeport does not know a kind of state",
            on=name,
            why=f"it knows: {', '.join(sorted(known))}",
            left="nothing was changed",
            do="Install the plugin that has it, or update Homeport.",
        )
    kind: StateKind = known[name].load()()
    return kind
