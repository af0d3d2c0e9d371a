"""JSON values: their types and when two of them are the same.

Python holds `True == 1` and `1 == 1.0` in one breath; JSON Schema holds only the second, and
a document that must come back untouched holds neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


class _Absent:
    """There is one of it: copying gives it again."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False

    def __deepcopy__(self, memo: Any) -> _Absent:
        return self


ABSENT: Any = _Absent()
"""No value at all, which null is not."""

TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def type_of(value: Any) -> str:
    """The JSON type of a value, "integer" for whole numbers of either Python type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def is_type(value: Any, types: Iterable[str]) -> bool:
    """Is the value of one of these JSON types?"""
    own = type_of(value)
    return own in types or (own == "integer" and "number" in types)


def same(one: Any, other: Any) -> bool:
    """Equality as JSON Schema has it: 1 is 1.0, but not true; the order of keys is nothing."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping)
            and one.keys() == other.keys()
            and all(same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def key_of(value: Any) -> str:
    """A text that two values share if they are the same JSON value."""
    if isinstance(value, dict):
        inner = ",".join(f"{key!r}:{key_of(value[key])}" for key in sorted(value))
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(map(key_of, value))}]"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    return repr(value)


def identical(one: Any, other: Any) -> bool:
    """Are both written the same in JSON, but for the order of keys? 1 is not 1.0 here."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(identical(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return (
            isinstance(other, list) and len(one) == len(other) and all(map(identical, one, other))
        )
    return type(one) is type(other) and bool(one == other)


def written(value: Any) -> str:
    """One line of JSON, readable: what is shown for values that have no better form."""
    return json.dumps(value, ensure_ascii=False, default=str)
