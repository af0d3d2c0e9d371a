"""What is typed means what is shown, for every kind of option."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forms import FormModel, parse_path, path_text
from forms.model.rawtext import parse_raw, raw_text
from forms.oneline import one_line
from tests.unit.forms_strategies import TEXTS, VALUES


def option(schema: dict[str, Any], value: Any = None) -> FormModel:
    document = {} if value is None else {"option": value}
    return FormModel({"type": "object", "properties": {"option": schema}}, document)


def meant(schema: dict[str, Any], text: str) -> Any:
    parsed = option(schema).parse(("option",), text)
    assert parsed.ok, parsed.problem
    return parsed.value


def refused(schema: dict[str, Any], text: str) -> str:
    parsed = option(schema).parse(("option",), text)
    assert parsed.problem is not None
    return parsed.problem.message


@settings(deadline=None)
@given(VALUES)
@example(["\x85", "\u2028", "a\nb ", "\ufeff", "\t", " a", "a: b", "- a", "# a", "a #b"])
def test_raw_text_reads_back_as_the_same_value(value: Any) -> None:
    again = parse_raw(raw_text(value))
    assert json.dumps(again) == json.dumps(value)


@settings(deadline=None)
@given(VALUES)
def test_json_is_raw_text_too(value: Any) -> None:
    assert json.dumps(parse_raw(json.dumps(value))) == json.dumps(value)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_raw_text_is_a_json_value_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        json.dumps(parse_raw(text), allow_nan=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("2026-11-24", "2026-11-24"),
        ("012", 12),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ("a: {b: [1, yes]}", {"a": {"b": [1, "yes"]}}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
    ],
)
def test_raw_text_is_yaml_as_json_has_it(text: str, value: Any) -> None:
    assert parse_raw(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "anchors and aliases"),
        ("!!python/object:os.system x", "not possible here"),
        ("!!binary aGk=", "not possible here"),
        ("1: a", "a key must be a text"),
        ("{a: 1, a: 2}", "twice"),
        ('{"a": 1, "a": 2}', "twice"),
        ("1e999", "too large"),
        ("[" * 5000, "nested too deeply"),
        ("a: b: c", "line 1, column 5"),
        ("--- 1\n--- 2", "must be YAML or JSON"),
    ],
)
def test_raw_text_that_json_cannot_hold_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_raw(text)


@pytest.mark.parametrize("text", [".inf", ".nan", "Infinity", "NaN"])
def test_infinity_is_a_text_like_any_other(text: str) -> None:
    assert parse_raw(text) == text


@settings(deadline=None)
@given(st.lists(TEXTS))
def test_line_of_texts_reads_back(texts: list[str]) -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    form = option(schema, texts)
    assert form.parse(("option",), form.edit_text(("option",))).value == texts


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False, allow_infinity=False),
            TEXTS,
        )
    )
)
def test_line_of_mixed_values_reads_back(values: list[Any]) -> None:
    schema = {
        "type": "array",
        "items": {"type": ["string", "number", "boolean", "null"]},
    }
    form = option(schema, values)
    again = form.parse(("option",), form.edit_text(("option",))).value
    assert again == values
    assert [type(v) is bool for v in again] == [type(v) is bool for v in values]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", []),
        ("a", ["a"]),
        ("a, b,c", ["a", "b", "c"]),
        ("a\nb", ["a", "b"]),
        ("a, b,", ["a", "b"]),
        ('"a, b", ""', ["a, b", ""]),
        ("192.0.2.1:80, [::1]:80", ["192.0.2.1:80", "[::1]:80"]),
        ('say "hi", x', ['say "hi"', "x"]),
    ],
)
def test_line_of_texts(text: str, value: list[str]) -> None:
    assert meant({"type": "array", "items": {"type": "string"}}, text) == value


def test_line_with_a_hole_or_an_open_quote_is_refused() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    assert "missing between two commas" in refused(schema, "a,,b")
    assert "quotes" in refused(schema, '"a, b')


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90", 90),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("2 days", 172800),
        ("1.5 min", 90),
        ("1500ms", None),
        ("500", 500),
    ],
)
def test_durations_in_the_unit_of_the_option(text: str, value: int | None) -> None:
    schema = {"type": "integer", "x-unit": "s"}
    if value is None:
        assert refused(schema, text) == "must be a whole number of s"
    else:
        assert meant(schema, text) == value


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("MiB", "2 GiB", 2048),
        ("MiB", "512", 512),
        ("B", "10M", 10 * 1024 * 1024),
        ("B", "10MB", 10_000_000),
        ("ms", "2s", 2000),
        ("minutes", "1h", 60),
        ("turns", "3 turns", 3),
    ],
)
def test_sizes_and_other_units(unit: str, text: str, value: int) -> None:
    assert meant({"type": "integer", "x-unit": unit}, text) == value


def test_wrong_unit_is_refused_by_name() -> None:
    assert "'kg' is not a unit that fits" in refused({"type": "integer", "x-unit": "s"}, "3 kg")


@pytest.mark.parametrize(
    ("schema", "text", "message"),
    [
        ({"type": "integer"}, "abc", "must be a whole number"),
        ({"type": "integer"}, "1.5", "must be a whole number"),
        ({"type": "integer"}, "1,5", "must be a whole number; decimals are written with a dot"),
        ({"type": "integer", "minimum": 1, "maximum": 65535}, "0", "must be at least 1"),
        ({"type": "integer", "maximum": 65535}, "70000", "must be at most 65535"),
        ({"type": "number"}, "1e999", "is too large"),
        ({"type": "number", "exclusiveMinimum": 0}, "0", "must be more than 0"),
        ({"type": "boolean"}, "maybe", "must be yes or no"),
        ({"enum": ["debug", "info"]}, "inof", "must be one of: debug, info"),
        ({"type": "string", "minLength": 1}, "", "must not be empty"),
        ({"type": "string", "maxLength": 3}, "abcd", "can have at most 3 characters (has 4)"),
        ({"type": "string", "format": "email"}, "x", "must be an e-mail address, like"),
        ({"type": "array", "items": {"type": "integer"}}, "1, x", "must be a whole number"),
        ({"type": "array", "items": {"enum": ["a"]}}, "b", "must be a"),
    ],
)
def test_messages_say_what_is_wanted(schema: dict[str, Any], text: str, message: str) -> None:
    assert message in refused(schema, text)


@pytest.mark.parametrize("text", ["yes", "YES", "true", "on", "1", " yes "])
def test_words_for_yes(text: str) -> None:
    assert meant({"type": "boolean"}, text) is True


def test_text_option_keeps_what_is_typed_to_the_character() -> None:
    for text in ("  x ", "5", "null", '"q"', "$(reboot)", "a\nb", "\x1b[2J", "{{x}}"):
        assert meant({"type": "string"}, text) == text


def test_option_of_several_types_takes_the_plainest_and_quotes_make_text() -> None:
    schema = {"type": ["integer", "string", "boolean"]}
    assert meant(schema, "5") == 5
    assert meant(schema, '"5"') == "5"
    assert meant(schema, "five") == "five"
    assert meant(schema, "yes") is True
    assert option(schema, "5").edit_text(("option",)) == '"5"'


def test_titles_of_choices_are_understood() -> None:
    schema = {"oneOf": [{"const": 0, "title": "Off"}, {"const": 1, "title": "On"}]}
    assert meant(schema, "On") == 1
    assert meant(schema, "0") == 0
    assert option(schema, 1).row(("option",)).text == "1 (On)"
    assert option(schema).choices(("option",)) == [("0", "Off"), ("1", "On")]


@given(st.text())
def test_one_line_is_printable_whatever_comes(text: str) -> None:
    assert one_line(text).isprintable()


@given(st.lists(st.one_of(st.text(), st.integers(0, 99))).map(tuple))
def test_written_paths_read_back(path: tuple[str | int, ...]) -> None:
    assert parse_path(path_text(path)) == path


def test_paths_are_written_as_people_expect() -> None:
    assert path_text(("listeners", 0, "port")) == "listeners[0].port"
    assert path_text(("rules", "a.b")) == 'rules."a.b"'
    with pytest.raises(ValueError, match="dot is missing"):
        parse_path("a[0]b")
