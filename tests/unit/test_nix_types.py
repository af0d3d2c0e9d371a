"""Type descriptions of NixOS options become schemas that keep bounds and patterns."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.nix.types import read_type

DATA = Path(__file__).parents[3] / "shared" / "data" / "option-identity" / "dev-wide.jsonl.gz"


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("boolean", {"type": "boolean"}),
        (
            "16 bit unsigned integer; between 0 and 65535 (both inclusive)",
            {"type": "integer", "minimum": 0, "maximum": 65535},
        ),
        ("8 bit signed integer", {"type": "integer", "minimum": -128, "maximum": 127}),
        (
            "integer between 1 and 9 (both inclusive)",
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        (
            "null or positive integer, meaning >0, or string",
            {
                "anyOf": [
                    {"type": "null"},
                    {"type": "integer", "exclusiveMinimum": 0},
                    {"type": "string"},
                ]
            },
        ),
        ('one of "a or b", "c, d", 1, true, <null>', {"enum": ["a or b", "c, d", 1, True, None]}),
        ('value "a" (singular enum)', {"enum": ["a"]}),
        (
            "attribute set of list of (null or string)",
            {
                "type": "object",
                "additionalProperties": {
                    "type": "array",
                    "items": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                },
            },
        ),
        (
            "non-empty (list of strings)",
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
        (
            'strings concatenated with "\\n"',
            {"type": "string", "x-nix-separator": "\n"},
        ),
        (
            "null or (string matching the pattern (a|b) or c)",
            {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^(?:(a|b) or c)$"}]},
        ),
        (
            "string matching the pattern [[:alpha:]_]+",
            {"type": "string", "pattern": "^(?:[a-zA-Z_]+)$"},
        ),
        ("string matching the pattern [a-z]+", {"type": "string", "pattern": "^(?:[a-z]+)$"}),
        (
            "string or signed integer convertible to it",
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        ),
    ],
)
def test_a_description_becomes_its_schema(text: str, schema: dict[str, Any]) -> None:
    read = read_type(text)
    assert read.schema == schema
    assert not read.notes


def test_what_is_not_understood_is_a_free_value_with_a_note() -> None:
    read = read_type("null or package")
    assert read.schema["anyOf"][1] == {"x-nix-note": "not a JSON value: package"}
    assert read_type("a wholly new kind").notes == ("type not understood: a wholly new kind",)


@given(st.text(max_size=60) | st.text('() or,list f"', max_size=40))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(read_type(text).schema, dict)


@pytest.mark.skipif(
    not DATA.exists(), reason="the option-identity data is not beside the repository"
)
def test_the_types_of_real_listings_are_read() -> None:
    texts = set(_type_texts())
    typed = [text for text in texts if not _not_understood(text)]
    # What remains is cut off in the data, or is an application's own wording ("XML value").
    assert len(typed) >= 0.83 * len(texts)


def _not_understood(text: str) -> bool:
    return any(note.startswith("type not understood") for note in read_type(text).notes)


def _type_texts() -> Iterator[str]:
    with gzip.open(DATA, "rt") as lines:
        for line in lines:
            case = json.loads(line)
            if case["source"] in ("home-manager", "nixvim", "nvf", "nix-darwin"):
                for option in [*case["old"], *case["new"]]:
                    if option.get("type_text"):
                        yield option["type_text"]
