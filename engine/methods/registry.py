"""Finding a method by the name that a provider's settings and packages write."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from engine.errors import InvalidInput
from engine.methods.protocols import Method

GROUP = "homeport.methods"


def open_method(name: str) -> Method:
    """InvalidInput where nothing that is installed has this method."""
    if name not in methods():
        raise InvalidInput(
            what="there is no such method",
            on=name,
            why=f"installed: {', '.join(sorted(methods())) or 'none'}",
            do="Correct the method in the provider's settings, or install the plugin that has it.",
        )
    method: Method = methods()[name].load()()
    return method


@cache
def methods() -> dict[str, EntryPoint]:
    """Those that are installed, by their names."""
    return {point.name: point for point in entry_points(group=GROUP)}
