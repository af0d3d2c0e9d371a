"""For all evolutions of a schema, values and decisions: nothing is lost, nothing asked twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forms import validate_document
from forms.migrations import read_migrations
from forms.paths import parse_path
from forms.upgrade import Action, Filter, Key, Ledger, Release, Review, Verb, answers_text
from forms.upgrade import read_answers_text as read_text
from forms.values import ABSENT, identical
from tests.unit.upgrade_strategies import Draw, History, histories, option_at, value_of

SLOW = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_MOST_DECISIONS = 80


def opened(history: History, **more: Any) -> Review:
    releases = [Release(f"{i + 1}.0", schema) for i, schema in enumerate(history.schemas)]
    migrations = read_migrations(history.migrations)
    return Review(releases, history.values, application="app", migrations=migrations, **more)


def leaves(value: Any) -> list[str]:
    """All plain values, and empty lists and sections, wherever they are."""
    if isinstance(value, dict) and value:
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list) and value:
        return [leaf for inner in value for leaf in leaves(inner)]
    return [json.dumps(value)]


def assert_nothing_is_lost(review: Review, values: Any) -> None:
    """Every value is in the new document or the archive, as often as it was set; and each that
    the archive has is where it says that it was."""
    kept = Counter(leaves(review.document()))
    for one in review.archive():
        kept += Counter(leaves(one.value))
        there = values
        for part in one.place:
            there = there[part]
        assert identical(there, one.value)
    missing = Counter(leaves(values)) - kept
    missing.pop("{}", None)  # an empty section may have got something in it
    assert not missing


def decide_one(draw: Draw, review: Review, history: History) -> None:
    """Some decision of some open row."""
    key = draw(st.sampled_from(review.queue))
    detail = review.detail(key)
    if not detail.actions:
        others = [row.key for row in review.rows() if row.new_path and row.key.path]
        key = draw(st.sampled_from(others))
        detail = review.detail(key)
    action: Action = draw(st.sampled_from(detail.actions))
    if action.verb is Verb.SET and action.value is ABSENT:
        option = option_at(history.schemas[-1], parse_path(detail.row.new_path))
        value = draw(value_of(option, 5_000_000))
        review.decide(key, Verb.SET, value=value)
    else:
        review.do(key, action)


def decide_all(draw: Draw, review: Review, history: History) -> None:
    for _ in range(_MOST_DECISIONS):
        if review.ready:
            break
        bulks = review.bulks()
        if bulks and draw(st.integers(0, 5)) == 0:
            review.do_all(draw(st.sampled_from(bulks)))
        else:
            decide_one(draw, review, history)
        if draw(st.integers(0, 7)) == 0:
            review.undo()


def state(review: Review) -> Any:
    rows = list(review.rows())
    return review.document(), review.archive(), review.queue, rows


@SLOW
@given(histories(), st.data())
def test_nothing_is_lost_and_what_is_ready_is_valid(history: History, data: st.DataObject) -> None:
    review = opened(history)
    assert_nothing_is_lost(review, history.values)
    before = state(review)
    decide_all(data.draw, review, history)
    assert_nothing_is_lost(review, history.values)
    problems = validate_document(history.schemas[-1], review.document())
    assert review.ready == (not review.queue)
    if review.ready:
        assert problems == []
    for row in review.rows(Filter(asks=True)):
        assert row.asks == (row.key in review.queue)
    while review.undoable:
        review.undo()
    assert state(review) == before


@SLOW
@given(histories(), st.data())
def test_leaving_and_coming_back_changes_nothing(history: History, data: st.DataObject) -> None:
    review = opened(history)
    for _ in range(data.draw(st.integers(0, 6))):
        if not review.ready:
            decide_one(data.draw, review, history)
    draft = json.loads(json.dumps(review.dump()))
    again = opened(history)
    refused = again.load(draft)
    left_out = draft.get("left_out", [])
    if not left_out:
        assert state(again) == state(review)
        assert all(one.why for one in refused)
        assert again.dump() == draft
    answered = opened(history)
    answered.answer(read_text(answers_text(draft)))
    assert state(answered) == state(again)
    assert_nothing_is_lost(answered, history.values)


@SLOW
@given(histories(), st.data())
def test_what_was_decided_of_an_identity_is_never_asked_again(
    history: History, data: st.DataObject
) -> None:
    review = opened(history, who="kim")
    decide_all(data.draw, review, history)
    confirmed = {
        key
        for key in (row.key for row in review.rows())
        if review.said(key).decision.startswith(Verb.SAME)
    }
    ledger = Ledger.from_data(json.loads(json.dumps(Ledger(review.identities()).to_data())))
    again = opened(history, ledger=ledger)
    for key in confirmed:
        row = again.row(key)
        assert row.new_path == review.row(key).new_path
        assert not (row.asks and not row.new_path)
    assert_nothing_is_lost(again, history.values)


@SLOW
@given(histories(most=2))
def test_a_review_of_the_same_release_is_ready_and_says_nothing(history: History) -> None:
    schema = history.schemas[0]
    problems = validate_document(schema, history.values)
    releases = [Release("1.0", schema), Release("1.1", schema)]
    review = Review(releases, history.values)
    assert identical(review.document(), history.values)
    assert review.archive() == ()
    assert {row.mark for row in review.rows()} <= {" ", "=", "?"} or problems
    assert review.ready == (not problems)


@given(st.sampled_from(["old", "new"]), st.lists(st.text(max_size=3), max_size=2))
def test_answers_for_what_is_not_there_are_told(side: Any, path: list[str]) -> None:
    review = Review([Release("1", {}), Release("2", {})], {})
    key = Key(side, tuple(path))
    answer = {"option": ".".join(json.dumps(part) for part in path), "side": side, "do": "keep"}
    refused = review.answer({"answers": [answer]})
    assert len(refused) == 1
    assert key not in review.queue
