"""What two PostgreSQL servers have in common while one follows, and what is read again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.state.survey import (
    PER_CHUNK,
    Chunk,
    Table,
    joined,
    settled,
    surveyed,
    to_read,
    unsettled,
)

numbers = st.sets(st.integers(0, 40))


def read(chunks: dict[int, tuple[int, str]], count: int, file: str = "5/100") -> dict[str, Any]:
    sums = {str(number): list(found) for number, found in chunks.items()}
    return {"t": {"file": file, "blocks": count * PER_CHUNK + 3, "sums": sums}}


def table(same: set[int], count: int = 41) -> Table:
    chunks = {number: Chunk(rows=number, total=-number) for number in same}
    return Table(file="5/100", chunks=count, same=chunks)


def inside(number: int, ranges: Any) -> bool:
    return any(first <= number and (last is None or number < last) for first, last in ranges)


@given(numbers)
def test_ranges_hold_the_numbers_and_no_others(some: set[int]) -> None:
    ranges = joined(sorted(some))
    assert {number for number in range(60) if inside(number, ranges)} == some
    assert all(a[1] is not None and a[1] < b[0] for a, b in pairwise(ranges))


@given(numbers, numbers, numbers)
def test_each_block_is_known_or_read_and_what_was_written_is_read(
    same: set[int], here: set[int], there: set[int]
) -> None:
    written = [{"5/100": tuple(sorted(some)), "5/7": (1,)} for some in (here, there)]
    kept = settled({"t": table(same)}, {"t": "5/100"}, *written)["t"]
    assert set(kept.same) == same - here - there
    ranges = unsettled(kept)
    assert {number for number in range(100) if not inside(number, ranges)} == set(kept.same)
    known = to_read({"t": kept})["t"]
    assert known["rows"] == sum(kept.same)
    assert int(known["total"]) == -sum(kept.same)


def test_a_table_that_was_written_anew_or_truncated_is_read_whole() -> None:
    tables = {"t": table({1, 2})}
    assert settled(tables, {"t": "5/101"}, {}) == {}
    assert settled(tables, {}, {}) == {}
    assert settled(tables, {"t": "5/100"}, {}, {"5/100": None}) == {}


@given(st.dictionaries(st.integers(0, 40), st.tuples(st.integers(0, 9), st.sampled_from("12"))))
def test_only_what_is_equal_at_both_sides_is_the_same(chunks: dict[int, tuple[int, str]]) -> None:
    other = {number: (rows, "1") for number, (rows, _) in chunks.items()}
    found = surveyed({}, read(chunks, 41), read(other, 41))["t"]
    differing = {number for number, (_, total) in chunks.items() if total != "1"}
    assert set(found.same) == set(range(41)) - differing
    assert found.chunks == 41


def test_what_held_before_holds_and_a_file_that_changed_meanwhile_does_not_count() -> None:
    before = {"t": table({3, 4})}
    found = surveyed(before, read({5: (1, "9")}, 41), read({5: (1, "8")}, 41))["t"]
    assert found.same[3] == Chunk(rows=3, total=-3)
    assert 5 not in found.same
    assert surveyed(before, read({}, 41, "5/101"), read({}, 41, "5/101")) == {}
    assert surveyed({}, read({}, 41, "5/100"), read({}, 41, "5/101")) == {}


def test_names_that_psql_cannot_be_told_are_read_whole() -> None:
    assert to_read({'public."new\nline"': table({1})}) == {}
