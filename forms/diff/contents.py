"""What lies in sections and lists of which several schemas speak at once.

`additionalProperties` and `items` speak of what their own schema object does not name, so one
schema's rule for all other keys holds for a key that only another schema names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forms.schema.load import Schema
from forms.schema.merge import both

Piece = Mapping[str, Any]


def options_in(
    pieces: Sequence[Piece], named: Mapping[str, Schema], patterns: Iterable[str]
) -> Mapping[str, Schema]:
    """The named options of a section, by all that is asked of each; those that one of the
    pieces forbids are left out, unless a pattern would speak of them then."""
    others = [piece for piece in pieces if piece.get("additionalProperties", True) is not True]
    if len(pieces) < 2 or not others:
        return named
    found: dict[str, Schema] = {}
    for key, schema in named.items():
        for piece in others:
            if not _names(piece, key):
                schema = both(schema, piece["additionalProperties"])
        if schema is not False or any(re.search(pattern, key) for pattern in patterns):
            found[key] = schema
    return found


def _names(piece: Piece, key: str) -> bool:
    patterns = piece.get("patternProperties", ())
    return key in piece.get("properties", ()) or any(re.search(it, key) for it in patterns)


def positions_in(pieces: Sequence[Piece], prefix: Sequence[Schema]) -> tuple[Schema, ...]:
    """The positions of a tuple, by all that is asked of each."""
    found = list(prefix)
    for piece in pieces:
        start = len(piece.get("prefixItems", ()))
        if "items" in piece:
            found[start:] = [both(schema, piece["items"]) for schema in found[start:]]
    return tuple(found)
