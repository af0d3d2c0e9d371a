"""What two PostgreSQL servers were found to have in common while one followed the other.

After the freeze only those chunks of large tables are read that were written since, or that were
not found the same. Pure: what programs.survey found goes in, what is settled and what is to be
read comes out.

What this leaves out: a block that nobody wrote since and that the disk or a person changed
beneath the server, between the survey and the freeze. Page checksums are for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from engine.model.base import Model

Ranges = tuple[tuple[int, int | None], ...]
"""Chunks from and to (not included); none for the end, however far it is."""
Chunks = dict[str, tuple[int, ...] | None]
"""File of a table -> its chunks that were written; none for all of them."""


PER_CHUNK = 64
"""Blocks; as `programs.survey` has it."""


class Chunk(Model):
    rows: int = Field(ge=0)
    total: int
    """Of the hashes of its rows."""


class Table(Model):
    file: str
    """"database/filenode": another one means that it was written anew as a whole."""
    chunks: int = Field(ge=0)
    """How many are full; what lies behind them is read each time."""
    same: dict[int, Chunk]
    """Read at both sides, and equal."""


class Survey(Model):
    lsn: str
    """Blocks written from here on are not covered."""
    tables: dict[str, Table]


def settled(
    tables: Mapping[str, Table], files: Mapping[str, str], *written: Chunks
) -> dict[str, Table]:
    """What still holds after this was written. files: of the tables as they are now."""
    kept = {}
    for name, table in tables.items():
        lists = [chunks.get(table.file, ()) for chunks in written]
        if files.get(name) != table.file or None in lists:
            continue
        gone = {chunk for some in lists for chunk in some or ()}
        same = {number: chunk for number, chunk in table.same.items() if number not in gone}
        kept[name] = table.model_copy(update={"same": same})
    return kept


def unsettled(table: Table) -> Ranges:
    """What is to be read of it."""
    missing = [number for number in range(table.chunks) if number not in table.same]
    return (*joined(missing), (table.chunks, None))


def to_read(tables: Mapping[str, Table]) -> dict[str, Any]:
    """For `programs.postgres`: what of these tables is to be read, and what is known of them."""
    return {
        name: {
            "ranges": [
                [first * PER_CHUNK, last and last * PER_CHUNK] for first, last in unsettled(table)
            ],
            "rows": sum(chunk.rows for chunk in table.same.values()),
            "total": str(sum(chunk.total for chunk in table.same.values())),
        }
        for name, table in tables.items()
        if name.isprintable()
    }


def joined(numbers: Iterable[int]) -> Ranges:
    """Ascending numbers as ranges."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number:
            ranges[-1][1] = number + 1
        else:
            ranges.append([number, number + 1])
    return tuple((first, last) for first, last in ranges)


def surveyed(
    before: Mapping[str, Table], here: Mapping[str, Any], there: Mapping[str, Any]
) -> dict[str, Table]:
    """before: what still held. here, there: what was read of the rest at the two sides. A chunk
    without rows is in neither, and the same."""
    tables = {}
    for name in here.keys() & there.keys():
        one, other = here[name], there[name]
        old = before.get(name)
        if one["file"] != other["file"] or (old and old.file != one["file"]):
            continue  # written anew meanwhile: not all of it was read
        count = min(one["blocks"], other["blocks"]) // PER_CHUNK
        same = dict(old.same) if old else {}
        for number in set(range(count)) - same.keys():
            pair = [side["sums"].get(str(number), [0, "0"]) for side in (one, other)]
            if pair[0] == pair[1]:
                same[number] = Chunk(rows=pair[0][0], total=int(pair[0][1]))
        same = {number: chunk for number, chunk in same.items() if number < count}
        tables[name] = Table(file=one["file"], chunks=count, same=same)
    return tables
