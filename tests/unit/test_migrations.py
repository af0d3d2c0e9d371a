"""Declared changes of options: what becomes of values, the way back, and that nothing is lost."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from forms import validate_document
from forms.migrations import (
    MigrationsError,
    NoWayBack,
    Outcome,
    apply,
    check_migrations,
    composed,
    inverses,
    read_migrations,
    traced,
)
from forms.migrations.change import Change, sources
from forms.migrations.places import can_put, get, put
from forms.values import ABSENT, identical


def declared(*changes: Mapping[str, Any], version: str = "2.0") -> dict[str, Any]:
    return {"format": 1, "migrations": [{"version": version, "changes": list(changes)}]}


def changes(*given: Mapping[str, Any]) -> tuple[Change, ...]:
    return read_migrations(declared(*given)).changes("1.0", "2.0")


def done(document: Any, *given: Mapping[str, Any], **options: Any) -> Any:
    return apply(changes(*given), document, **options).document


def asked(document: Any, *given: Mapping[str, Any], **options: Any) -> str:
    """The reason that a value is asked about; the document is as it was."""
    applied = apply(changes(*given), document, **options)
    assert identical(applied.document, document)
    assert [effect.outcome for effect in applied.effects] == [Outcome.ASKED]
    return applied.effects[0].why


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (
            {"rename": {"from": "a.b", "to": "a.c"}},
            {"a": {"b": 1, "z": 2}},
            {"a": {"c": 1, "z": 2}},
        ),
        ({"move": {"from": "a.b", "to": "x.y"}}, {"a": {"b": None}}, {"x": {"y": None}}),
        (
            {"rename": {"from": "a", "to": "b"}},
            {"a": {"x": [1], "y": {}}},
            {"b": {"x": [1], "y": {}}},
        ),
        (
            {"rename": {"from": "a", "to": "b"}},
            {"a": {"x": 1}, "b": {"y": 2}},
            {"b": {"y": 2, "x": 1}},
        ),
        ({"rename": {"from": "a", "to": "b"}}, {"a": 1, "b": 1}, {"b": 1}),
        ({"move": {"from": "a", "to": "a.on"}}, {"a": True}, {"a": {"on": True}}),
        ({"move": {"from": "a.on", "to": "a"}}, {"a": {"on": True}}, {"a": True}),
        (
            {"rename": {"from": "l.*.tls", "to": "l.*.ssl"}},
            {"l": [{"tls": 1, "p": 2}, {"p": 3}]},
            {"l": [{"ssl": 1, "p": 2}, {"p": 3}]},
        ),
        ({"wrap": {"path": "a", "in": "list"}}, {"a": "x"}, {"a": ["x"]}),
        ({"wrap": {"path": "a", "in": "list"}}, {"a": ["x"]}, {"a": ["x"]}),
        ({"wrap": {"path": "a", "in": {"key": "n"}}}, {"a": "x"}, {"a": {"n": "x"}}),
        ({"unwrap": {"path": "a", "from": "list"}}, {"a": ["x"]}, {"a": "x"}),
        ({"unwrap": {"path": "a", "from": {"key": "n"}}}, {"a": {"n": "x"}}, {"a": "x"}),
        ({"split": {"from": "a", "to": ["h", "p"], "by": ":"}}, {"a": "x:1"}, {"h": "x", "p": "1"}),
        ({"split": {"from": "a", "to": ["a", "p"]}}, {"a": ["x", 1]}, {"a": "x", "p": 1}),
        ({"join": {"from": ["h", "p"], "to": "a", "by": ":"}}, {"h": "x", "p": 1}, {"a": "x:1"}),
        ({"map": {"path": "a", "values": {"on": "always"}}}, {"a": "on"}, {"a": "always"}),
        ({"map": {"path": "a", "values": [{"from": True, "to": "on"}]}}, {"a": 1}, {"a": 1}),
        ({"map": {"path": "a.*", "values": [{"from": 1, "to": 2}]}}, {"a": [1, 3]}, {"a": [2, 3]}),
        ({"default": {"path": "a", "value": 2, "was": 1}}, {"a": 1}, {"a": 1}),
        ({"drop": {"path": "a.b", "reason": "gone"}}, {"a": {"b": 1}, "c": 2}, {"c": 2}),
        ({"convert": {"path": "a", "to": "string"}}, {"a": 80}, {"a": "80"}),
        ({"convert": {"path": "a", "to": "boolean"}}, {"a": "yes"}, {"a": True}),
        ({"convert": {"path": "a", "to": "integer"}}, {"a": None}, {"a": None}),
        (
            {
                "convert": {
                    "path": "a",
                    "to": "integer",
                    "unit": {"from": "minutes", "to": "seconds"},
                }
            },
            {"a": 1.5},
            {"a": 90},
        ),
        (
            {
                "convert": {
                    "path": "a",
                    "to": "number",
                    "unit": {"from": "s", "to": "ds", "factor": 0.1},
                }
            },
            {"a": 3},
            {"a": 0.3},
        ),
    ],
)
def test_a_change_makes_of_a_document(change: Mapping[str, Any], before: Any, after: Any) -> None:
    untouched = copy.deepcopy(before)
    assert done(before, change) == after
    assert before == untouched


@pytest.mark.parametrize(
    ("change", "document", "why"),
    [
        ({"rename": {"from": "a", "to": "b"}}, {"a": 1, "b": 2}, "b is set too"),
        ({"move": {"from": "a", "to": "b.c"}}, {"a": 1, "b": "text"}, "no room"),
        ({"split": {"from": "a", "to": ["h", "p"], "by": ":"}}, {"a": "::1:80"}, "2 parts"),
        ({"split": {"from": "a", "to": ["h", "p"], "by": ":"}}, {"a": "h:1", "h": ""}, "h is set"),
        ({"join": {"from": ["h", "p"], "to": "a", "by": ":"}}, {"h": "x"}, "p would be needed"),
        ({"unwrap": {"path": "a", "from": "list"}}, {"a": ["x", "y"]}, "2 entries"),
        ({"unwrap": {"path": "a", "from": {"key": "n"}}}, {"a": {"n": 1, "m": 2}}, "m"),
        ({"convert": {"path": "a", "to": "integer"}}, {"a": "many"}, "no number"),
        ({"convert": {"path": "a", "to": "integer"}}, {"a": 1.5}, "rounded"),
        ({"script": {"from": ["a"], "to": ["b"], "run": "x"}}, {"a": 1}, "a program"),
    ],
)
def test_what_cannot_be_done_to_a_value_is_asked_and_nothing_is_touched(
    change: Mapping[str, Any], document: Any, why: str
) -> None:
    assert why in asked(document, change)


def test_a_join_uses_the_default_of_what_was_not_set() -> None:
    join = {"join": {"from": ["host", "port"], "to": "bind", "by": ":"}}
    defaults = {("port",): 8008}
    found = done({"host": "::1"}, join, defaults=lambda path: defaults.get(path, ABSENT))
    assert found == {"bind": "::1:8008"}


def test_changes_of_all_releases_between_are_made_in_their_order() -> None:
    migrations = read_migrations(
        {
            "migrations": [
                {"version": "1.9", "changes": [{"rename": {"from": "a", "to": "b"}}]},
                {"version": "1.10", "changes": [{"move": {"from": "b", "to": "s.b"}}]},
                {"version": "2.0", "changes": [{"rename": {"from": "s", "to": "t"}}]},
            ]
        }
    )
    assert apply(migrations.changes("1.8", "2.1"), {"a": 1}).document == {"t": {"b": 1}}
    assert apply(migrations.changes("1.9", "1.10"), {"b": 1}).document == {"s": {"b": 1}}
    assert apply(migrations.changes("2.1", "1.9"), {"t": {"b": 1}}).document == {"b": 1}
    assert (("a",), ("t", "b")) in composed(migrations.changes("1.0", "2.0"))


def test_a_downgrade_over_what_has_no_way_back_says_what() -> None:
    migrations = read_migrations(declared({"drop": {"path": "a.b", "reason": "not used"}}))
    with pytest.raises(NoWayBack, match=r"a\.b is gone: not used"):
        migrations.changes("2.0", "1.0")


def test_a_script_gets_the_values_and_its_results_are_put_in_their_place() -> None:
    seen: list[Any] = []

    def run(program: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        seen.append((program, values))
        return {"limit": values["limits.low"] + 1}

    script = {"script": {"from": ["limits.low", "limits.high"], "to": ["limit"], "run": "p"}}
    assert done({"limits": {"low": 1}}, script, runner=run) == {"limit": 2}
    assert seen == [("p", {"limits.low": 1})]
    strange = {"script": {"from": ["limits.low"], "to": ["other"], "run": "p"}}
    assert "set limit" in asked({"limits": {"low": 1}}, strange, runner=run)


@pytest.mark.parametrize(
    ("data", "spot", "message"),
    [
        ([], (), "names and values"),
        ({"format": 2, "migrations": []}, ("format",), "format 1"),
        (declared({"renam": {}}), ("migrations", 0, "changes", 0, "renam"), "no change"),
        (
            declared({"rename": {"from": "a", "too": "b"}}),
            ("migrations", 0, "changes", 0, "rename", "too"),
            "no entry too",
        ),
        (
            declared({"rename": {"from": "a.*", "to": "b"}}),
            ("migrations", 0, "changes", 0, "rename"),
            "stars",
        ),
        (declared(version="soon"), ("migrations", 0, "version"), "not a version"),
        (
            declared({"convert": {"path": "a", "to": "integer", "unit": {"from": "m", "to": "s"}}}),
            ("migrations", 0, "changes", 0, "convert", "unit"),
            "not known",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(data: Any, spot: tuple[Any, ...], message: str) -> None:
    with pytest.raises(MigrationsError) as caught:
        read_migrations(data)
    assert caught.value.mistakes[0].spot == spot
    assert message in caught.value.mistakes[0].message


def options(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("given_changes", "message"),
    [
        ([{"rename": {"from": "lod", "to": "new"}}], "release 1.0 has no option lod"),
        ([{"rename": {"from": "old", "to": "now"}}], "release 2.0 has no option now"),
        ([{"drop": {"path": "level", "reason": "no"}}], "release 2.0 still has level"),
        ([{"map": {"path": "level", "values": {"low": "high"}}}], 'does not allow "high"'),
        ([{"default": {"path": "level", "value": "a", "was": "b"}}], 'in release 2.0 is "b"'),
        ([{"convert": {"path": "level", "to": "integer"}}], "not integer"),
        ([{"wrap": {"path": "level", "in": "list"}}], "level is"),
        (
            [{"rename": {"from": "old", "to": "new"}}, {"move": {"from": "level", "to": "new"}}],
            "leads to new too",
        ),
        (
            [{"rename": {"from": "old", "to": "x"}}, {"rename": {"from": "x", "to": "old"}}],
            "comes back",
        ),
        (
            [{"drop": {"path": "old", "reason": "no"}}, {"rename": {"from": "old", "to": "new"}}],
            "taken old away",
        ),
    ],
)
def test_a_migration_that_does_not_lead_between_its_schemas_is_a_mistake(
    given_changes: list[Any], message: str
) -> None:
    before = options(old=TEXT, level={"enum": ["a", "low"], "default": "a"})
    after = options(new=TEXT, level={"enum": ["a", "b"], "default": "b"})
    found = check_migrations(
        read_migrations(declared(*given_changes)), {"1.0": before, "2.0": after}
    )
    assert any(message in mistake.message for mistake in found), found
    assert all(mistake.spot[:3] == ("migrations", 0, "changes") for mistake in found)


def test_right_migrations_have_no_mistakes_and_history_before_the_catalog_is_let_be() -> None:
    before = options(a={"type": "object", "properties": {"x": TEXT}}, n={"type": "integer"})
    after = options(b={"type": "object", "properties": {"y": TEXT}}, n=TEXT, free={})
    data = {
        "migrations": [
            {"version": "0.5", "changes": [{"rename": {"from": "nobody", "to": "knows"}}]},
            {"version": "1.5", "changes": [{"rename": {"from": "a", "to": "b"}}]},
            {
                "version": "2.0",
                "changes": [
                    {"rename": {"from": "b.x", "to": "b.y"}},
                    {"convert": {"path": "n", "to": "string", "from": "integer"}},
                ],
            },
        ]
    }
    assert check_migrations(read_migrations(data), {"2.0": after, "1.0": before}) == []


# --- for all documents and changes --------------------------------------------------------

_KEYS = st.sampled_from(["a", "b", "c"])
_PLAIN = st.sampled_from([None, True, 0, 1, 1.5, "", "x", "x:y", "3"])
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
)
_DOCUMENTS = st.dictionaries(_KEYS, _VALUES, max_size=3)
_PATHS = st.lists(_KEYS, min_size=1, max_size=3).map(".".join)
_TWO = st.lists(_PATHS, min_size=2, max_size=2, unique=True)
_APART = _TWO.filter(lambda two: not any(f"{a}.".startswith(f"{b}.") for a, b in (two, two[::-1])))
_TYPES = st.sampled_from(["integer", "number", "string", "boolean"])
_CONTAINERS = st.just("list") | st.fixed_dictionaries({"key": _KEYS})

_REVERSIBLE = st.one_of(
    _TWO.map(lambda two: {"rename": {"from": two[0], "to": two[1]}}),
    st.builds(lambda p, c: {"wrap": {"path": p, "in": c}}, _PATHS, _CONTAINERS),
    st.builds(lambda p, c: {"unwrap": {"path": p, "from": c}}, _PATHS, _CONTAINERS),
    st.builds(lambda p, two: {"split": {"from": p, "to": two, "by": ":"}}, _PATHS, _APART),
    st.builds(lambda p, two: {"join": {"from": two, "to": p}}, _PATHS, _APART),
    _PATHS.map(lambda p: {"map": {"path": p, "values": {"x": "X", "x:y": 7}}}),
    st.builds(lambda p, a, b: {"convert": {"path": p, "to": a, "from": b}}, _PATHS, _TYPES, _TYPES),
)
_CHANGES = _REVERSIBLE | _PATHS.map(lambda p: {"drop": {"path": p, "reason": "gone"}})


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    return [(path, value)] if path else []


@given(_DOCUMENTS, st.lists(_CHANGES, max_size=5))
def test_every_value_is_where_it_was_brought_or_among_the_effects(
    document: Any, given_changes: list[Any]
) -> None:
    applied = apply(changes(*given_changes), document)
    json.dumps(applied.document)
    for path, value in leaves(document):
        found = [get(applied.document, new) for new in traced(path, applied.effects)]
        if any(identical(one, value) for one in found):
            continue
        if value == {} and any(isinstance(one, dict) for one in found):
            continue  # something was brought into an empty section
        taken = [
            inner
            for effect in applied.effects
            if effect.outcome in (Outcome.CHANGED, Outcome.DROPPED)
            for at, before in effect.before
            for inner in (before, *(leaf for _, leaf in leaves(before, at)))
        ]
        assert any(identical(one, value) for one in taken)


@given(_REVERSIBLE, _VALUES)
def test_what_was_changed_comes_back_by_the_inverse(change: Any, value: Any) -> None:
    (made,) = changes(change)
    back = inverses((made,))
    assert back is not None
    document: dict[str, Any] = {}
    for source in sources(made):
        if can_put(document, source):
            put(document, source, value)
    there = apply((made,), document)
    if "convert" not in change and there.effects:
        again = apply(back, there.document)
        asked_for = [e for e in (*there.effects, *again.effects) if e.outcome is Outcome.ASKED]
        # a list in a list is not wrapped again: it may be what is wanted already
        inner = value[0] if isinstance(value, list) and value else None
        nested = "unwrap" in change and isinstance(inner, list)
        assert asked_for or nested or identical(again.document, document)


@given(_DOCUMENTS, st.lists(_CHANGES, max_size=4))
def test_what_is_read_is_what_the_schema_for_editors_allows(
    document: Any, given_changes: list[Any]
) -> None:
    schema = json.loads((schemas.directory() / "migrations.schema.json").read_text())
    data = declared(*given_changes)
    read_migrations(data)
    assert validate_document(schema, data) == []
