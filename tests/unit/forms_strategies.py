"""Random schemas and documents, as wild as real ones, for the property tests of forms."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

KEYS = st.sampled_from(["a", "b", "c", "name", "port", "x.y", "", "ü", "0"])
TEXTS = st.one_of(
    st.sampled_from(["", "a", "yes", "5", "null", "a, b", '"q"', "- x", "#", "1h", "\n", "{}"]),
    st.text(max_size=8),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)

_ANNOTATIONS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text(max_size=5),
        "description": st.text(max_size=10),
        "x-group": st.sampled_from(["one", "two"]),
        "x-advanced": st.booleans(),
        "x-order": st.integers(-3, 3),
        "x-secret": st.booleans(),
        "x-unit": st.sampled_from(["s", "MiB", "turns"]),
        "deprecated": st.booleans(),
        "readOnly": st.just(False),
        "default": VALUES,
    },
)

_LEAVES = st.sampled_from(
    [
        True,
        {},
        {"type": "string"},
        {"type": "string", "minLength": 2, "pattern": "^a"},
        {"type": "integer", "minimum": 1},
        {"type": "number", "multipleOf": 0.5},
        {"type": "boolean"},
        {"type": ["string", "null"]},
        {"type": ["integer", "string", "boolean"]},
        {"type": ["string", "object"]},
        {"enum": ["a", "b", 1, None]},
        {"enum": [["a"], {"a": 1}]},
        {"const": "a"},
        {"type": "null"},
        {"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]},
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"type": "array"},
        {"$ref": "#"},
        {"$ref": "#/$defs/node"},
        {"$ref": "https://example.org/elsewhere"},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
    ]
)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(KEYS, inner, max_size=4)
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": properties},
            optional={
                "additionalProperties": st.one_of(st.booleans(), inner),
                "patternProperties": st.fixed_dictionaries({"^a": inner}),
                "required": st.lists(KEYS, max_size=2, unique=True),
                "dependentRequired": st.just({"a": ["b"]}),
                "dependentSchemas": st.fixed_dictionaries({"a": inner}),
                "if": st.just({"required": ["a"], "properties": {"a": {"type": "string"}}}),
                "then": inner,
                "else": inner,
                "oneOf": st.lists(inner, min_size=2, max_size=3),
            },
        ),
        st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries(
            {"type": st.just("array"), "prefixItems": st.lists(inner, min_size=1, max_size=2)},
            optional={"items": st.just(False)},
        ),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=2)}),
    )


def _annotated(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda schema, words: {**schema, **words} if isinstance(schema, dict) else schema,
        schemas,
        _ANNOTATIONS,
    )


_PARTS: st.SearchStrategy[Any] = st.recursive(
    _annotated(_LEAVES), lambda inner: _annotated(_objects(inner)), max_leaves=8
)

SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda properties, node, extra: {
        "type": "object",
        "properties": properties,
        "$defs": {"node": node},
        **extra,
    },
    st.dictionaries(KEYS, _PARTS, min_size=1, max_size=5),
    _PARTS,
    st.fixed_dictionaries({}, optional={"required": st.lists(KEYS, max_size=2, unique=True)}),
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)
