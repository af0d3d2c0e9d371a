"""Forms of schemas that nobody wrote with a form in mind."""

from __future__ import annotations

from typing import Any

import pytest

from forms import Filter, FormModel


def form_of(schema: Any, *document: Any) -> FormModel:
    """As `homeport form` opens it: valid is what JSON Schema calls so."""
    return FormModel(schema, *document, closed=False, assume_defaults=False, show_root=True)


def test_places_of_a_tuple_have_their_names_and_no_more_are_added_than_it_has() -> None:
    point = {
        "type": "array",
        "prefixItems": [{"type": "number", "title": "x"}, {"type": "number", "title": "y"}],
        "items": False,
    }
    form = form_of({"properties": {"at": point}})
    form.add_item(("at",))
    form.add_item(("at",))
    assert [row.label for row in form.rows()][2:] == ["1. x", "2. y"]
    assert not form.row(("at",)).can_add
    with pytest.raises(ValueError, match="nothing can be added"):
        form.add_item(("at",))
    assert form.document() == {"at": [0, 0]}
    assert form.validate() == []


def test_required_options_are_written_with_their_defaults_in_one_step() -> None:
    schema = {
        "required": ["mode", "tls", "name"],
        "properties": {
            "mode": {"enum": ["tcp", "http"], "default": "http"},
            "tls": {
                "type": "object",
                "default": {"on": True},
                "required": ["on"],
                "properties": {"on": {"type": "boolean", "default": True}},
            },
            "name": {"type": "string"},
        },
    }
    form = form_of(schema)
    assert form.row(("mode",)).missing
    assert {problem.path for problem in form.validate()} == {("mode",), ("tls",), ("name",)}
    change = form.set_required_defaults()
    assert change is not None
    assert form.document() == {"mode": "http", "tls": {"on": True}}
    assert form.set_required_defaults() is None
    form.undo()
    assert form.document() == {}


def test_the_whole_document_has_a_row_for_what_is_wrong_with_it_and_for_its_forms() -> None:
    schema = {
        "oneOf": [
            {"type": "object", "title": "One", "properties": {"a": {"type": "string"}}},
            {"type": "array", "title": "Many", "items": {"type": "string"}, "minItems": 1},
        ]
    }
    form = form_of(schema)
    assert form.rows()[0].branches == ("One", "Many")
    form.choose_branch((), 1)
    assert form.document() == []
    form.validate()
    assert "at least 1 entry" in form.rows()[0].problem
    assert [row.path for row in form.rows(Filter(invalid=True))] == [()]
    form.add_item(())
    assert form.document() == [""]


def test_constant_that_tells_forms_apart_offers_all_of_them() -> None:
    kinds = [
        {"properties": {"kind": {"const": kind}, kind: {"type": "string"}}, "required": ["kind"]}
        for kind in ("disk", "memory")
    ]
    form = form_of({"properties": {"cache": {"type": "object", "oneOf": kinds}}})
    assert form.choices(("cache", "kind")) == [("disk", ""), ("memory", "")]
    assert form.set_text(("cache", "kind"), "memory").ok
    form.set_text(("cache", "memory"), "big")
    assert form.document() == {"cache": {"kind": "memory", "memory": "big"}}
    form.set_text(("cache", "kind"), "disk")
    assert form.document()["cache"]["kind"] == "disk"
    while form.undo():
        pass
    assert form.document() == {}


def test_advanced_options_are_found_by_their_filter() -> None:
    schema = {
        "properties": {
            "plain": {"type": "string"},
            "rare": {"type": "string", "x-advanced": True},
            "old": {"type": "string", "deprecated": True},
        }
    }
    rows = form_of(schema).rows(Filter(advanced=True))
    assert [row.label for row in rows] == ["Advanced", "rare", "old"]


def test_search_that_goes_on_finds_what_a_fresh_one_finds() -> None:
    names = ("alpha", "alpine", "beta", "alp beta")
    form = form_of({"properties": {name: {"type": "string"} for name in names}})
    for typed in ("a", "al", "alp", "alp b", "alp be", "al", "be", "", "pha"):
        found = [row.label for row in form.rows(Filter(text=typed, mine=False)) if row.path]
        fresh = form_of({"properties": {name: {"type": "string"} for name in names}})
        assert found == [row.label for row in fresh.rows(Filter(text=typed)) if row.path]
    form.set_text(("beta",), "pharmacy")
    assert [row.label for row in form.rows(Filter(text="pha"))] == ["alpha", "beta"]


@pytest.mark.parametrize(
    "broken",
    [
        {"type": 5},
        {"required": True},
        {"properties": [1]},
        {"allOf": 5},
        {"enum": 3},
        {"oneOf": [3]},
        {"type": "array", "items": 3},
        {"pattern": "(", "type": "string"},
    ],
)
def test_option_whose_schema_is_none_is_edited_as_text_and_the_rest_works(broken: Any) -> None:
    form = form_of({"properties": {"odd": broken, "fine": {"type": "integer"}}})
    for row in form.rows():
        form.help(row.path)
        form.choices(row.path)
    assert form.set_text(("fine",), "5").ok
    form.set_text(("odd",), "[1, 2]")
    form.validate()
    assert form.document()["fine"] == 5
