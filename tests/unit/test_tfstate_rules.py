"""Who may write a state, whatever happened before: histories of any clients, drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Conflict, InvalidInput
from engine.tfstate import rules
from engine.tfstate.model import Document, Head, StateName, Version

NAME = StateName("a", "b")
START = datetime(2026, 1, 1, tzinfo=UTC)
_ids = st.sampled_from(["l1", "l2", "l3"])
_requests = st.lists(
    st.one_of(
        st.tuples(st.just("lock"), _ids),
        st.tuples(st.just("unlock"), _ids),
        st.tuples(st.just("take away"), st.none()),
        st.tuples(st.just("write"), st.sampled_from(["", "l1", "l2", "l3"])),
        st.tuples(st.just("wait"), st.integers(1, 20)),
    ),
    max_size=30,
)


def info(name: str) -> dict[str, Any]:
    return {"ID": name, "Operation": "apply", "Who": "ann"}


@given(_requests)
def test_nobody_writes_while_another_holds_the_lock(requests: list[tuple[str, Any]]) -> None:
    head, now, holder = Head(), START, ""
    for kind, value in requests:
        try:
            if kind == "lock":
                head = rules.locked(NAME, head, info(value), "ann", now)
                assert holder in ("", value)
                holder = value
            elif kind == "unlock":
                head = rules.unlocked(NAME, head, info(value), "ann", now)
                assert holder in ("", value)
                holder = ""
            elif kind == "take away":
                heard = head.lock.heard if head.lock else now - timedelta(days=1)
                head = rules.unlocked(NAME, head, None, "bob", now)
                assert now - heard >= rules.STALE_AFTER
                holder = ""
            elif kind == "write":
                rules.may_write(NAME, head, value)
                assert holder == value
            else:
                now += timedelta(minutes=value)
        except (rules.StateLocked, Conflict) as refused:
            told = getattr(refused, "holder", {}).get("ID", "")
            assert told == holder
        assert (head.lock.id if head.lock else "") == holder


@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from(["x", "y"]), st.booleans())
def test_only_a_successor_follows(old: int, new: int, lineage: str, deleted: bool) -> None:
    current = Version(
        number=1,
        key="k",
        serial=old,
        lineage="x",
        written=START,
        by="ann",
        operation="",
        previous="",
        parts=0 if deleted else 1,
    )
    document = Document.read(f'{{"serial": {new}, "lineage": "{lineage}"}}'.encode())
    try:
        rules.must_follow(NAME, current, document)
    except Conflict:
        assert not deleted
        assert new <= old or lineage != "x"
    else:
        assert deleted or (new > old and lineage == "x")


@given(st.text(max_size=12))
def test_a_name_that_is_taken_has_two_plain_parts(text: str) -> None:
    try:
        name = StateName.parse(text)
    except InvalidInput:
        return
    assert str(name) == text
    assert text.count("/") == 1
    assert not {name.project, name.name} & {"", ".", ".."}


@given(st.binary(max_size=60))
def test_any_bytes_are_a_state_or_are_refused(body: bytes) -> None:
    try:
        assert Document.read(body).body == body
    except InvalidInput:
        return


@pytest.mark.parametrize("secret", ["", "x"])
def test_without_credentials_nobody_is_let_in(secret: str) -> None:
    with pytest.raises(rules.NotLetIn):
        rules.Caller("ann", secret).admit(Head())
