"""When a PostgreSQL database can be replicated row by row into another one, and what stands
against it.

For servers of which one cannot follow the other physically: another major version, another
architecture, text that sorts differently, other databases at the target. What rows do not say is
carried by itself: the schema before, sequences, large objects, tables that are not logged and
materialised views after the freeze. Pure: facts in, words out.
"""

from __future__ import annotations

from pydantic import Field

from engine.model.base import Model

_OLDEST = 14
"""The first major with pg_read_all_data, by which a role reads all tables and writes none."""


class Publishing(Model):
    """What `programs.publisher` finds out about a database."""

    version: int
    """As in server_version_num: 160004."""
    wal_level: str
    senders: int
    """How many more may connect to be sent WAL."""
    slots: int
    """How many more replication slots there may be."""
    editable: bool
    """Who may connect can be written."""
    standby: bool
    provider: str
    """Of the database's collation: c for the C library."""
    owner: str
    encoding: str
    collate: str
    ctype: str
    size: int = Field(ge=0)
    incomparable: tuple[str, ...]
    """Tables without a key, of a type that knows no equality: a row is not found again."""
    configured: tuple[str, ...]
    """Extensions with rows of the user's in their own tables."""
    firing: tuple[str, ...]
    """Tables with triggers that fire for what is replicated, too."""


class Subscribing(Model):
    """What `programs.subscriber` finds out about the target's server."""

    system: str
    """Its identifier, by which the source knows slots as its."""
    workers: int
    """For replication: one that applies, and one at least that copies."""
    slots: int
    """How many more subscriptions and copies of a table there may be."""
    standby: bool
    free: int
    """Bytes where the cluster is."""


def logical_obstacle(source: Publishing, target: Subscribing) -> str:
    """Why not row by row, in words; empty where it can be."""
    level = f"the source's wal_level is {source.wal_level}, and logical takes a restart of it"
    space = f"the target has {target.free >> 20} MiB free for {source.size >> 20} MiB"
    needed = source.size + source.size // 10 + (256 << 20)
    reasons = (
        (level, source.wal_level != "logical"),
        (f"PostgreSQL {source.version // 10000} is older than {_OLDEST}", _is_old(source)),
        ("the source is a standby itself", source.standby),
        ("the source's max_wal_senders lets nobody in", source.senders < 2),
        ("the source's max_replication_slots lets nobody in", source.slots < 2),
        ("the source's pg_hba.conf cannot be written", not source.editable),
        ("its collation is not the C library's", source.provider != "c"),
        (_told(source.incomparable, "has no key and rows that cannot be told apart"), True),
        (_told(source.configured, "keeps rows in its own tables"), True),
        (_told(source.firing, "has triggers that fire for replicated rows"), True),
        ("the target is a standby of something else", target.standby),
        ("the target's max_logical_replication_workers are too few", target.workers < 2),
        ("the target's max_replication_slots are too few", target.slots < 2),
        (space, target.free < needed),
    )
    return next((why for why, there in reasons if why and there), "")


def _is_old(source: Publishing) -> bool:
    return source.version // 10000 < _OLDEST


def _told(names: tuple[str, ...], what: str) -> str:
    return f"{', '.join(names)} {what}" if names else ""
