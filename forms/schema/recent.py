"""Normalised schemas, kept for the next document that is checked against the same one.

A fleet checks a thousand documents against a handful of schemas, and normalising a large
one costs far more than checking a document. Schemas are told apart by being the same
object, which costs nothing; they are never changed once they are in use.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from forms.schema.load import SchemaDocument, load_schema

_KEPT = 8
_lock = threading.Lock()
_recent: OrderedDict[int, tuple[Mapping[str, Any], SchemaDocument]] = OrderedDict()
"""By identity of the schema, which is held so that its identity stays its own."""


def recently_loaded(schema: Mapping[str, Any] | bool) -> SchemaDocument:
    """`load_schema`, or what it gave for this very object not long ago."""
    if isinstance(schema, bool):
        return load_schema(schema)
    with _lock:
        if id(schema) in _recent:
            _recent.move_to_end(id(schema))
            return _recent[id(schema)][1]
    loaded = load_schema(schema)
    with _lock:
        _recent[id(schema)] = (schema, loaded)
        while len(_recent) > _KEPT:
            _recent.popitem(last=False)
    return loaded
