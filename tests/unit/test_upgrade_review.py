"""The review of an upgrade: what is done alone, what is asked, and what becomes of answers."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from forms import validate_document
from forms.migrations import Migrations, read_migrations
from forms.upgrade import Filter, Key, Ledger, Release, Review, Row, Status, Verb

Schema = dict[str, Any]


def section(required: tuple[str, ...] = (), **options: Any) -> Schema:
    return {
        "type": "object",
        "properties": options,
        "required": list(required),
        "additionalProperties": False,
    }


def number(default: int | None = None, **more: Any) -> Schema:
    return {"type": "integer", **({} if default is None else {"default": default}), **more}


def text(default: str | None = None, **more: Any) -> Schema:
    return {"type": "string", **({} if default is None else {"default": default}), **more}


def declared(*changes: Any, version: str = "2") -> Migrations:
    return read_migrations({"migrations": [{"version": version, "changes": list(changes)}]})


def review(*schemas: Schema, values: Any, versions: str = "123456", **more: Any) -> Review:
    releases = [Release(*pair) for pair in zip(versions, schemas, strict=False)]
    clock = lambda: datetime(2026, 11, 26, 12, tzinfo=UTC)  # noqa: E731
    return Review(releases, values, application="app", who="kim", clock=clock, **more)


def old(*path: str | int) -> Key:
    return Key("old", path)


def new(*path: str | int) -> Key:
    return Key("new", path)


def row(of: Review, *path: str) -> Row:
    return next(one for one in of.rows() if one.path == ".".join(path))


def test_an_upgrade_with_nothing_to_decide_is_ready_at_once() -> None:
    before = section(a=number(1), b=number(2), c=text("x"), d=number())
    after = section(a=number(1), b=number(3), c=text("x"), d=number(), e=number(5))
    found = review(before, after, values={"a": 7, "d": 4})
    assert found.ready
    assert found.document() == {"a": 7, "d": 4}
    assert found.archive() == ()
    assert [(one.mark, one.path, one.text, one.note) for one in found.rows()] == [
        ("=", "a", "7", "yours"),
        ("~", "b", "3", "default was 2"),
        (" ", "c", "x", ""),
        ("=", "d", "4", "yours"),
        ("+", "e", "5", "new"),
    ]


def test_a_conflict_is_asked_and_keeps_yours_until_it_is_decided() -> None:
    found = review(section(a=number(1)), section(a=number(2)), values={"a": 7})
    (key,) = found.queue
    assert found.row(key).mark == "!"
    assert not found.ready
    detail = found.detail(key)
    assert [action.label for action in detail.actions] == [
        "keep yours",
        "take the new default",
        "set another value",
    ]
    assert detail.suggested
    assert "The default was 1, and is 2." in detail.why
    found.do(key, detail.actions[1])
    assert found.ready
    assert found.document() == {}
    assert [(one.place, one.value) for one in found.archive()] == [(("a",), 7)]
    assert found.undo() == key
    assert found.document() == {"a": 7}
    assert not found.ready
    found.redo()
    assert found.document() == {}


def test_a_declared_rename_is_made_alone_and_shown() -> None:
    changes = {"rename": {"from": "auth.lc", "to": "auth.lowercase"}}
    found = review(
        section(auth=section(lc={"type": "boolean", "default": False})),
        section(auth=section(lowercase={"type": "boolean", "default": False})),
        values={"auth": {"lc": True}},
        migrations=declared(changes),
    )
    assert found.ready
    assert found.document() == {"auth": {"lowercase": True}}
    one = row(found, "auth", "lowercase")
    assert (one.mark, one.old_path, one.note) == (">", "auth.lc", "was auth.lc")
    assert found.detail(one.key).why[0] == "2: auth.lc is now auth.lowercase."


def test_an_option_that_went_into_another_is_confirmed_once() -> None:
    before = section(sql=section(connection=text()), database=section(connection=text()))
    after = section(database=section(connection=text()))
    values = {"sql": {"connection": "here"}}
    found = review(before, after, values=values)
    (key,) = found.queue
    found.decide(key, Verb.SAME, target=("database", "connection"))
    assert found.document() == {"database": {"connection": "here"}}
    again = review(before, after, values=values, ledger=Ledger(found.identities()))
    assert again.ready
    assert again.document() == found.document()
    both = values | {"database": {"connection": "there"}}
    assert not review(before, after, values=both, ledger=Ledger(found.identities())).ready


def test_a_candidate_is_confirmed_once_and_known_ever_after() -> None:
    help_ = {"description": "How many seconds a connection may be idle before it is closed."}
    before = section(net=section(idle_timeout=number(30, **help_), port=number(80)))
    after = section(net=section(timeout_idle=number(30, **help_), port=number(80)))
    found = review(before, after, values={"net": {"idle_timeout": 99}})
    (key,) = found.queue
    assert found.row(key).mark == "-"
    assert found.document() == {}
    assert found.archive()[0].value == 99
    first = found.detail(key).actions[0]
    assert (first.verb, first.target) == (Verb.SAME, ("net", "timeout_idle"))
    assert first.score is not None
    assert first.reasons
    found.do(key, first)
    assert found.ready
    assert found.document() == {"net": {"timeout_idle": 99}}
    assert found.archive() == ()
    ledger = Ledger(found.identities())
    again = review(before, after, values={"net": {"idle_timeout": 5}}, ledger=ledger)
    assert again.ready
    assert again.document() == {"net": {"timeout_idle": 5}}
    assert "Confirmed before by kim: it is now net.timeout_idle." in again.detail(key).why


def test_what_is_gone_though_customised_is_asked_and_archived() -> None:
    found = review(
        section(a=number(1), b=number(1)),
        section(),
        values={"a": 7, "b": 1},
        migrations=declared({"drop": {"path": "a", "reason": "nobody used it"}}),
    )
    assert found.queue == (old("a"),)
    assert "2: A is gone: nobody used it." in found.detail(old("a")).why
    found.do(old("a"), found.detail(old("a")).actions[0])
    assert found.ready
    assert found.document() == {}
    assert {(one.place, one.value) for one in found.archive()} == {(("a",), 7), (("b",), 1)}


def test_a_value_that_fits_no_more_is_asked_with_suggestions() -> None:
    found = review(
        section(a=number(1, maximum=100), level={"enum": ["low", "Warn"]}),
        section(a=number(1, maximum=10), level={"enum": ["low", "warning"]}),
        values={"a": 70, "level": "Warn"},
    )
    assert set(found.queue) == {old("a"), old("level")}
    detail = found.detail(old("a"))
    assert detail.row.problem == "must be at most 10"
    assert (detail.actions[0].label, detail.actions[0].preview) == (
        "the most that is allowed",
        "10",
    )
    found.do(old("a"), detail.actions[0])
    found.do(old("level"), found.detail(old("level")).actions[0])
    assert found.document() == {"a": 10, "level": "warning"}


def test_types_change_by_themselves_where_nothing_is_lost() -> None:
    found = review(
        section(port=number(80), hosts=text(), ratio=text()),
        section(
            port=text("80"), hosts={"type": "array", "items": text()}, ratio={"type": "number"}
        ),
        values={"port": 8080, "hosts": "a", "ratio": "0.50"},
    )
    assert found.document() == {"port": "8080", "hosts": ["a"], "ratio": "0.50"}
    assert found.queue == (old("ratio"),)
    assert found.row(old("port")).mark == "^"
    assert found.detail(old("ratio")).actions[0].preview == "0.5"


def test_what_must_be_set_and_has_no_default_is_asked() -> None:
    found = review(section(a=number(1)), section(("name",), a=number(1), name=text()), values={})
    assert found.queue == (new("name"),)
    assert found.row(new("name")).mark == "+"
    assert not found.detail(new("name")).suggested
    assert not found.set_text(new("name"), "x" * 3).problem
    assert found.ready
    assert found.document() == {"name": "xxx"}


def test_a_chain_is_one_review_and_candidates_are_followed_over_it() -> None:
    help_ = {"description": "Largest upload that the server takes, in bytes."}
    one = section(media=section(max_upload=number(5, **help_)))
    two = section(media=section(max_upload_size=number(5, **help_)))
    three = section(media=section(upload_max_size=number(5, **help_)))
    found = review(one, two, three, values={"media": {"max_upload": 9}})
    (key,) = found.queue
    action = found.detail(key).actions[0]
    assert action.target == ("media", "upload_max_size")
    found.do(key, action)
    assert found.document() == {"media": {"upload_max_size": 9}}
    assert {(one.old_release, one.new_release) for one in found.identities()} == {
        ("1", "2"),
        ("2", "3"),
    }
    ledger = Ledger(found.identities())
    later = {"media": {"max_upload_size": 1}}
    assert review(two, three, values=later, versions="23", ledger=ledger).ready
    whole = {"media": {"max_upload": 1}}
    assert review(one, three, values=whole, versions="13", ledger=ledger).queue == ()


def test_a_decision_for_a_map_holds_for_all_its_entries() -> None:
    help_ = {"description": "How much space somebody may use."}
    user = {"type": "object", "additionalProperties": section(quota=number(**help_))}
    later = {"type": "object", "additionalProperties": section(space_quota=number(**help_))}
    values = {"users": {"ann": {"quota": 1}, "bob": {"quota": 2}}}
    found = review(section(users=user), section(users=later), values=values)
    assert len(found.queue) == 2
    key = found.queue[0]
    found.do(key, found.detail(key).actions[0])
    assert found.ready
    assert found.document() == {"users": {"ann": {"space_quota": 1}, "bob": {"space_quota": 2}}}


def test_secrets_are_hidden_and_carried() -> None:
    secret = {"type": "string", "x-secret": True}
    found = review(
        section(key=secret, keys={"type": "array", "items": section(pin=secret)}, old_key=secret),
        section(key=secret, keys={"type": "array", "items": section(pin=secret)}),
        values={"key": "hunter2", "keys": [{"pin": "hunter2"}], "old_key": "hunter2"},
    )
    assert row(found, "key").mark == "?"
    said = "".join(repr(one) for one in found.rows())
    said += repr([found.detail(one.key).why for one in found.rows()])
    said += repr([a.preview for one in found.rows() for a in found.detail(one.key).actions])
    assert "hunter2" not in said
    assert found.archive()[0].secret


def test_bulk_decisions_say_their_count_and_are_one_step() -> None:
    names = [f"o{i}" for i in range(5)]
    found = review(
        section(s=section(**{name: number(1) for name in names}), t=number(1)),
        section(s=section(**{name: number(2) for name in names}), t=number(2)),
        values={"s": dict.fromkeys(names, 7), "t": 7},
    )
    labels = {bulk.label: bulk for bulk in found.bulks(("s",))}
    bulk = labels["take the new default of 5 options in s"]
    assert bulk.count == 5
    found.do_all(bulk)
    assert found.queue == (old("t"),)
    assert found.document() == {"t": 7}
    found.undo()
    assert len(found.queue) == 6


def test_the_queue_is_walked_both_ways_and_wraps() -> None:
    options = {name: number(1) for name in "abcd"}
    later = {name: number(2) for name in "abcd"}
    found = review(section(**options), section(**later), values={"a": 9, "c": 9, "d": 9})
    assert found.next() == old("a")
    assert found.next(old("a")) == old("c")
    assert found.next(old("b")) == old("c")
    assert found.next(old("d")) == old("a")
    assert found.next(old("a"), back=True) == old("d")


def test_filters_narrow_and_rows_stay_when_they_are_decided() -> None:
    found = review(
        section(alpha=number(1), beta=number(1)),
        section(alpha=number(2), beta=number(1), gamma=number(1)),
        values={"alpha": 9},
    )
    asked = found.rows(Filter(asks=True))
    assert [one.path for one in asked] == ["alpha"]
    found.decide(asked.keys[0], Verb.KEEP)
    assert [one.asks for one in asked] == [False]
    assert [one.path for one in found.rows(Filter(asks=True))] == ["alpha"]
    assert [one.path for one in found.rows(Filter(statuses=frozenset({Status.NEW})))] == ["gamma"]
    assert [one.path for one in found.rows(Filter(mine=True))] == ["alpha"]
    assert [one.path for one in found.rows(Filter(text="BET"))] == ["beta"]


def test_several_became_one_and_one_several() -> None:
    found = review(
        section(host=text("localhost"), port=number(80), pair=text()),
        section(bind=text(), left=text(), right=text()),
        values={"host": "h", "pair": "a/b"},
        migrations=declared(
            {"join": {"from": ["host", "port"], "to": "bind", "by": ":"}},
            {"split": {"from": "pair", "to": ["left", "right"], "by": "/"}},
        ),
    )
    assert found.ready
    assert found.document() == {"bind": "h:80", "left": "a", "right": "b"}
    assert {one.value for one in found.archive()} == {"h", "a/b"}


def test_values_are_not_touched_by_a_review() -> None:
    values = {"a": {"b": [1, {"c": 2}]}}
    before = copy.deepcopy(values)
    found = review(section(a=section(b={})), section(), values=values)
    found.decide(found.queue[0], Verb.OUT)
    found.document()["x"] = 1
    assert values == before
    assert found.document() == {}
    with pytest.raises(ValueError, match="no place"):
        found.decide(old("a", "b"), Verb.SET, value=1)
    assert validate_document(section(), found.document()) == []
