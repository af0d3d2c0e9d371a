"""Random schemas, other ways to write the same, and single changes with what they mean."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from forms.schema.drafts import SUBSCHEMA, SUBSCHEMA_MAP, SUBSCHEMAS

Schema = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

KEYS = ("a", "b", "c", "d")

_LEAVES = st.one_of(
    st.builds(
        lambda least, more: {"type": "integer", "minimum": least, "maximum": least + more},
        st.integers(-5, 5),
        st.integers(2, 9),
    ),
    st.builds(
        lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
        st.integers(1, 3),
        st.integers(2, 4),
    ),
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "pattern": "^a"},
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "number", "exclusiveMaximum": 2.5, "minimum": -1},
            {"type": "boolean", "default": True},
            {"type": ["string", "null"], "default": None},
            {"type": ["integer", "string"], "minimum": 1, "minLength": 1},
            {"enum": ["x", "y", "z"], "default": "x"},
            {"enum": [1, 2, "three"]},
            {"const": 7},
            {"type": "integer", "multipleOf": 4, "deprecated": True},
        ]
    ),
).map(copy.deepcopy)


def _section(options: Schema, required: int, closed: bool) -> Schema:
    schema: Schema = {"type": "object", "properties": options}
    if required:
        schema["required"] = sorted(options)[:required]
    if closed:
        schema["additionalProperties"] = False
    return schema


def _told_apart(one: Schema, other: Schema) -> Schema:
    return {
        "oneOf": [
            _section({"kind": {"const": "one"}, "p": one}, 2, True),
            _section({"kind": {"const": "two"}, "q": other}, 2, True),
        ]
    }


def _sections(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.builds(
        _section,
        st.dictionaries(st.sampled_from(KEYS), inner, min_size=1, max_size=3),
        st.integers(0, 1),
        st.booleans(),
    )


_OPTIONS: st.SearchStrategy[Schema] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        _sections(inner),
        inner.map(lambda one: {"type": "object", "additionalProperties": one}),
        inner.map(lambda one: {"type": "array", "items": one}),
        st.builds(_told_apart, inner, inner),
    ),
    max_leaves=4,
)
SCHEMAS: st.SearchStrategy[Schema] = _sections(_OPTIONS)


OVERLAPPING: st.SearchStrategy[list[Schema]] = st.lists(
    _LEAVES | st.sampled_from([{}, {"pattern": "^a"}, {"not": {"type": "null"}}]),
    min_size=1,
    max_size=3,
)
"""Branches that may fit the same value, which those of `SCHEMAS` never do."""


def places(schema: Schema) -> Iterator[Schema]:
    """All schema objects of one of these schemas, itself first."""
    yield schema
    for child in schema.get("properties", {}).values():
        yield from places(child)
    for keyword in ("additionalProperties", "items"):
        if isinstance(schema.get(keyword), dict):
            yield from places(schema[keyword])
    for keyword in ("oneOf", "anyOf", "allOf"):
        for child in filter(None, schema.get(keyword, ())):
            yield from places(child)


def commented(schema: Any) -> Any:
    """The same with a comment in every schema object, so that none is written as it was."""
    if not isinstance(schema, dict):
        return schema
    schema = {**schema, "$comment": "something else"}
    for keyword, held in schema.items():
        if keyword in SUBSCHEMA_MAP:
            schema[keyword] = {name: commented(child) for name, child in held.items()}
        elif keyword in SUBSCHEMAS and isinstance(held, list):
            schema[keyword] = [commented(child) for child in held]
        elif keyword in SUBSCHEMA:
            schema[keyword] = commented(held)
    return schema


def rewritten(draw: Draw, schema: Schema) -> Schema:
    """The same in other notation."""
    schema = copy.deepcopy(schema)
    defs: Schema = {}
    for place in list(places(schema)):
        rewriter = draw(st.sampled_from(REWRITERS))
        rewriter(place, defs)
    if draw(st.booleans()):
        _reverse(schema)
    if defs:
        schema["$defs"] = defs
        if draw(st.booleans()):
            schema = _older(schema)
    return schema


def _into_defs(place: Schema, defs: Schema) -> None:
    name = f"part{len(defs)}"
    defs[name] = dict(place)
    place.clear()
    place["$ref"] = f"#/$defs/{name}"


def _into_all_of(place: Schema, defs: Schema) -> None:
    """Words of values apart from those of sections, which belong together."""
    together = {"properties", "additionalProperties", "oneOf", "anyOf", "allOf", "$ref"}
    parts = [{key: value} for key, value in place.items() if key not in together]
    parts.append({key: value for key, value in place.items() if key in together})
    place.clear()
    place["allOf"] = parts


def _types_apart(place: Schema, defs: Schema) -> None:
    types = place.get("type")
    if isinstance(types, list):
        del place["type"]
        place["anyOf"] = [{"type": one} for one in types]


def _values_apart(place: Schema, defs: Schema) -> None:
    if "enum" in place:
        place["oneOf"] = [{"const": value} for value in reversed(place.pop("enum"))]
    elif "const" in place:
        place["enum"] = [place.pop("const")]


def _whole_bounds(place: Schema, defs: Schema) -> None:
    if place.get("type") == "integer" and "minimum" in place:
        place["exclusiveMinimum"] = place.pop("minimum") - 1


def _idle_words(place: Schema, defs: Schema) -> None:
    place.setdefault("minItems", 0)
    place.setdefault("description", "something else")
    place.setdefault("$comment", "nothing")


def _nested_choice(place: Schema, defs: Schema) -> None:
    words = dict(place)
    place.clear()
    place["anyOf"] = [{"oneOf": [words, False]}]


def _any_of_told_apart(place: Schema, defs: Schema) -> None:
    if "oneOf" in place and "anyOf" not in place:
        place["anyOf"] = list(reversed(place.pop("oneOf")))


REWRITERS: tuple[Callable[[Schema, Schema], None], ...] = (
    lambda place, defs: None,
    _into_defs,
    _into_all_of,
    _types_apart,
    _values_apart,
    _whole_bounds,
    _idle_words,
    _nested_choice,
    _any_of_told_apart,
)


def _reverse(schema: Schema) -> None:
    for place in list(places(schema)):
        words = dict(reversed(list(place.items())))
        if "properties" in words:
            words["properties"] = dict(reversed(list(words["properties"].items())))
        place.clear()
        place.update(words)


def _older(schema: Schema) -> Schema:
    """`definitions` for `$defs`."""
    if isinstance(schema, dict):
        return {
            {"$defs": "definitions"}.get(key, key): (
                value.replace("#/$defs/", "#/definitions/") if key == "$ref" else _older(value)
            )
            for key, value in schema.items()
        }
    return [_older(one) for one in schema] if isinstance(schema, list) else schema


Mutation = tuple[str, Callable[[Schema], bool]]
"""What is said afterwards, and what changes a place; False where it does not apply."""


def _bound(keyword: str, by: int) -> Callable[[Schema], bool]:
    def change(place: Schema) -> bool:
        if keyword not in place:
            return False
        place[keyword] += by
        return True

    return change


def _set(keyword: str, value: Any) -> Callable[[Schema], bool]:
    def change(place: Schema) -> bool:
        if keyword in place or "$ref" in place:
            return False
        place[keyword] = value
        return True

    return change


def _other_default(place: Schema) -> bool:
    if "default" not in place:
        return False
    place["default"] = "other"
    return True


def _one_value_less(place: Schema) -> bool:
    return len(place.get("enum", ())) > 1 and bool(place["enum"].pop())


def _one_value_more(place: Schema) -> bool:
    if "enum" not in place:
        return False
    place["enum"].append("further")
    return True


def _option_gone(place: Schema) -> bool:
    options = place.get("properties", {})
    key = next((key for key in sorted(options) if key not in place.get("required", ())), None)
    if key is None:
        return False
    del options[key]
    return True


def _option_more(place: Schema) -> bool:
    if "properties" not in place:
        return False
    place["properties"]["further"] = {"type": "string"}
    return True


def _nothing_required(place: Schema) -> bool:
    required = place.get("required", ())
    if len(required) != 1:
        return False
    del place["required"]
    return True


def _another_type(place: Schema) -> bool:
    if place.get("type") not in ("integer", "string"):
        return False
    place["type"] = "boolean"
    return True


MUTATIONS: tuple[Mutation, ...] = (
    ("tightened", _bound("minLength", 1)),
    ("loosened", _bound("minLength", -1)),
    ("tightened", _bound("maximum", -1)),
    ("loosened", _bound("maximum", 1)),
    ("tightened", _bound("exclusiveMinimum", 1)),
    ("loosened", _bound("exclusiveMaximum", 1)),
    ("deprecated", _set("deprecated", True)),
    ("default changed", _other_default),
    ("value dropped", _one_value_less),
    ("value added", _one_value_more),
    ("removed", _option_gone),
    ("added", _option_more),
    ("no longer required", _nothing_required),
    ("retyped", _another_type),
)


def changed_once(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Every single change of a schema, after what is said of it."""
    for said, mutate in MUTATIONS:
        for i in range(len(list(places(schema)))):
            changed = copy.deepcopy(schema)
            if mutate(list(places(changed))[i]):
                yield said, changed
