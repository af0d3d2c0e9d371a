"""What two schema documents have in common, made one.

Two releases differ in little. A part that is written the same in both, with all that it refers
to, is one object in both afterwards: it is read once, and that nothing changed there is seen by
looking at the object, not into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from forms.schema.drafts import SUBSCHEMA, SUBSCHEMA_MAP, SUBSCHEMAS
from forms.schema.load import Schema, SchemaDocument

_HOLDING = SUBSCHEMA | SUBSCHEMA_MAP | SUBSCHEMAS
_ROOT = "#"


def sharing(old: SchemaDocument, new: SchemaDocument) -> SchemaDocument:
    """The new document with the old one's objects, wherever both say the same in the same
    words and the same order; its root is the old one's where they do everywhere."""
    if isinstance(old.root, bool) or isinstance(new.root, bool):
        return new
    try:
        return replace(new, root=_Sharing(old.root, new.root).root())
    except RecursionError:
        return new  # nested deeply, which is read, but slower


def all_schemas(root: Schema) -> Iterator[dict[str, Any]]:
    """Every schema object of a document, `$defs` included."""
    waiting = [root]
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, dict):
            yield schema
            waiting += _below(schema)


def _below(schema: dict[str, Any]) -> Iterator[Schema]:
    for keyword in _HOLDING & schema.keys():
        held = schema[keyword]
        if keyword in SUBSCHEMA_MAP and isinstance(held, dict):
            yield from held.values()
        elif keyword in SUBSCHEMAS and isinstance(held, list):
            yield from held
        else:
            yield held


def _alike(one: Any, other: Any) -> bool:
    """Are both written the same? The second look tells `true` from 1 and 1 from 1.0, and
    sees the order of keys, by which options are listed."""
    return bool(one == other) and repr(one) == repr(other)


class _Sharing:
    """The parts of two documents that can be referred to, by the references to them."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old_root = old
        self._old, self._new = _parts(old), _parts(new)
        self._changed = self._changed_parts()

    def root(self) -> Schema:
        if not self._changed and self._old.keys() == self._new.keys():
            return self._old_root
        parts = {ref: self._shared(self._old.get(ref), part) for ref, part in self._new.items()}
        root = dict(parts.pop(_ROOT))
        if parts:
            root["$defs"] = {_name(ref): part for ref, part in parts.items()}
        return root

    def _changed_parts(self) -> set[str]:
        """References that lead to something else in the two documents, however far down."""
        changed: set[str] = set()
        referring: dict[str, list[str]] = {}
        for ref, part in self._new.items():
            if ref not in self._old or not _alike(self._old[ref], part):
                changed.add(ref)
                continue
            for schema in all_schemas(part):
                if "$ref" in schema:
                    referring.setdefault(str(schema["$ref"]), []).append(ref)
        waiting = list(changed)
        while waiting:
            more = [ref for ref in referring.pop(waiting.pop(), ()) if ref not in changed]
            changed.update(more)
            waiting += more
        return changed

    def _shared(self, old: Any, new: Any) -> Any:
        """A new schema, or the old one in its place."""
        if old is new or not (isinstance(old, dict) and isinstance(new, dict)):
            return new
        if _HOLDING.isdisjoint(new) and "$ref" not in new:
            return old if _alike(old, new) else new
        shared = dict(new)
        for keyword in _HOLDING & old.keys() & new.keys():
            shared[keyword] = self._held(keyword, old[keyword], new[keyword])
        unchanged = list(old) == list(new) and str(new.get("$ref")) not in self._changed
        if unchanged and all(
            said is old[word] or (word not in _HOLDING and _alike(old[word], said))
            for word, said in shared.items()
        ):
            return old
        return shared

    def _held(self, keyword: str, old: Any, new: Any) -> Any:
        """What one keyword holds, the old object if all of it is the old one's."""
        if keyword in SUBSCHEMA_MAP and isinstance(old, dict) and isinstance(new, dict):
            by_name = {name: self._shared(old.get(name), schema) for name, schema in new.items()}
            one = list(old) == list(new) and all(
                schema is old[name] for name, schema in by_name.items()
            )
            return old if one else by_name
        if keyword in SUBSCHEMAS and isinstance(old, list) and isinstance(new, list):
            one_by_one = [
                self._shared(_at_or_equal(old, i, schema), schema) for i, schema in enumerate(new)
            ]
            one = len(old) == len(new) and all(map(_is, old, one_by_one))
            return old if one else one_by_one
        return self._shared(old, new)


def _parts(root: dict[str, Any]) -> dict[str, Schema]:
    parts: dict[str, Schema] = {
        f"#/$defs/{name}": part for name, part in root.get("$defs", {}).items()
    }
    parts[_ROOT] = {word: said for word, said in root.items() if word != "$defs"}
    return parts


def _name(ref: str) -> str:
    return ref.removeprefix("#/$defs/")


def _at_or_equal(old: list[Any], i: int, schema: Any) -> Any:
    """The old schema at a position, unless an equal one is elsewhere: branches shift."""
    here = old[i] if i < len(old) else None
    return here if here == schema else next((one for one in old if one == schema), here)


def _is(one: Any, other: Any) -> bool:
    return one is other
