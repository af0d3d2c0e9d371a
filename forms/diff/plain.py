"""The commonest options, which can be read by the short way: one type, bounds, annotations.

Large schemas consist of them. What they allow is read once for each set of bounds, and is the
same object wherever it is met, in an old schema and in a new one.
"""

from __future__ import annotations

from typing import Any

from forms.schema.load import Schema

Asked = tuple[tuple[str, Any], ...]
"""The keywords of a plain option that decide which values are valid, with what they say."""
_TYPES = frozenset(["string", "number", "integer", "boolean"])
_TEXTS = frozenset(["pattern", "format"])
_NUMBERS = frozenset(
    [
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ]
)
_ANNOTATING = frozenset(
    ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"]
)


def asked_of(schema: Schema) -> Asked | None:
    """What a plain option asks of its values; None for what must be read by the long way."""
    if isinstance(schema, bool) or not _is_plain_type(schema.get("type")):
        return None
    asked: list[tuple[str, Any]] = []
    for word, said in schema.items():
        if word in _ANNOTATING or word.startswith("x-"):
            continue
        if word in _NUMBERS:
            if type(said) not in (int, float):
                return None
        elif word != "type" and not (word in _TEXTS and isinstance(said, str)):
            return None
        asked.append((word, said))
    return tuple(asked)


def _is_plain_type(name: Any) -> bool:
    return isinstance(name, str) and name in _TYPES
