"""Small pairs of schemas, and what is said of each."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from forms.diff import Comparison, Difference, Guess, Kind, Severity, compare, likely
from forms.paths import Path, path_text
from forms.schema.error import SchemaError
from forms.values import ABSENT


def section(**options: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": options}


TEXT, WHOLE, NUMBER, SWITCH = (
    {"type": name} for name in ("string", "integer", "number", "boolean")
)


def said(comparison: Comparison) -> list[str]:
    return sorted(map(_said, comparison))


def _said(one: Difference) -> str:
    old = "" if one.old_path is None else path_text(one.old_path)
    new = "" if one.new_path is None else path_text(one.new_path)
    path = old if old == new else f"{old} > {new}".strip()
    return " ".join(filter(None, [path or ".", one.kind.value, one.keyword]))


PAIRS = {
    "added": (section(), section(a=TEXT), ["> a added"]),
    "removed": (section(a=TEXT), section(), ["a > removed"]),
    "section added, counted once": (section(), section(a=section(b=TEXT)), ["> a added"]),
    "renamed by mark": (
        section(a=TEXT),
        section(b={**TEXT, "x-renamed-from": "a"}),
        ["a > b renamed"],
    ),
    "renamed and retyped": (
        section(a=WHOLE),
        section(b={**TEXT, "x-renamed-from": "a"}),
        ["a > b renamed", "a > b retyped"],
    ),
    "renamed section carries what lies in it": (
        section(a=section(x=TEXT, y=WHOLE)),
        section(b={**section(x=TEXT, y=NUMBER), "x-renamed-from": "a"}),
        ["a > b renamed", "a.y > b.y retyped"],
    ),
    "old mark of a rename long done": (
        section(b={**TEXT, "x-renamed-from": "a"}),
        section(b={**TEXT, "x-renamed-from": "a"}),
        [],
    ),
    "moved by whole path": (
        section(s=section(a=TEXT, k=TEXT), t=section(m=TEXT)),
        section(s=section(k=TEXT), t=section(m=TEXT, b={**TEXT, "x-renamed-from": "s.a"})),
        ["s.a > t.b moved"],
    ),
    "moved by identity mark": (
        section(a={**TEXT, "x-id": "one"}),
        section(s=section(b={**TEXT, "x-id": "one"})),
        ["a > s.b moved"],
    ),
    "split": (
        section(a=TEXT),
        section(b={**TEXT, "x-renamed-from": "a"}, c={**TEXT, "x-renamed-from": "a"}),
        ["a > b split"],
    ),
    "merged": (
        section(a=TEXT, b=TEXT),
        section(c={**TEXT, "x-renamed-from": ["a", "b"]}),
        ["a > c merged", "b > c merged"],
    ),
    "retyped": (section(a=TEXT), section(a=WHOLE), ["a retyped"]),
    "whole to any number": (section(a=WHOLE), section(a=NUMBER), ["a retyped"]),
    "may be nothing": (section(a=TEXT), section(a={"type": ["string", "null"]}), ["a retyped"]),
    "section to text": (section(a=section(b=TEXT)), section(a=TEXT), ["a retyped"]),
    "default changed": (
        section(a={**WHOLE, "default": 1}),
        section(a={**WHOLE, "default": 2}),
        ["a default changed"],
    ),
    "default gone": (section(a={**WHOLE, "default": 1}), section(a=WHOLE), ["a default changed"]),
    "default of another type": (
        section(a={"default": 1}),
        section(a={"default": True}),
        ["a default changed"],
    ),
    "default 1 is 1.0": (section(a={"default": 1}), section(a={"default": 1.0}), []),
    "bound tightened": (
        section(a={**WHOLE, "maximum": 9}),
        section(a={**WHOLE, "maximum": 8}),
        ["a tightened maximum"],
    ),
    "bound loosened": (
        section(a={**TEXT, "minLength": 2}),
        section(a=TEXT),
        ["a loosened minLength"],
    ),
    "bound now exclusive": (
        section(a={**NUMBER, "minimum": 0}),
        section(a={**NUMBER, "exclusiveMinimum": 0}),
        ["a tightened exclusiveMinimum"],
    ),
    "step": (
        section(a={**WHOLE, "multipleOf": 2}),
        section(a={**WHOLE, "multipleOf": 3}),
        ["a rule changed multipleOf"],
    ),
    "step finer": (
        section(a={**WHOLE, "multipleOf": 4}),
        section(a={**WHOLE, "multipleOf": 2}),
        ["a loosened multipleOf"],
    ),
    "pattern new": (
        section(a=TEXT),
        section(a={**TEXT, "pattern": "^a"}),
        ["a tightened pattern"],
    ),
    "pattern other": (
        section(a={**TEXT, "pattern": "^b"}),
        section(a={**TEXT, "pattern": "^a"}),
        ["a rule changed pattern"],
    ),
    "second pattern by allOf": (
        section(a={**TEXT, "pattern": "^b"}),
        section(a={**TEXT, "pattern": "^b", "allOf": [{"pattern": "a$"}]}),
        ["a tightened pattern"],
    ),
    "format": (section(a={**TEXT, "format": "uri"}), section(a=TEXT), ["a loosened format"]),
    "items unique": (
        section(a={"type": "array", "items": TEXT}),
        section(a={"type": "array", "items": TEXT, "uniqueItems": True}),
        ["a tightened uniqueItems"],
    ),
    "value added": (
        section(a={"enum": ["x", "y"]}),
        section(a={"enum": ["x", "y", "z"]}),
        ["a value added"],
    ),
    "value dropped": (
        section(a={"enum": ["x", "y"]}),
        section(a={"enum": ["x"]}),
        ["a value dropped"],
    ),
    "value renamed in spelling": (
        section(a={"enum": ["TLS_1", "b"]}),
        section(a={"enum": ["tls1", "b"]}),
        ["a value renamed"],
    ),
    "value renamed by title": (
        section(a={"oneOf": [{"const": 1, "title": "On"}, {"const": 2, "title": "Off"}]}),
        section(a={"oneOf": [{"const": 1, "title": "On"}, {"const": 0, "title": "Off"}]}),
        ["a value renamed"],
    ),
    "value renamed by mark": (
        section(a={"enum": ["x", "y"]}),
        section(a={"enum": ["x", "z"], "x-renamed-values": {"y": "z"}}),
        ["a value renamed"],
    ),
    "values listed": (section(a=TEXT), section(a={"enum": ["x"]}), ["a tightened enum"]),
    "values free": (section(a={"enum": ["x"]}), section(a=TEXT), ["a loosened enum"]),
    "switch always on": (
        section(a=SWITCH),
        section(a={"const": True}),
        ["a tightened enum"],
    ),
    "required": (section(a=TEXT), {**section(a=TEXT), "required": ["a"]}, ["a required"]),
    "no longer required": (
        {**section(a=TEXT), "required": ["a"]},
        section(a=TEXT),
        ["a no longer required"],
    ),
    "added and required": (section(), {**section(a=TEXT), "required": ["a"]}, ["> a added"]),
    "deprecated": (
        section(a=TEXT),
        section(a={**TEXT, "deprecated": True}),
        ["a deprecated"],
    ),
    "no longer deprecated": (
        section(a={**TEXT, "deprecated": True}),
        section(a=TEXT),
        ["a no longer deprecated"],
    ),
    "a secret now": (
        section(a=TEXT),
        section(a={**TEXT, "writeOnly": True}),
        ["a rule changed secret"],
    ),
    "section opened": (
        section(a=TEXT),
        {**section(a=TEXT), "additionalProperties": True},
        [". loosened additionalProperties"],
    ),
    "map entries": (
        {"type": "object", "additionalProperties": section(a=TEXT)},
        {"type": "object", "additionalProperties": section(a=WHOLE)},
        ["*.a retyped"],
    ),
    "list items": (
        section(a={"type": "array", "items": section(b=TEXT)}),
        section(a={"type": "array", "items": section(b=TEXT, c=TEXT)}),
        ["> a.*.c added"],
    ),
    "tuple items": (
        section(a={"type": "array", "prefixItems": [TEXT, WHOLE]}),
        section(a={"type": "array", "prefixItems": [TEXT, SWITCH]}),
        ["a[1] retyped"],
    ),
    "form of a section added": (
        section(a={"oneOf": [{**section(type={"const": "x"}, p=TEXT), "required": ["type"]}]}),
        section(
            a={
                "oneOf": [
                    {**section(type={"const": "x"}, p=TEXT), "required": ["type"]},
                    {**section(type={"const": "y"}, q=TEXT), "required": ["type"]},
                ]
            }
        ),
        ["> a.q added", "a loosened form"],
    ),
    "form of a section deprecated": (
        section(a={"anyOf": [TEXT, section(b=TEXT)]}),
        section(a={"anyOf": [{**TEXT, "deprecated": True}, section(b=TEXT)]}),
        ["a deprecated"],
    ),
    "form of a section changed": (
        section(
            a={
                "oneOf": [
                    section(type={"const": "x"}, p=TEXT),
                    section(type={"const": "y"}, q=TEXT),
                ]
            }
        ),
        section(
            a={
                "oneOf": [
                    section(type={"const": "y"}, q=WHOLE),
                    section(type={"const": "x"}, p=TEXT),
                ]
            }
        ),
        ["a.q retyped"],
    ),
    "overlapping form added": (
        section(a={"oneOf": [{}]}),
        section(a={"oneOf": [{}, WHOLE]}),
        ["a tightened exclusive"],
    ),
    "overlapping form tighter": (
        section(a={"oneOf": [{**WHOLE, "multipleOf": 4}, {**WHOLE, "minimum": 2}]}),
        section(a={"oneOf": [{**WHOLE, "multipleOf": 8}, {**WHOLE, "minimum": 2}]}),
        ["a rule changed exclusive", "a tightened multipleOf"],
    ),
    "overlapping form changed in itself only": (
        section(a={"oneOf": [section(p=TEXT), section(q={**TEXT, "default": "x"})]}),
        section(a={"oneOf": [section(p=TEXT), section(q={**TEXT, "default": "y"})]}),
        ["a.q default changed"],
    ),
    "one of several may fit, then any": (
        section(a={"oneOf": [{**WHOLE, "minimum": 2}, {**WHOLE, "maximum": 5}]}),
        section(a={"anyOf": [{**WHOLE, "minimum": 2}, {**WHOLE, "maximum": 5}]}),
        ["a loosened exclusive"],
    ),
    "overlapping forms in a form": (
        {"anyOf": [{"oneOf": [True]}, {"not": WHOLE}]},
        {"anyOf": [{"oneOf": [True, TEXT]}, {"not": WHOLE}]},
        [". tightened exclusive"],
    ),
    "key that another part of the schema forbids": (
        {"allOf": [section(a=TEXT), {"type": "object"}]},
        {"allOf": [section(a=TEXT), section()]},
        ["a > removed"],
    ),
    "position that another part of the schema bounds": (
        {"type": "array", "allOf": [{"prefixItems": [TEXT]}, {"items": {"minLength": 1}}]},
        {"type": "array", "allOf": [{"prefixItems": [TEXT]}, {"items": {"minLength": 2}}]},
        ["* tightened minLength", "[0] tightened minLength"],
    ),
    "not": (section(a=TEXT), section(a={**TEXT, "not": {"const": ""}}), ["a tightened not"]),
    "condition": (
        {**section(a=TEXT, b=TEXT), "if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {**section(a=TEXT, b=TEXT), "if": {"required": ["b"]}, "then": {"required": ["b"]}},
        [". rule changed if"],
    ),
    "effect of a condition": (
        {
            **section(a=TEXT, b=WHOLE),
            "if": {"required": ["a"]},
            "then": {"properties": {"b": {"maximum": 9}}},
        },
        {
            **section(a=TEXT, b=WHOLE),
            "if": {"required": ["a"]},
            "then": {"properties": {"b": {"maximum": 8}}},
        },
        ["b tightened maximum"],
    ),
    "set together": (
        section(a=TEXT, b=TEXT),
        {**section(a=TEXT, b=TEXT), "dependentRequired": {"a": ["b"]}},
        [". tightened together"],
    ),
    "one of two must be set": (
        section(a=TEXT, b=TEXT),
        {**section(a=TEXT, b=TEXT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        [". tightened anyOf"],
    ),
    "what cannot be read": (
        section(a={"$ref": "https://example.net/one"}),
        section(a={"$ref": "https://example.net/two"}),
        ["a rule changed x-refused"],
    ),
    "words only": (section(a=TEXT), section(a={**TEXT, "title": "A", "description": "b"}), []),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_of_schemas_differs_in_what_was_changed(name: str) -> None:
    old, new, expected = PAIRS[name]
    assert said(compare(old, new)) == expected


SAME = {
    "const": ({"enum": ["a"]}, {"const": "a"}),
    "titled constants": ({"enum": [1, 2]}, {"oneOf": [{"const": 1}, {"const": 2, "title": "b"}]}),
    "null in types": (
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "null"}, {"type": "string"}]},
    ),
    "types in branches": (
        {"type": ["string", "integer"], "minLength": 1, "minimum": 3},
        {"oneOf": [{"type": "integer", "minimum": 3}, {"type": "string", "minLength": 1}]},
    ),
    "forms that bounds keep apart": (
        {"oneOf": [{**WHOLE, "maximum": 1}, {**WHOLE, "minimum": 2}]},
        {"anyOf": [{**WHOLE, "maximum": 1}, {**WHOLE, "exclusiveMinimum": 1}]},
    ),
    "forms that a key keeps apart": (
        {"oneOf": [{**section(a=TEXT), "required": ["a"]}, section(b=TEXT)]},
        {"anyOf": [section(b=TEXT), {**section(a=TEXT), "required": ["a"]}]},
    ),
    "forms that overlap in another order": (
        {"oneOf": [{**WHOLE, "multipleOf": 2}, {**WHOLE, "minimum": 2}]},
        {"oneOf": [{**WHOLE, "minimum": 2}, {**WHOLE, "multipleOf": 2}, False]},
    ),
    "type of listed values": ({"enum": ["a", "b"]}, {"type": "string", "enum": ["b", "a"]}),
    "values that a bound forbids": ({"enum": [1, 2]}, {"enum": [1, 2, 3], "maximum": 2}),
    "switch": ({"type": "boolean"}, {"enum": [True, False]}),
    "exclusive bound of whole numbers": (
        {"type": "integer", "exclusiveMinimum": 0},
        {"type": "integer", "minimum": 1},
    ),
    "draft 4": (
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "number",
            "minimum": 0,
            "exclusiveMinimum": True,
        },
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "number",
            "exclusiveMinimum": 0,
        },
    ),
    "tuples of old": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "array",
            "items": [{"type": "string"}],
            "additionalItems": False,
        },
        {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
    ),
    "bounds that bound nothing": (
        {"type": "string"},
        {"type": "string", "minLength": 0, "uniqueItems": False, "maximum": 3},
    ),
    "nested choices": (
        {"anyOf": [{"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "boolean"}]},
        {"type": ["boolean", "null", "string"]},
    ),
    "recursion unrolled": (
        {"$ref": "#/$defs/n", "$defs": {"n": section(a=TEXT, n={"$ref": "#/$defs/n"})}},
        section(
            a=TEXT,
            n={"$ref": "#/definitions/m"},
        )
        | {"definitions": {"m": section(a=TEXT, n={"$ref": "#/definitions/m"})}},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_differs_in_notation_only_is_no_difference(name: str) -> None:
    one, other = SAME[name]
    assert said(compare(one, other)) == []
    assert said(compare(other, one)) == []


def test_what_the_user_has_not_set_asks_for_nothing() -> None:
    old, new = section(a=TEXT, b=WHOLE), section(b=TEXT)
    assert {one.severity for one in compare(old, new)} == {Severity.DECIDE, Severity.CARRY}
    assert not compare(old, new, values={}).asks


JUDGED: list[tuple[dict[str, Any], dict[str, Any], Any, Severity]] = [
    (section(a=TEXT), section(), {"a": "x"}, Severity.DECIDE),
    (section(a={**TEXT, "default": "x"}), section(), {"a": "x"}, Severity.CARRY),
    (section(a=WHOLE), section(a=TEXT), {"a": 1}, Severity.CARRY),
    (section(a=TEXT), section(a=WHOLE), {"a": "1"}, Severity.DECIDE),
    (section(a={"type": ["string", "integer"]}), section(a=TEXT), {"a": "1"}, Severity.NONE),
    (section(a=WHOLE), section(a={**WHOLE, "maximum": 5}), {"a": 5}, Severity.NONE),
    (section(a=WHOLE), section(a={**WHOLE, "maximum": 5}), {"a": 6}, Severity.DECIDE),
    (section(a={"enum": [1, 2]}), section(a={"enum": [1]}), {"a": 1}, Severity.NONE),
    (section(a={"enum": [1, 2]}), section(a={"enum": [1]}), {"a": 2}, Severity.DECIDE),
    (section(a=TEXT), {**section(a=TEXT), "required": ["a"]}, {}, Severity.DECIDE),
    (section(a=TEXT), {**section(a=TEXT), "required": ["a"]}, {"a": ""}, Severity.NONE),
    (section(), {**section(a=TEXT), "required": ["a"]}, {}, Severity.DECIDE),
    (section(a={"default": 1}), section(a={"default": 2}), {}, Severity.LOOK),
    (section(a={"default": 1}), section(a={"default": 2}), {"a": 2}, Severity.NONE),
    (section(a={"default": 1}), section(a={"default": 2}), {"a": 3}, Severity.DECIDE),
    (section(a=TEXT), section(a={**TEXT, "deprecated": True}), {"a": ""}, Severity.LOOK),
    (section(a=TEXT), section(a={**TEXT, "deprecated": True}), {}, Severity.NONE),
    (section(a=TEXT), section(a={**TEXT, "pattern": "^x"}), {"a": "xy"}, Severity.NONE),
    (
        {"additionalProperties": {"type": "integer"}, "properties": {"n": TEXT}},
        {"additionalProperties": {"type": "integer", "minimum": 1}, "properties": {"n": TEXT}},
        {"n": "a", "k": 1},
        Severity.NONE,
    ),
]


@pytest.mark.parametrize(("old", "new", "values", "severity"), JUDGED)
def test_a_difference_is_judged_by_the_users_value(
    old: dict[str, Any], new: dict[str, Any], values: Any, severity: Severity
) -> None:
    assert [one.severity for one in compare(old, new, values=values)] == [severity]


def test_what_only_the_document_shows_is_said() -> None:
    """Two rules that speak of each other: neither is compared with what the other says."""
    both = {"properties": {"a": TEXT, "b": TEXT}, "dependentSchemas": {"a": {"required": ["b"]}}}
    old = {**both, "if": {"required": ["b"]}, "then": {"properties": {"a": {"maxLength": 3}}}}
    new = {**both, "if": {"required": ["b"]}, "then": {"properties": {"a": {"maxLength": 2}}}}
    assert compare(old, new, values={"a": "abc", "b": "x"}).asks
    assert not compare(old, new, values={"a": "ab", "b": "x"}).asks
    # wrong before is not what the new schema is to blame for
    assert not compare(new, new, values={"a": "abc", "b": "x"}).asks


def test_a_value_in_a_list_is_named_by_its_position() -> None:
    old = section(a={"type": "array", "items": section(b=TEXT)})
    new = section(a={"type": "array", "items": section(b={**TEXT, "maxLength": 1})})
    (found,) = compare(old, new, values={"a": [{"b": "x"}, {"b": "xy"}]})
    assert found.severity is Severity.DECIDE
    assert ("a", 1, "b") in found.yours


def test_identities_that_the_caller_gives_are_renames() -> None:
    old, new = section(s=section(a=TEXT)), section(t=section(b=WHOLE))
    found = compare(old, new, identities={("s",): ("t",), ("s", "a"): ("t", "b")})
    assert said(found) == ["s > t renamed", "s.a > t.b renamed", "s.a > t.b retyped"]


def _twice(name: str) -> dict[str, Any]:
    part = {"type": "object", "properties": {name: {"type": "string", "x-id": "one"}}}
    places = {"a": {"$ref": "#/$defs/part"}, "b": {"$ref": "#/$defs/part"}}
    return {"type": "object", "properties": places, "$defs": {"part": part}}


def test_an_id_in_a_definition_is_one_in_each_place_that_refers_to_it() -> None:
    assert list(compare(_twice("x"), _twice("x"))) == []
    found = compare(_twice("x"), _twice("y"))
    assert [(one.kind, one.old_path, one.new_path) for one in found] == [
        (Kind.RENAMED, ("a", "x"), ("a", "y")),
        (Kind.RENAMED, ("b", "x"), ("b", "y")),
    ]


def test_an_identity_of_an_option_that_is_not_there_is_said() -> None:
    found = compare(section(a=TEXT), section(b=TEXT), identities={("x",): ("b",)})
    assert said(found) == ["> b added", "a > removed"]
    assert ["x" in note for note in found.notes] == [True]


def test_an_identity_within_a_removed_section_leaves_the_rest_removed() -> None:
    old = section(s=section(a=TEXT, k=TEXT))
    new = section(b=TEXT)
    found = compare(old, new, identities={("s", "a"): ("b",)}, values={"s": {"a": "x"}})
    assert said(found) == ["s > removed", "s.a > b moved"]
    removed = next(one for one in found if one.kind is Kind.REMOVED)
    assert removed.inside == (("s", "k"),)
    assert removed.severity is Severity.NONE


def test_guesses_stand_at_what_was_removed() -> None:
    class One:
        old, new, score, reasons = ("a",), ("b",), 0.9, ("same type",)

    found = compare(section(a=TEXT), section(b=TEXT), suggest=lambda *_: {("a",): (One(),)})
    removed = next(one for one in found if one.kind is Kind.REMOVED)
    assert [guess.new for guess in removed.guesses] == [("b",)]


def test_what_is_declared_removed_says_why_and_gets_no_guess() -> None:
    old = {"properties": {"logFile": {"type": "string"}, "cacheSize": {"type": "integer"}}}
    new = {
        "properties": {"logFiles": {"type": "string"}, "cacheSizes": {"type": "integer"}},
        "x-removed": {"logFile": "Use the journal."},
    }
    found = {one.path: one for one in compare(old, new, suggest=likely).differences}
    assert found["logFile",].text == "is gone: Use the journal."
    assert not found["logFile",].guesses
    assert found["cacheSize",].guesses


def test_a_change_in_a_shared_definition_is_said_once_and_counted() -> None:
    def schema(most: int) -> dict[str, Any]:
        ref = {"$ref": "#/$defs/d"}
        return section(a=ref, b=ref, c=ref) | {"$defs": {"d": {**WHOLE, "maximum": most}}}

    (found,) = compare(schema(9), schema(8))
    assert found.places == 3


def test_a_change_in_a_shared_definition_is_said_where_the_user_has_values() -> None:
    def schema(most: int) -> dict[str, Any]:
        ref = {"$ref": "#/$defs/d"}
        return section(a=ref, b=ref) | {"$defs": {"d": section(n={**WHOLE, "maximum": most})}}

    found = compare(schema(9), schema(8), values={"b": {"n": 9}})
    assert [(one.path, one.severity) for one in found] == [
        (("b", "n"), Severity.DECIDE),
        (("a", "n"), Severity.NONE),
    ]


def test_values_of_the_user_are_not_repeated() -> None:
    old, new = section(a={**TEXT, "x-secret": True}), section()
    (found,) = compare(old, new, values={"a": "hunter2"})
    assert "hunter2" not in repr(found)


def test_a_huge_number_of_combinations_is_still_compared() -> None:
    def schema(kind: str) -> dict[str, Any]:
        choosers = [
            {"oneOf": [section(**{f"k{i}{j}": {"type": kind}}) for j in range(9)]} for i in range(4)
        ]
        return {"type": "object", "allOf": choosers}

    assert said(compare(schema("string"), schema("string"))) == []
    assert "k38 retyped" in said(compare(schema("string"), schema("integer")))


def test_absent_is_not_null() -> None:
    (found,) = compare(section(a={"default": None}), section(a={}))
    assert (found.old, found.new) == (None, ABSENT)


@pytest.mark.parametrize(
    ("new", "severity"),
    [
        ({"enum": ["tls1", "b"]}, Severity.DECIDE),
        ({"enum": ["tls1", "b"], "x-renamed-values": {"TLS_1": "tls1"}}, Severity.CARRY),
    ],
    ids=["by spelling", "declared"],
)
def test_a_renamed_value_is_carried_without_asking_only_where_it_is_declared(
    new: dict[str, Any], severity: Severity
) -> None:
    old = section(a={"enum": ["TLS_1", "b"]})
    for values in ({"a": "TLS_1"}, ABSENT):
        (found,) = compare(old, section(a=new), values=values)
        assert (found.kind, found.severity) == (Kind.VALUE_RENAMED, severity)


@pytest.mark.parametrize("wrapped", [False, True])
def test_words_of_a_condition_s_side_are_no_words_of_the_option(wrapped: bool) -> None:
    def schema(default: int) -> Any:
        then: Any = {"type": "integer", "minimum": 1, "default": default}
        then = {"allOf": [then]} if wrapped else then
        return section(p={"type": "integer", "if": {"minimum": 5}, "then": then})

    assert list(compare(schema(1), schema(2))) == []


def test_a_number_of_another_name_is_declared_by_its_text() -> None:
    old = section(a={"enum": [1, 2]})
    new = section(a={"enum": [1, 3], "x-renamed-values": {"2": 3}})
    (found,) = compare(old, new, values={"a": 2})
    assert (found.kind, found.old, found.new) == (Kind.VALUE_RENAMED, 2, 3)
    assert found.severity is Severity.CARRY


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_runs_afterwards_if_it_ran_before(collecting: bool) -> None:
    during: list[bool] = []

    def suggest(*_: object) -> dict[Path, tuple[Guess, ...]]:
        during.append(gc.isenabled())
        return {}

    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        compare({"properties": {"a": {}}}, {"properties": {"b": {}}}, suggest=suggest)
        with pytest.raises(SchemaError):
            compare({}, [])
        assert (during, gc.isenabled()) == ([False], collecting)
    finally:
        (gc.enable if before else gc.disable)()
