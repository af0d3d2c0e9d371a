"""Reading a schema: one document in 2020-12 whose references all resolve within itself.

Every target of a reference is put under `$defs` of the new root and every reference rewritten
to it, whatever it was before: a pointer, an anchor, an id. Nothing is fetched, but whoever loads
a schema may give others that it refers to. A reference that cannot be followed is replaced by
the annotation `x-refused`, which makes the form show that place as text, and is listed in
`SchemaDocument.refusals`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote, urljoin

from forms.schema.drafts import (
    SUBSCHEMA,
    SUBSCHEMA_MAP,
    SUBSCHEMAS,
    Draft,
    draft_of,
    modernise,
)
from forms.schema.error import SchemaError
from forms.schema.regex import to_python

Schema: TypeAlias = "dict[str, Any] | bool"

REFUSED = "x-refused"

_DEFS = "#/$defs/"
_SILENT = frozenset(
    [
        "$schema",
        "$id",
        "id",
        "$anchor",
        "$dynamicAnchor",
        "$recursiveAnchor",
        "$vocabulary",
        "$defs",
        "definitions",
    ]
)
"""Keywords that say nothing more once references are rewritten."""
_TOUCHED = (
    SUBSCHEMA
    | SUBSCHEMAS
    | SUBSCHEMA_MAP
    | _SILENT
    | {"$ref", "$dynamicRef", "$recursiveRef", "exclusiveMinimum", "exclusiveMaximum"}
    | {"const", "dependentRequired", "minContains", "maxContains", "pattern"}
)
"""A schema object without any of these is taken as it is, uncopied."""
_HOLDING = SUBSCHEMA | SUBSCHEMAS | SUBSCHEMA_MAP


@dataclass(frozen=True)
class SchemaDocument:
    """A schema in 2020-12. Its parts are shared with the schema it was made from, and are
    never changed."""

    root: Schema
    draft: str
    refusals: tuple[SchemaError, ...] = ()

    def resolve(self, ref: str) -> Schema:
        """The target of a `$ref` of this document."""
        if ref == "#":
            return self.root
        assert isinstance(self.root, dict)
        target: Schema = self.root["$defs"][ref.removeprefix(_DEFS)]
        return target


Retrieve = Callable[[str], Any]
"""Gives the schema at an address that is no part of the schema itself; None if it has none. An
address without a scheme is relative to the schema."""


def load_schema(
    schema: Mapping[str, Any] | bool, retrieve: Retrieve = lambda address: None
) -> SchemaDocument:
    """Normalise a schema. SchemaError if it is none, or is written in a draft before 4."""
    if not isinstance(schema, Mapping | bool):
        raise SchemaError("a schema is an object, true or false")
    if isinstance(schema, bool):
        return SchemaDocument(schema, "2020-12")
    draft = draft_of(schema)
    try:
        normaliser = _Normaliser(schema, draft, retrieve)
        root = normaliser.normalised_root()
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None
    return SchemaDocument(root, draft.name, tuple(normaliser.refusals))


@dataclass
class _Place:
    """A schema of the original document, and what its references are relative to."""

    schema: Any
    base: str
    pointer: str


class _Normaliser:
    def __init__(self, raw: Mapping[str, Any], draft: Draft, retrieve: Retrieve) -> None:
        self.refusals: list[SchemaError] = []
        self._draft = draft
        """The draft of the schema that is being looked at."""
        self._drafts: dict[str, Draft] = {}
        """By the addresses of schemas, where they were not given with the first."""
        self._retrieve = retrieve
        self._others: dict[str, Any] = {}
        self._raw = raw
        self._resources: dict[str, _Place] = {"": _Place(raw, "", "")}
        self._anchors: dict[tuple[str, str], _Place] = {}
        self._places: dict[int, _Place] = {}
        self._defs: dict[str, Any] = {}
        self._def_names: dict[int | str, str] = {}
        self._pending: list[tuple[str, _Place]] = []
        self._index(raw, "", "")
        root = self._places[id(raw)]
        self._resources[root.base] = self._resources[""] = root
        self._main = draft

    def normalised_root(self) -> dict[str, Any]:
        root = self._normalise(self._raw, self._places[id(self._raw)].base, "")
        assert isinstance(root, dict)
        while self._pending:
            name, place = self._pending.pop()
            self._defs[name] = self._normalise(place.schema, place.base, place.pointer)
        if self._defs:
            root["$defs"] = self._defs
        return root

    def _index(self, schema: Any, base: str, pointer: str) -> None:
        """Note the ids and anchors of a schema and all below it."""
        if not isinstance(schema, Mapping) or (pointer and schema.keys().isdisjoint(_TOUCHED)):
            return
        own_id = schema.get(self._draft.id_keyword)
        hidden = self._draft.ref_alone and "$ref" in schema
        place = _Place(schema, base, pointer)
        if isinstance(own_id, str) and not hidden:
            if own_id.startswith("#"):
                if self._draft.id_as_anchor:
                    self._anchors[base, own_id[1:]] = place
            else:
                place.base = base = urljoin(base, own_id).partition("#")[0]
                self._resources.setdefault(base, place)
        if self._others:
            self._drafts[base] = self._draft
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str) and keyword not in self._draft.lacks:
                self._anchors[base, schema[keyword]] = place
        self._places.setdefault(id(schema), place)
        for child, at in _subschemas(schema):
            self._index(child, base, f"{pointer}/{at}")

    def _normalise(self, schema: Any, base: str, pointer: str) -> Any:
        if not isinstance(schema, Mapping):
            if isinstance(schema, bool):
                return schema
            refused: dict[str, Any] = {}
            self._refuse(refused, "a schema is an object, true or false", pointer)
            return refused
        if schema.keys().isdisjoint(_TOUCHED):
            return schema
        if known := self._places.get(id(schema)):
            base = known.base
        new = modernise(dict(schema), self._drafts.get(base, self._main))
        for silent in _SILENT:
            new.pop(silent, None)
        self._follow(new, base, pointer)
        self._translate_patterns(new, pointer)
        for keyword, value in new.items():
            at = f"{pointer}/{keyword}"
            if keyword in SUBSCHEMA_MAP and isinstance(value, Mapping):
                new[keyword] = {
                    key: child
                    if isinstance(child, dict) and child.keys().isdisjoint(_TOUCHED)
                    else self._normalise(child, base, f"{at}/{key}")
                    for key, child in value.items()
                }
            elif keyword in SUBSCHEMAS and isinstance(value, list):
                new[keyword] = [
                    self._normalise(child, base, f"{at}/{i}") for i, child in enumerate(value)
                ]
            elif keyword in SUBSCHEMA:
                new[keyword] = self._normalise(value, base, at)
        return new

    def _follow(self, schema: dict[str, Any], base: str, pointer: str) -> None:
        """Make the references of one schema object point into the new document."""
        dynamic = schema.pop("$dynamicRef", None)
        recursive = schema.pop("$recursiveRef", None)
        if dynamic is not None:
            self._refuse(schema, "`$dynamicRef` is not supported", pointer)
        if recursive is not None:
            if self._several_recursive():
                self._refuse(schema, "`$recursiveRef` across schemas is not supported", pointer)
            elif "$ref" in schema:
                schema["allOf"] = [*schema.get("allOf", ()), {"$ref": recursive}]
            else:
                schema["$ref"] = recursive
        ref = schema.get("$ref")
        if isinstance(ref, str):
            try:
                schema["$ref"] = self._target(ref, base)
            except LookupError as error:
                del schema["$ref"]
                self._refuse(schema, str(error.args[0]), pointer)

    def _translate_patterns(self, schema: dict[str, Any], pointer: str) -> None:
        try:
            if isinstance(schema.get("pattern"), str):
                schema["pattern"] = to_python(schema["pattern"])
            patterns = schema.get("patternProperties")
            if isinstance(patterns, Mapping):
                schema["patternProperties"] = {
                    to_python(pattern): child for pattern, child in patterns.items()
                }
        except ValueError as error:
            schema.pop("pattern", None)
            schema.pop("patternProperties", None)
            self._refuse(schema, str(error), pointer)

    def _several_recursive(self) -> bool:
        places = self._places.values()
        return sum(bool(place.schema.get("$recursiveAnchor")) for place in places) > 1

    def _refuse(self, schema: dict[str, Any], message: str, pointer: str) -> None:
        schema[REFUSED] = message
        self.refusals.append(SchemaError(message, pointer or "/"))

    def _target(self, ref: str, base: str) -> str:
        """The reference into the new document. LookupError, saying why, if it leads out."""
        address, _, fragment = ref.partition("#")
        fragment = unquote(fragment)
        resource = self._resources.get(urljoin(base, address) if address else base)
        if resource is None and address:
            resource = self._other(urljoin(base, address))
        if resource is None:
            raise LookupError(f"it refers to {ref!r}, which is not part of this schema")
        if fragment and not fragment.startswith("/"):
            anchor = self._anchors.get((resource.base, fragment))
            if anchor is None:
                raise LookupError(f"it refers to {ref!r}, but there is no such anchor")
            return self._define(anchor)
        return self._define(self._descend(resource, fragment, ref))

    def _other(self, address: str) -> _Place | None:
        """The root of another schema."""
        if address not in self._others:
            found = self._retrieve(address)
            self._others[address] = found  # kept, since places are told apart by identity
            if isinstance(found, Mapping):
                try:
                    self._draft = draft_of(found)
                except SchemaError:
                    return None
                self._index(found, address, "")
                self._resources[address] = self._places[id(found)]
                self._draft = self._main
        return self._resources.get(address)

    def _descend(self, place: _Place, pointer: str, ref: str) -> _Place:
        here, base = place.schema, place.base
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            try:
                here = here[int(key)] if isinstance(here, list) else here[key]
            except (LookupError, ValueError, TypeError):
                raise LookupError(f"it refers to {ref!r}, but there is nothing there") from None
            if known := self._places.get(id(here)):
                base = known.base
        if not isinstance(here, Mapping | bool):
            raise LookupError(f"it refers to {ref!r}, which is not a schema")
        return _Place(here, base, place.pointer + pointer)

    def _define(self, place: _Place) -> str:
        if place.schema is self._raw:
            return "#"
        identity = id(place.schema) if isinstance(place.schema, Mapping) else place.pointer
        name = self._def_names.get(identity)
        if name is None:
            stem = re.sub(r"[^A-Za-z0-9_-]+", "-", place.pointer.rpartition("/")[2]) or "part"
            name = stem if stem not in self._defs else f"{stem}-{len(self._def_names)}"
            while name in self._defs:
                name += "-"
            self._def_names[identity] = name
            self._defs[name] = True
            self._pending.append((name, place))
        return _DEFS + name


def _subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    for keyword, value in schema.items():
        if keyword not in _HOLDING:
            continue
        if keyword in SUBSCHEMA_MAP and isinstance(value, Mapping):
            for key, child in value.items():
                if isinstance(child, Mapping) and not child.keys().isdisjoint(_TOUCHED):
                    yield child, f"{keyword}/{key}"
        elif keyword in SUBSCHEMAS and isinstance(value, list):
            for i, child in enumerate(value):
                yield child, f"{keyword}/{i}"
        elif keyword in SUBSCHEMA:
            yield value, keyword
