"""Schemas at large: every keyword that decides what is valid, one change of one, and values."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from forms.schema.drafts import SUBSCHEMA, SUBSCHEMA_MAP, SUBSCHEMAS
from tests.unit.diff_strategies import Draw, Schema

_KEYS = st.sampled_from(["a", "b", "c"])
_SMALL = st.integers(0, 3)
_ATOMS: tuple[Any, ...] = (
    *("", "a", "bb", "abb", "bbbb", "new", True, False, None),
    *(0, 1, 2, 3, -1, -3, 4, 6, 12, 1.5, 0.5, 1.0),
)
_LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.booleans(),
    st.builds(lambda n: {"type": "string", "minLength": n}, _SMALL),
    st.builds(lambda n: {"type": "string", "maxLength": n}, _SMALL),
    st.builds(lambda n: {"type": "integer", "minimum": n}, st.integers(-2, 2)),
    st.builds(lambda n: {"type": "number", "exclusiveMaximum": n}, st.integers(-2, 3)),
    st.builds(lambda n: {"type": "number", "multipleOf": n}, st.sampled_from([1, 2, 3, 4, 0.5])),
    st.lists(st.sampled_from([*_ATOMS, [], {}]), min_size=1, max_size=3, unique_by=repr).map(
        lambda values: {"enum": values}
    ),
    st.sampled_from(_ATOMS).map(lambda value: {"const": value}),
    st.lists(
        st.sampled_from(["string", "integer", "null", "boolean", "number", "array", "object"]),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(lambda types: {"type": types}),
    st.sampled_from(["^a", "b$"]).map(lambda pattern: {"pattern": pattern}),
    st.just({"$ref": "#/$defs/part"}),
)


def _sections(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(_KEYS, inner, max_size=3)},
        optional={
            "required": st.lists(_KEYS, min_size=1, max_size=2, unique=True),
            "additionalProperties": _LEAVES,
            "unevaluatedProperties": _LEAVES,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), _LEAVES, max_size=2),
            "propertyNames": st.builds(lambda n: {"maxLength": n}, _SMALL),
            "minProperties": _SMALL,
            "maxProperties": _SMALL,
            "dependentRequired": st.dictionaries(
                _KEYS, st.lists(_KEYS, min_size=1, max_size=1), max_size=1
            ),
            "dependentSchemas": st.dictionaries(_KEYS, inner, max_size=1),
        },
    )


def _lists(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": _SMALL,
            "maxItems": _SMALL,
            "uniqueItems": st.booleans(),
            "contains": _LEAVES,
            "unevaluatedItems": _LEAVES,
        },
    )


def _combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        *(
            several.map(lambda parts, word=word: {word: parts})
            for word in ("allOf", "anyOf", "oneOf")
        ),
        _LEAVES.map(lambda one: {"not": one}),
        st.builds(
            lambda when, then, other: {"if": when, "then": then, "else": other}, inner, inner, inner
        ),
    )


_PARTS: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(_sections(inner), _lists(inner), _combined(inner)),
    max_leaves=6,
)
GENERAL: st.SearchStrategy[Schema] = st.builds(
    lambda one, part: {"allOf": [one], "$defs": {"part": part}},
    _PARTS,
    st.one_of(_sections(_LEAVES), _lists(_LEAVES), _LEAVES),
)


def changed(draw: Draw, schema: Schema) -> Schema:
    """The same but for one keyword somewhere: it says something else, or is gone."""
    schema = copy.deepcopy(schema)
    place = draw(
        st.sampled_from([one for one in _objects(schema) if one.keys() - {"$defs", "$ref"}])
    )
    keyword = draw(st.sampled_from(sorted(place.keys() - {"$defs", "$ref"})))
    if draw(st.booleans()) and keyword != "if":
        del place[keyword]
        return schema
    said = place[keyword]
    if keyword in SUBSCHEMA:
        place[keyword] = draw(_PARTS)
    elif keyword in SUBSCHEMA_MAP:
        place[keyword] = {**said, draw(_KEYS): draw(_LEAVES)}
    elif keyword in SUBSCHEMAS:
        place[keyword] = [*said[draw(st.integers(0, 1)) :], draw(_LEAVES)] if said else said
    elif keyword == "enum":
        place[keyword] = [*said[1:], "new"]
    elif isinstance(said, bool):
        place[keyword] = not said
    elif isinstance(said, int | float) and keyword != "const":
        moved = said + draw(st.sampled_from([-1, 1]))
        place[keyword] = max(moved, 1) if keyword == "multipleOf" else _natural(keyword, moved)
    elif keyword == "type":
        place[keyword] = draw(st.sampled_from(["string", "integer", "number", "object", "array"]))
    return schema


def _natural(keyword: str, said: Any) -> Any:
    """A bound of a length or number of things is not below 0."""
    return said if keyword in ("minimum", "exclusiveMaximum") else max(said, 0)


def _objects(schema: Any) -> Iterator[Schema]:
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, held in schema.items():
        if keyword in SUBSCHEMA_MAP:
            for child in held.values():
                yield from _objects(child)
        elif keyword in SUBSCHEMAS and isinstance(held, list):
            for child in held:
                yield from _objects(child)
        elif keyword in SUBSCHEMA:
            yield from _objects(held)


def _values(count: int) -> Iterator[Any]:
    chance = random.Random(7)

    def value(depth: int) -> Any:
        if not depth or chance.random() < 0.35:
            return chance.choice(_ATOMS)
        if chance.random() < 0.65:
            keys = chance.sample(["a", "b", "c", "ab"], chance.randint(0, 3))
            return {key: value(depth - 1) for key in keys}
        return [value(depth - 1) for _ in range(chance.randint(0, 3))]

    yield from _ATOMS
    for _ in range(count):
        yield value(3)


INSTANCES: tuple[Any, ...] = tuple(_values(120))
