"""Schemas of every draft mean the same to a form as to their authors."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from forms.formats import is_format
from forms.schema.error import SchemaError
from forms.schema.known import known_schema
from forms.schema.load import load_schema
from forms.schema.regex import to_python
from forms.schema.validator import Validator

SUITE = json.loads(
    gzip.decompress((Path(__file__).parent / "json_schema_test_suite/suite.json.gz").read_bytes())
)
URIS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
MAY_BE_REFUSED = {
    "definitions",
    "defs",
    "dynamicRef",
    "recursiveRef",
    "ref",
    "refRemote",
    "unevaluatedItems",
    "unevaluatedProperties",
}
"""Files with schemas that refer to other documents or by `$dynamicRef`."""
NOT_OURS = {"format", "vocabulary"}
"""We check formats always, and know no vocabularies but the standard ones."""


@pytest.mark.parametrize(
    ("draft", "name"),
    [(draft, name) for draft, files in SUITE.items() for name in files if name not in NOT_OURS],
)
def test_normalised_schema_gives_the_verdicts_of_the_official_suite(draft: str, name: str) -> None:
    for case in SUITE[draft][name]:
        schema = case["schema"]
        if isinstance(schema, dict):
            schema = {"$schema": URIS[draft], **schema}
        document = load_schema(schema, known_schema)
        if document.refusals:
            assert name in MAY_BE_REFUSED, document.refusals
            continue
        validator = Validator(document, assume_defaults=False)
        for test in case["tests"]:
            valid = validator.is_valid(document.root, test["data"])
            assert valid == test["valid"], (case["description"], test["description"])


def test_no_more_of_the_suite_is_refused_than_must_be() -> None:
    refused = [
        (draft, name, case["description"])
        for draft, files in SUITE.items()
        for name, cases in files.items()
        for case in cases
        if isinstance(case["schema"], dict)
        and load_schema({"$schema": URIS[draft], **case["schema"]}, known_schema).refusals
    ]
    assert len([entry for entry in refused if entry[1] not in ("dynamicRef", "refRemote")]) <= 13


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"properties": {"a": {"$ref": "https://example.org/x.json"}}}, "not part of this schema"),
        ({"items": {"$dynamicRef": "#node"}}, "$dynamicRef"),
        ({"$ref": "#/$defs/nowhere"}, "nothing there"),
        ({"$ref": "#nowhere"}, "no such anchor"),
        ({"pattern": "["}, "pattern"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_place(
    schema: dict[str, Any], said: str
) -> None:
    (refusal,) = load_schema(schema).refusals
    assert said in refusal.message
    assert refusal.pointer.startswith("/")


def test_schemas_that_are_given_are_followed_each_in_its_own_draft() -> None:
    given = {
        "https://example.org/s/other.json": {
            "$schema": URIS["draft4"],
            "definitions": {
                "p": {"allOf": [{"$ref": "#/definitions/q"}], "type": "integer"},
                "q": {"maximum": 5, "exclusiveMaximum": True},
            },
        }
    }
    schema = {
        "$schema": URIS["draft2020-12"],
        "$id": "https://example.org/s/main.json",
        "properties": {
            "a": {"$ref": "other.json#/definitions/p"},
            "b": {"$ref": "missing.json"},
            "c": {"dependencies": {"x": ["y"]}},
        },
    }
    document = load_schema(schema, given.get)
    assert [refusal.message for refusal in document.refusals] == [
        "it refers to 'missing.json', which is not part of this schema"
    ]
    validator = Validator(document)
    assert validator.is_valid(document.root, {"a": 4, "c": {"x": 1}})
    assert not validator.is_valid(document.root, {"a": 5})


def test_draft_3_and_what_is_no_schema_are_refused() -> None:
    with pytest.raises(SchemaError, match="draft 4 is needed"):
        load_schema({"$schema": "http://json-schema.org/draft-03/schema#"})
    with pytest.raises(SchemaError):
        load_schema([])  # type: ignore[arg-type]


def test_schema_is_not_changed_by_loading() -> None:
    schema = {
        "id": "http://example.org/a",
        "$schema": URIS["draft4"],
        "properties": {"a": {"minimum": 1, "exclusiveMinimum": True}, "b": {"$ref": "#/x/y"}},
        "x": {"y": {"items": [{"type": "string"}], "additionalItems": False}},
    }
    before = json.dumps(schema)
    document = load_schema(schema)
    assert json.dumps(schema) == before
    assert isinstance(document.root, dict)
    assert document.root["properties"]["a"] == {"exclusiveMinimum": 1}
    assert document.root["$defs"]["y"] == {"prefixItems": [{"type": "string"}], "items": False}


def test_schema_that_says_no_draft_is_understood_in_old_spellings_too() -> None:
    document = load_schema(
        {
            "properties": {"a": {"minimum": 1, "exclusiveMinimum": True}},
            "dependencies": {"a": ["b"]},
        }
    )
    validator = Validator(document)
    assert not validator.is_valid(document.root, {"a": 1, "b": 1})
    assert not validator.is_valid(document.root, {"a": 2})
    assert validator.is_valid(document.root, {"a": 2, "b": 1})


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^[a-z]+$", "abc", True),
        ("^[a-z]+$", "abc\n", False),
        (r"^\d+$", "١٢", False),
        (r"^\w+$", "é", False),
        (r"^[\w.-]+$", "a_b-c.d", True),
        (r"^[$]$", "$", True),
        (r"^\$$", "$", True),
        (r"(?<year>\d{4})", "in 2026", True),
        (r"^\cA$", "\x01", True),
    ],
)
def test_patterns_mean_what_javascript_says(pattern: str, text: str, matches: bool) -> None:
    document = load_schema({"type": "string", "pattern": pattern})
    assert Validator(document).is_valid(document.root, text) is matches


def test_pattern_that_python_has_no_word_for_says_so() -> None:
    with pytest.raises(ValueError, match="cannot be used here"):
        to_python(r"^\p{L}+$")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2024-02-29", "2023-02-29"),
        ("date", "2024-02-29", "20240229"),
        ("time", "23:59:60Z", "23:58:60Z"),
        ("date-time", "1990-12-31T15:59:60-08:00", "1990-12-31 15:59:59Z"),
        ("duration", "P4DT12H30M5S", "P1Y2D"),
        ("email", "anna@example.org", "anna@"),
        ("email", "anna@[192.0.2.1]", ".anna@example.org"),
        ("hostname", "mail.example.org", "-mail.example.org"),
        ("hostname", "xn--4gbwdl.xn--wgbh1c", "a" * 64),
        ("ipv4", "192.0.2.10", "192.0.2.010"),
        ("ipv6", "2001:db8::10", "fe80::1%eth0"),
        ("uri", "https://example.org/a?b#c", "/a"),
        ("uri", "mailto:anna@example.org", "https://example.org/a b"),
        ("uri-reference", "/a", "\\\\host\\share"),
        ("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08aa9811eab4aa73b441d16380"),
        ("json-pointer", "/a~1b/0", "/a~2"),
        ("regex", "^a+$", "^a(+"),
    ],
)
def test_formats(name: str, good: str, bad: str) -> None:
    assert is_format(name, good)
    assert not is_format(name, bad)
    assert not is_format(name, bad + "\n")


def test_unknown_format_accepts_everything() -> None:
    assert is_format("colour-of-the-sky", "\x00")
