"""Every mistake is said once, at its place, in words that say what is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from forms import FormModel, Problem, validate_document
from forms.schema.error import SchemaError
from tests.unit.forms_strategies import DOCUMENTS, SCHEMAS

SCHEMAS_OF_APPLICATIONS = sorted(
    (Path(__file__).parents[2] / "schemas/applications").glob("*/options-*.json")
)


def problems(schema: dict[str, Any], document: Any, **more: bool) -> list[tuple[str, str, str]]:
    return [
        (".".join(map(str, problem.path)), problem.message, problem.hint)
        for problem in validate_document(schema, document, **more)
    ]


def test_missing_option_is_a_problem_of_its_own_path() -> None:
    schema = {
        "required": ["name", "server"],
        "properties": {
            "name": {"type": "string", "description": "How people call it. Shown on top."},
            "server": {
                "type": "object",
                "required": ["port", "host"],
                "properties": {"port": {"default": 1}, "host": {"type": "string"}},
            },
        },
    }
    assert problems(schema, {}) == [
        ("name", "needs a value", "How people call it"),
        ("server.host", "needs a value", ""),
    ]
    strict = problems(schema, {"name": "x", "server": {"host": "y"}}, assume_defaults=False)
    assert strict == [("server.port", "needs a value", "")]


def test_unknown_option_is_a_problem_with_a_suggestion() -> None:
    schema = {"properties": {"server": {"properties": {"timeout": {}}}}}
    assert problems(schema, {"server": {"timeuot": 1}}) == [
        ("server.timeuot", "there is no such option", "did you mean timeout?")
    ]
    assert problems(schema, {"server": {"timeuot": 1}}, closed=False) == []


def test_unknown_option_is_said_once_where_the_schema_forbids_it_too() -> None:
    schema = {"properties": {"a": {}}, "additionalProperties": False}
    assert len(problems(schema, {"b": 1})) == 1
    assert len(problems(schema, {"b": 1}, closed=False)) == 1


def test_option_that_homeport_decides_may_not_be_in_the_document() -> None:
    schema = {"required": ["listen"], "properties": {"listen": {"x-managed": True}}}
    assert problems(schema, {}) == []
    assert problems(schema, {"listen": "x"}) == [
        ("listen", "is set by Homeport and cannot be changed", "remove it")
    ]


def test_mistake_in_a_branch_is_said_of_the_branch_that_was_meant() -> None:
    schema = {
        "properties": {
            "auth": {
                "oneOf": [
                    {"properties": {"kind": {"const": "none"}}, "required": ["kind"]},
                    {
                        "properties": {"kind": {"const": "ldap"}, "port": {"maximum": 65535}},
                        "required": ["kind", "url"],
                    },
                ]
            }
        }
    }
    assert problems(schema, {"auth": {"kind": "ldap", "port": 70000}}, closed=False) == [
        ("auth.port", "must be at most 65535", ""),
        ("auth.url", "needs a value", ""),
    ]


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", "must be a whole number or"),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, "c", "must be a or b"),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, 3, "fits more than one"),
        ({"type": "integer"}, "5", "must be a whole number"),
        ({"type": ["string", "boolean"]}, 5, "must be a text or yes or no"),
        ({"enum": list(range(30))}, 31, "9, 10, 11 and 18 more"),
        ({"const": "x"}, "y", "must be x"),
        ({"multipleOf": 5}, 3, "must be a multiple of 5"),
        ({"minItems": 2}, [1], "must have at least 2 entries (has 1)"),
        ({"maxItems": 1}, [1, 2], "can have at most 1 entry (has 2)"),
        ({"minLength": 3}, "ab", "must have at least 3 characters"),
        ({"pattern": "^a"}, "b", "is not written in the way that is wanted"),
        ({"not": {"const": 1}}, 1, "is a value that is ruled out here"),
        ({"contains": {"const": 1}}, [2], "must have at least 1 entry of a kind"),
        (False, 1, "nothing may be set here"),
        ({"format": "ipv4"}, "x", "must be an IPv4 address, like 192.0.2.10"),
    ],
)
def test_messages(schema: Any, value: Any, message: str) -> None:
    (found,) = validate_document({"properties": {"a": schema}}, {"a": value})
    assert message in found.message
    assert found.path == ("a",)


def test_repeated_entry_is_pointed_at() -> None:
    schema = {"properties": {"a": {"uniqueItems": True}}}
    assert problems(schema, {"a": [1, True, 1.0]}) == [("a.2", "is the same as entry 1", "")]


def test_name_of_an_entry_is_checked() -> None:
    schema = {"propertyNames": {"maxLength": 2}, "additionalProperties": True}
    assert problems(schema, {"abc": 1}) == [
        ("abc", "its name can have at most 2 characters (has 3)", "")
    ]


def test_needed_because_of_another() -> None:
    schema = {"properties": {"a": {}, "b": {}}, "dependentRequired": {"a": ["b"]}}
    assert problems(schema, {"a": 1}) == [("b", "needs a value because a is set", "")]


def test_endless_reference_is_a_problem_and_not_a_crash() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert "without end" in validate_document(schema, {})[0].message
    assert FormModel(schema, {}).validate()


def test_schema_that_cannot_be_checked_as_a_whole_is_refused() -> None:
    with pytest.raises(SchemaError, match="not part of this schema"):
        validate_document({"$ref": "https://example.org/x.json"}, {})


def test_no_message_holds_a_value() -> None:
    secret = "correct-horse"
    schema = {
        "properties": {
            "a": {"enum": ["x"]},
            "b": {"pattern": "^x$"},
            "c": {"type": "integer"},
            "d": {"oneOf": [{"const": 1}, {"maxLength": 2, "type": "string"}]},
            "e": {"uniqueItems": True},
            "f": {"format": "email"},
            "g": {"not": {"type": "string"}},
        }
    }
    document = {**dict.fromkeys("abcdfg", secret), "e": [secret, secret]}
    found = validate_document(schema, document)
    assert len(found) == 7
    assert secret not in repr(found)


@settings(deadline=None, max_examples=100)
@given(SCHEMAS, DOCUMENTS)
def test_form_and_gate_agree(schema: dict[str, Any], document: dict[str, Any]) -> None:
    form = FormModel(schema, document)
    inside = form.validate()
    assert form.check(form.document()) == inside
    try:
        gate = validate_document(schema, document)
    except SchemaError:
        return
    assert gate == inside


def test_problems_are_listed_in_the_order_of_the_rows() -> None:
    schema = {
        "required": ["z", "a"],
        "properties": {"z": {}, "m": {"properties": {"n": {"type": "integer"}}}, "a": {}},
    }
    form = FormModel(schema, {"m": {"n": "x"}})
    form.validate()
    assert [problem.path for problem in form.problems()] == [("z",), ("m", "n"), ("a",)]


def test_check_elsewhere_and_show_here() -> None:
    form = FormModel({"properties": {"a": {"type": "integer"}}}, {"a": "x"})
    found = form.check(form.document())
    assert form.problems() == []
    form.show_problems(found)
    assert form.problems() == [Problem(("a",), "must be a whole number", "a text stands here now")]


@pytest.mark.parametrize("path", SCHEMAS_OF_APPLICATIONS, ids=lambda path: path.stem)
def test_options_of_our_applications_are_all_editable(path: Path) -> None:
    form = FormModel(json.loads(path.read_text()), {})
    assert form.validate() == []
    for option in form.paths():
        row, text = form.row(option), form.edit_text(option)
        assert form.help(option).path
        assert row.kind != "raw", row.path
        if row.kind not in ("section", "map") and text and not row.managed:
            parsed = form.parse(option, text)
            assert parsed.ok, (option, text, parsed.problem)
            assert parsed.problem is None, (option, text, parsed.problem)
    assert form.document() == {}
