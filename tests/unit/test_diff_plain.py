"""The short way to read an option says what the long one says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.diff.plain import asked_of
from forms.diff.reader import Reader
from forms.schema.load import load_schema

numbers = st.integers(-3, 9) | st.sampled_from([0.5, 2.0])
lengths = st.integers(0, 9)
plain = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "number", "integer", "boolean"])},
    optional={
        "minimum": numbers,
        "exclusiveMinimum": numbers,
        "maximum": numbers,
        "exclusiveMaximum": numbers,
        "multipleOf": st.sampled_from([1, 2, 0.5, 1.0]),
        "minLength": lengths,
        "maxLength": lengths,
        "pattern": st.sampled_from(["^a", "b$"]),
        "format": st.sampled_from(["uri", "x"]),
        "title": st.text(max_size=3),
        "default": st.integers() | st.text(max_size=2) | st.none(),
        "deprecated": st.booleans(),
        "x-secret": st.booleans(),
    },
)


@given(plain)
def test_both_ways_give_the_same(schema: dict[str, Any]) -> None:
    document = load_schema(schema)
    reader = Reader(document)
    short, long = reader.meaning(document.root), Reader(document).read(document.root)
    assert short.plain
    assert short.alternatives == long.alternatives
    assert (short.words, short.rules, short.conditions) == (long.words, long.rules, long.conditions)


@pytest.mark.parametrize(
    "more",
    [
        {"enum": ["a"]},
        {"type": ["string", "null"]},
        {"not": {"const": "a"}},
        {"$ref": "#/$defs/x"},
        {"allOf": [{"minLength": 1}]},
        {"minLength": True},
    ],
)
def test_whatever_says_more_is_read_the_long_way(more: dict[str, Any]) -> None:
    assert asked_of({"type": "string", **more}) is None
