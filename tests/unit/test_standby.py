"""When a PostgreSQL cluster follows another one, and when it is dumped instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state.standby import (
    ClusterFacts,
    DatabaseFacts,
    is_older,
    obstacle,
    settings_to_raise,
)

HARBOUR = DatabaseFacts(tables=3, extensions=("plpgsql",), unlogged=0, sorted=False)
CLUSTER = ClusterFacts(
    version=160004, data="/d", hba="/d/pg_hba.conf", block="8192", wal_level="replica", senders=10,
    standby=False, tablespaces=0, size=1 << 30, settings={"max_connections": 100},
    available={"plpgsql": "1.0"}, databases={"harbour": HARBOUR}, libc="glibc 2.36",
    machine="x86_64", free=10 << 30, movable=True, editable=True,
)  # fmt: skip


def other(**changes: Any) -> ClusterFacts:
    return CLUSTER.model_copy(update=changes)


def database(**changes: Any) -> dict[str, DatabaseFacts]:
    return {"harbour": HARBOUR.model_copy(update=changes)}


def test_two_alike_follow_each_other() -> None:
    assert obstacle(CLUSTER, CLUSTER) == ""
    assert obstacle(CLUSTER, other(version=160001, databases={})) == ""
    assert obstacle(other(databases=database(unlogged=1)), CLUSTER, "harbour") == ""


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ({"version": 120000}, {"version": 120000}, "PostgreSQL 12 is older than 13"),
        ({"standby": True}, {}, "standby itself"),
        ({"databases": database(unlogged=1)}, {}, "harbour has tables that are not logged"),
        ({"wal_level": "minimal"}, {}, "wal_level"),
        ({"senders": 1}, {}, "max_wal_senders"),
        ({"tablespaces": 1}, {}, "tablespaces"),
        ({"editable": False}, {}, "pg_hba.conf"),
        ({}, {"standby": True}, "standby of something else"),
        ({}, {"databases": {"ledger": HARBOUR}}, "databases of its own: ledger"),
        ({}, {"movable": False}, "a link or a file system"),
        ({}, {"free": 1 << 30}, "1024 MiB free for 1024 MiB"),
        ({}, {"version": 180001}, "PostgreSQL 16 at the source, 18 at the target"),
        ({}, {"machine": "aarch64"}, "aarch64 at the target"),
        ({}, {"block": "16384"}, "different sizes"),
        ({"databases": database(extensions=("vector",))}, {}, "the extension vector"),
        ({"databases": database(sorted=True)}, {"libc": "glibc 2.41"}, "harbour sorts by glibc"),
    ],
)
def test_what_stands_against_it_is_said(
    source: dict[str, Any], target: dict[str, Any], said: str
) -> None:
    assert said in obstacle(other(**source), other(**target))


def test_an_order_of_the_library_does_not_matter_where_it_is_the_same() -> None:
    sorting = other(databases=database(sorted=True))
    assert obstacle(sorting, sorting) == ""


@given(st.integers(13, 30), st.integers(13, 30))
def test_only_the_same_major_follows_and_an_older_one_is_told(here: int, there: int) -> None:
    source, target = other(version=here * 10000 + 3), other(version=there * 10000)
    assert (obstacle(source, target) == "") == (here == there)
    assert is_older(source, target) == (there < here)


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)),
)
def test_a_standby_allows_as_much_as_its_source(
    here: dict[str, int], there: dict[str, int]
) -> None:
    raised = settings_to_raise(other(settings=here), other(settings=there))
    for name, value in here.items():
        assert raised.get(name, there.get(name, 0)) >= value
    assert all(value == here[name] for name, value in raised.items())
