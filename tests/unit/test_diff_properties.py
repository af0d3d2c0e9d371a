"""What holds of every comparison: notation is nothing, changes are exactly what is said."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given, reject, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from forms.diff import Kind, compare, options_of
from tests.unit.diff_general import GENERAL, INSTANCES, changed
from tests.unit.diff_strategies import (
    MUTATIONS,
    OVERLAPPING,
    SCHEMAS,
    changed_once,
    commented,
    places,
    rewritten,
)
from tests.unit.forms_strategies import SCHEMAS as WILD_SCHEMAS
from tests.unit.forms_strategies import VALUES


@given(SCHEMAS, st.data())
@settings(deadline=None, max_examples=60)
def test_a_schema_written_otherwise_does_not_differ(schema: Any, data: st.DataObject) -> None:
    other = rewritten(data.draw, schema)
    assert list(compare(schema, other)) == []
    assert list(compare(other, schema)) == []


@given(SCHEMAS, st.data())
@settings(deadline=None, max_examples=60)
def test_one_change_is_all_that_is_said(schema: Any, data: st.DataObject) -> None:
    said, changed = data.draw(st.sampled_from(list(changed_once(schema))))
    found = list(compare(rewritten(data.draw, schema), rewritten(data.draw, changed)))
    assert [one.kind for one in found] == [Kind(said)]


@given(SCHEMAS, st.data())
@settings(deadline=None, max_examples=60)
def test_what_only_tightens_or_loosens_does(schema: Any, data: st.DataObject) -> None:
    changed = copy.deepcopy(schema)
    some = data.draw(st.lists(st.sampled_from(MUTATIONS[:6]), min_size=1, max_size=6))
    for _, mutate in some:
        mutate(data.draw(st.sampled_from(list(places(changed)))))
    kinds = {one.kind for one in compare(schema, changed)}
    instances = data.draw(st.lists(_instances(schema) | _instances(changed), max_size=8))
    old, new = Draft202012Validator(schema), Draft202012Validator(changed)
    for instance in instances:
        if kinds <= {Kind.LOOSENED} and old.is_valid(instance):
            assert new.is_valid(instance)
        if kinds <= {Kind.TIGHTENED} and new.is_valid(instance):
            assert old.is_valid(instance)


@given(OVERLAPPING, OVERLAPPING, st.sampled_from(["one", "any", "list"]), st.data())
@settings(deadline=None, max_examples=120)
def test_forms_that_overlap_promise_nothing_wrong(
    one: list[Any], other: list[Any], where: str, data: st.DataObject
) -> None:
    kept = [branch for branch in one if data.draw(st.booleans())]
    old, new = _choice(one, where), _choice([*kept, *other[: data.draw(st.integers(0, 1))]], where)
    kinds = {difference.kind for difference in compare(old, new)}
    before, after = Draft202012Validator(old), Draft202012Validator(new)
    for value in (*range(-3, 9), 1.5, "", "a", "ab", "b", "x", "further", None, True, [], {}):
        instance = [value] if where == "list" else value
        was, now = before.is_valid(instance), after.is_valid(instance)
        if not kinds:
            assert was == now
        if kinds <= {Kind.LOOSENED, Kind.VALUE_ADDED}:
            assert now or not was
        if kinds <= {Kind.TIGHTENED, Kind.VALUE_DROPPED}:
            assert was or not now
        if was and not now:
            assert compare(old, new, values=instance).asks


@given(GENERAL, st.data())
@settings(deadline=None, max_examples=60)
def test_a_document_that_is_refused_now_is_never_passed_over(old: Any, data: st.DataObject) -> None:
    new = changed(data.draw, old)
    verdicts = list(_verdicts(old, new))
    kinds = {difference.kind for difference in compare(old, new)}
    asked = 0
    for value, was, now in verdicts:
        assert kinds or was == now
        assert now or not was or not kinds <= LOOSER
        assert was or not now or not kinds <= TIGHTER
        if was and not now and asked < 3:
            asked += 1
            assert compare(old, new, values=value).asks


def _verdicts(old: Any, new: Any) -> Iterator[tuple[Any, bool, bool]]:
    """Values, with whether they were valid and are."""
    before, after = Draft202012Validator(old), Draft202012Validator(new)
    for value in INSTANCES:
        try:
            yield value, before.is_valid(value), after.is_valid(value)
        except RecursionError:  # a schema that refers to itself in place has no verdict
            reject()


NO_RULES = {Kind.DEFAULT, Kind.DEPRECATED, Kind.UNDEPRECATED}
LOOSER = NO_RULES | {Kind.LOOSENED, Kind.VALUE_ADDED, Kind.OPTIONAL}
TIGHTER = NO_RULES | {Kind.TIGHTENED, Kind.VALUE_DROPPED, Kind.REQUIRED}


def _choice(branches: list[Any], where: str) -> Any:
    choice = {"oneOf": branches or [False]}
    if where == "list":
        return {"type": "array", "items": choice}
    return {"anyOf": [choice, {"type": "boolean"}]} if where == "any" else choice


@given(WILD_SCHEMAS, WILD_SCHEMAS, VALUES)
@settings(deadline=None, max_examples=60)
def test_any_two_schemas_compare(one: Any, other: Any, values: Any) -> None:
    assert list(compare(one, copy.deepcopy(one))) == []
    found = list(compare(one, other, values=values))
    for difference in found:
        assert difference.text
        assert difference.action
    assert all(options_of(one)[path].path == path for path in options_of(one))


@given(WILD_SCHEMAS, WILD_SCHEMAS, VALUES, st.data())
@settings(deadline=None, max_examples=50)
def test_what_is_written_the_same_is_compared_as_if_it_were_not(
    old: Any, other: Any, values: Any, data: st.DataObject
) -> None:
    """Parts that are equal to the letter are not looked into, comments make them unequal."""
    new = copy.deepcopy(old)
    for key, schema in other["properties"].items():
        if data.draw(st.booleans()):
            new["properties"][key] = copy.deepcopy(schema)
    if data.draw(st.booleans()):
        new["$defs"] = copy.deepcopy(other["$defs"])
    paths = st.sampled_from([*options_of(old), *options_of(new)] or [("none",)])
    pairs = data.draw(st.lists(st.tuples(paths, paths), max_size=2))
    given_values = {"values": values} if data.draw(st.booleans()) else {}
    short = compare(old, new, identities=pairs, **given_values)
    long = compare(old, commented(new), identities=pairs, **given_values)
    assert repr(short) == repr(long)


def _instances(schema: Any) -> st.SearchStrategy[Any]:
    """Values near the bounds of a schema, valid ones and others."""
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            return st.one_of([_instances(branch) for branch in schema[keyword]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        needed = set(schema.get("required", ()))
        options = {key: _instances(it) for key, it in schema.get("properties", {}).items()}
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            return st.dictionaries(st.sampled_from("xyz"), _instances(extra), max_size=2)
        return st.fixed_dictionaries(
            {key: it for key, it in options.items() if key in needed},
            optional={key: it for key, it in options.items() if key not in needed},
        )
    if kind == "array":
        return st.lists(_instances(schema["items"]), max_size=2)
    if kind == "string":
        return st.integers(0, 9).map(lambda length: "a" * length)
    if kind == "boolean":
        return st.booleans()
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    return st.integers(int(least) - 2, int(least) + 12)
