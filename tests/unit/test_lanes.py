"""Which units of a package are carried side by side in the time away."""

from __future__ import annotations

import pytest

from engine.catalog.package import StateUnit
from engine.planning.lanes import MOST, lanes


def unit(name: str, kind: str, locator: str = "") -> StateUnit:
    fields = {"id": name, "kind": kind, "locator": locator or name, "class": "valuable"}
    return StateUnit.model_validate(fields)


def ids(*units: StateUnit) -> list[list[str]]:
    return [[one.id for one in lane] for lane in lanes(units)]


def test_units_that_have_nothing_in_common_do_not_wait_for_each_other() -> None:
    database, media = unit("database", "postgresql"), unit("media", "files", "{data}/media")
    assert ids(database, media, unit("queue", "redis")) == [["database"], ["media"], ["queue"]]


@pytest.mark.parametrize("outer", ["{data}", "{data}/", "{data}/store.db"])
def test_a_path_within_another_ones_waits_for_it(outer: str) -> None:
    tree, store = unit("tree", "files", outer), unit("store", "sqlite", "{data}/store.db")
    beside = unit("beside", "files", "{config}/users")
    assert ids(store, beside, tree) == [["store", "tree"], ["beside"]]


def test_a_path_that_only_begins_like_another_one_is_no_part_of_it() -> None:
    assert ids(unit("one", "files", "{data}/a"), unit("two", "files", "{data}/ab")) == [
        ["one"],
        ["two"],
    ]


def test_units_of_one_server_follow_each_other() -> None:
    """A PostgreSQL cluster follows and is promoted as a whole."""
    first, second = unit("first", "postgresql"), unit("second", "postgresql")
    assert ids(first, unit("files", "files", "{data}"), second) == [["first", "second"], ["files"]]


def test_a_unit_may_join_what_was_apart() -> None:
    inner = unit("a", "files", "{data}/a"), unit("b", "files", "{data}/b")
    assert ids(*inner, unit("all", "files", "{data}")) == [["a", "b", "all"]]


def test_however_many_there_are_few_are_carried_at_a_time() -> None:
    units = [unit(f"u{number}", "files", f"{{data}}/{number}") for number in range(9)]
    found = ids(*units)
    assert len(found) == MOST
    assert sorted(name for lane in found for name in lane) == [one.id for one in units]
