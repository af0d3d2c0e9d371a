"""What two PostgreSQL servers have in common while one follows, and what is read again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.state.survey import (
    PIECE,
    Table,
    parted,
    pieces,
    standing,
    surveyed,
    to_read,
    together,
    unread,
)

blocks = st.sets(st.integers(0, 200))
FILE = "5/100"


def ranges(some: Iterable[int]) -> tuple[tuple[int, int], ...]:
    return together((block, block + 1) for block in some)


def inside(many: Iterable[Any]) -> list[int]:
    """Each block as often as it is in there."""
    return sorted(
        block for first, last, *_ in many for block in range(first, min(last or 300, 300))
    )


def table(same: Iterable[int], **more: str) -> Table:
    """A row in each block."""
    return Table(file=FILE, same=tuple((*each, each[1] - each[0]) for each in ranges(same)), **more)


@given(blocks, st.integers(1, 80))
def test_pieces_hold_the_same_blocks_and_none_lies_across_two(some: set[int], size: int) -> None:
    found = pieces(ranges(some), size)
    assert inside(found) == sorted(some)
    assert all(first // size == (last - 1) // size for first, last in found)
    assert all(a[1] <= b[0] for a, b in pairwise(found))


@given(blocks, blocks, blocks)
def test_each_block_is_known_or_read_once_and_what_was_written_is_read(
    same: set[int], here: set[int], there: set[int]
) -> None:
    written = [{FILE: ranges(some), "5/7": ((1, 2),)} for some in (here, there)]
    kept = standing({"t": table(same)}, {"t": FILE}, *written)["t"]
    assert inside(kept.same) == sorted(same - here - there)
    assert inside((*kept.same, *unread(kept, 201))) == [*range(201)]
    known = to_read({"t": kept})["t"]
    assert inside((*kept.same, *known["read"])) == [*range(300)]
    assert known["rows"] == len(same - here - there)


def test_a_table_that_was_written_anew_or_truncated_is_read_whole() -> None:
    tables = {"t": table({1, 2})}
    assert standing(tables, {"t": "5/101"}, {}) == {}
    assert standing(tables, {}, {}) == {}
    assert standing(tables, {"t": FILE}, {}, {FILE: None}) == {}


def test_a_table_is_read_whole_where_its_long_values_are_not_known() -> None:
    both = {"t": table({1}, long="l"), "l": table({1}, of="t")}
    files = {"t": FILE, "l": FILE}
    assert standing(both, files, {}).keys() == both.keys()
    assert standing(both, {"t": FILE}, {}) == {}
    assert standing(both, {"l": FILE}, {}) == {}
    assert to_read(standing(both, files, {}))["l"]["of"] == "t"


@given(st.dictionaries(st.integers(0, 200), st.tuples(st.integers(0, 9), st.sampled_from("12"))))
def test_only_what_is_equal_at_both_sides_is_the_same(found: dict[int, tuple[int, str]]) -> None:
    read = [((n, n + 1), [rows, total], [rows, "1"]) for n, (rows, total) in found.items()]
    same = surveyed(table(()), [], read).same
    equal = {number: rows for number, (rows, total) in found.items() if total == "1"}
    assert inside(same) == sorted(equal)
    assert sum(rows for *_, rows in same) == sum(equal.values())
    assert all(first // PIECE == (last - 1) // PIECE for first, last, _ in same)


def test_the_same_bytes_are_not_the_same_rows_where_the_servers_do_not_see_as_many() -> None:
    assert parted(((0, 64), (64, 70)), "ab", "ac") == (((0, 64),), ((64, 70),))
    found = surveyed(table({1}), [((2, 3), 7, 7), ((5, 6), 7, 6)], [])
    assert found.same == ((1, 3, 8),)


def test_names_that_psql_cannot_be_told_are_read_whole() -> None:
    odd = 'public."new\nline"'
    both = {odd: table({1}, long="l"), "l": table({1}, of=odd)}
    assert to_read(standing(both, {odd: FILE, "l": FILE}, {})) == {}
