"""When a PostgreSQL database is replicated row by row, and what is said where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.state.logical import Publishing, Subscribing, logical_obstacle

SOURCE = Publishing(
    version=160004, wal_level="logical", senders=10, slots=10, editable=True, standby=False,
    provider="c", owner="synapse", encoding="UTF8", collate="C", ctype="C", size=1 << 30,
    incomparable=(), configured=(), firing=(),
)  # fmt: skip
TARGET = Subscribing(system="7", workers=4, slots=10, standby=False, free=10 << 30)


def test_where_nothing_stands_against_it_nothing_is_said() -> None:
    assert logical_obstacle(SOURCE, TARGET) == ""
    assert logical_obstacle(SOURCE.model_copy(update={"version": 140000}), TARGET) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wal_level": "replica"}, "wal_level is replica, and logical takes a restart"),
        ({"version": 130009}, "older than 14"),
        ({"senders": 1}, "max_wal_senders"),
        ({"slots": 0}, "max_replication_slots"),
        ({"editable": False}, "pg_hba.conf"),
        ({"standby": True}, "standby itself"),
        ({"provider": "i"}, "not the C library's"),
        ({"incomparable": ("a", "b")}, "a, b has no key"),
        ({"configured": ("postgis",)}, "postgis keeps rows"),
        ({"firing": ("log",)}, "log has triggers"),
        ({"size": 10 << 30}, "10240 MiB free for 10240 MiB"),
    ],
)
def test_what_the_source_does_not_allow_is_said(changes: dict[str, Any], words: str) -> None:
    assert words in logical_obstacle(SOURCE.model_copy(update=changes), TARGET)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"workers": 1}, "workers"), ({"slots": 1}, "slots"), ({"standby": True}, "standby of")],
)
def test_what_the_target_does_not_allow_is_said(changes: dict[str, Any], words: str) -> None:
    assert words in logical_obstacle(SOURCE, TARGET.model_copy(update=changes))
