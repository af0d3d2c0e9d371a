"""The schemas of JSON Schema itself, which other schemas refer to by their addresses."""

from __future__ import annotations

from typing import Any


def known_schema(address: str) -> Any:
    """The meta-schema with that address, from the library's own copies; None for all else."""
    if not address.partition("://")[2].startswith("json-schema.org/"):
        return None
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import NoSuchResource

    for spelled in (address, address + "#"):
        try:
            return REGISTRY.contents(spelled)
        except (NoSuchResource, KeyError):
            continue
    return None
