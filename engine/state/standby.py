"""When a PostgreSQL cluster can follow another one physically, and what stands against it.

A standby has the source's files, byte for byte. So both servers must be of one major version and
of one architecture, and text must sort alike: an index whose order comes from another C library
or ICU finds rows no more, without a word. Pure: facts in, words out.
"""

from __future__ import annotations

from pydantic import Field

from engine.model.base import Model

_OLDEST = 13
"""The first major with wal_keep_size, by which the source keeps WAL for the standby."""
_SENDERS = 2
"""pg_basebackup with its WAL; the standby needs one, later."""


class DatabaseFacts(Model):
    tables: int = Field(ge=0)
    extensions: tuple[str, ...]
    unlogged: int = Field(ge=0)
    """Tables and sequences that are not in the WAL."""
    sorted: bool
    """Some index is in an order that a library of the guest defines."""


class ClusterFacts(Model):
    """What `programs.primary` finds out about a cluster and its guest."""

    version: int
    """As in server_version_num: 160004."""
    data: str
    hba: str
    block: str
    wal_level: str
    senders: int
    """How many more may connect to be sent WAL."""
    standby: bool
    tablespaces: int
    size: int
    """Bytes of all databases."""
    settings: dict[str, int]
    available: dict[str, str]
    """Extensions that can be had: name -> version."""
    databases: dict[str, DatabaseFacts]
    libc: str
    machine: str
    free: int
    """Bytes where the cluster is."""
    movable: bool
    """The cluster's directory can be renamed."""
    editable: bool
    """Who may connect can be written."""

    @property
    def major(self) -> int:
        return self.version // 10000


def is_older(source: ClusterFacts, target: ClusterFacts) -> bool:
    """What a newer PostgreSQL wrote cannot be relied on to be read by an older one."""
    return target.major < source.major


def obstacle(source: ClusterFacts, target: ClusterFacts, carried: str = "") -> str:
    """Why the target cannot follow the source, in words; empty where it can. carried: the
    database that is moved, of which also what is not logged is brought over."""
    reasons = (*_of_source(source, carried), *_of_target(source, target), *_of_both(source, target))
    return next((why for why, there in reasons if there), "")


def settings_to_raise(source: ClusterFacts, target: ClusterFacts) -> dict[str, int]:
    """A standby allows at least as much as its source, or it does not start (PostgreSQL's
    documentation, "Hot Standby", Administrator's Overview)."""
    own = target.settings
    return {k: v for k, v in sorted(source.settings.items()) if v > own.get(k, 0)}


def _of_source(source: ClusterFacts, carried: str) -> tuple[tuple[str, bool], ...]:
    found = source.databases.items()
    unlogged = sorted(name for name, facts in found if facts.unlogged and name != carried)
    return (
        (f"{', '.join(unlogged)} has tables that are not logged", bool(unlogged)),
        (f"PostgreSQL {source.major} is older than {_OLDEST}", source.major < _OLDEST),
        ("the source is a standby itself", source.standby),
        ("the source's wal_level is minimal", source.wal_level == "minimal"),
        ("the source's max_wal_senders lets nobody in", source.senders < _SENDERS),
        ("the source has tablespaces of its own", source.tablespaces > 0),
        ("the source's pg_hba.conf cannot be written", not source.editable),
    )


def _of_target(source: ClusterFacts, target: ClusterFacts) -> tuple[tuple[str, bool], ...]:
    others = sorted(
        name
        for name, found in target.databases.items()
        if found.tables and name not in source.databases
    )
    space = f"the target has {target.free >> 20} MiB free for {source.size >> 20} MiB"
    return (
        ("the target is a standby of something else", target.standby),
        (f"the target has databases of its own: {', '.join(others)}", bool(others)),
        ("the target's cluster is a link or a file system of its own", not target.movable),
        (space, target.free < source.size + source.size // 10 + (256 << 20)),
    )


def _of_both(source: ClusterFacts, target: ClusterFacts) -> tuple[tuple[str, bool], ...]:
    used = {name for found in source.databases.values() for name in found.extensions}
    missing = sorted(used - target.available.keys())
    by_library = sorted(name for name, found in source.databases.items() if found.sorted)
    same_library = source.libc == target.libc
    return (
        (
            f"PostgreSQL {source.major} at the source, {target.major} at the target",
            source.major != target.major,
        ),
        (
            f"{source.machine} at the source, {target.machine} at the target",
            source.machine != target.machine,
        ),
        ("pages of different sizes", source.block != target.block),
        (f"the target does not have the extension {', '.join(missing)}", bool(missing)),
        (
            f"{', '.join(by_library)} sorts by {source.libc} at the source, "
            f"{target.libc} at the target",
            bool(by_library) and not same_library,
        ),
    )
