"""Finding a method by the name that a provider's settings and packages write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.methods.protocols import Method
from engine.plugins import installed

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "homeport.methods"


def open_method(name: str) -> Method:
    """InvalidInput where nothing that is installed has this method."""
    known = methods()
    if name not in known:
        raise InvalidInput(
            what="there is no such method",
            on=name,
            why=f"installed: {', '.join(sorted(known)) or 'none'}",
            do="Correct the method in the provider's settings, or install the plugin that has it.",
        )
    method: Method = known[name].load()()
    return method


def methods() -> dict[str, EntryPoint]:
    """Those that are installed, by their names."""
    return installed(GROUP)
