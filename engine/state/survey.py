"""What two PostgreSQL servers were found to have in common while one followed the other.

A standby has its source's files, block for block. So while the source serves, large tables are
compared by the bytes of their files, in pieces, and only where those differ (hint bits, which a
server sets without a word to its standby) by their rows. After the freeze only blocks are read
that were written since, which both servers' WAL says, or that were not found the same.

The bytes alone would not do: whether a row is to be seen depends on what the server knows of its
transaction, too. So the rows that each server sees in such a piece are counted at both sides.
Long values lie in a table of their own, which is compared in the same way; a table whose long
values cannot be is read whole. Pure: what programs.survey found goes in, what is settled and what
is to be read comes out.

What this leaves out: a block that nobody wrote since and that the disk or a person changed
beneath the server, between the survey and the freeze. Page checksums are for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.model.base import Model

Blocks = tuple[tuple[int, int], ...]
"""From and to (not included), ascending."""
Span = tuple[int, int, int]
"""From and to of blocks, and how many rows are in them."""
Written = Mapping[str, Sequence[Sequence[int]] | None]
"""File of a table -> its blocks that were written, as in `Blocks`; none for all of them."""

PIECE = 64
"""Blocks that are compared by one sum."""
BULK = 8192
"""Blocks to read from which on their bytes are compared first, which takes a checkpoint."""


class Table(Model):
    file: str
    """"database/filenode": another one means that it was written anew as a whole."""
    same: tuple[Span, ...]
    """What was equal at both sides, ascending."""
    long: str = ""
    """The table of its long values; empty where it has none."""
    of: str = ""
    """Whose long values these are; empty for a table of the database's own."""


class Survey(Model):
    lsn: str
    """Blocks written from here on are not covered."""
    tables: dict[str, Table]


def standing(
    tables: Mapping[str, Table], files: Mapping[str, str], *written: Written
) -> dict[str, Table]:
    """What holds after this was written. files: of the tables as they are now."""
    kept = {}
    for name, table in tables.items():
        lists = [blocks.get(table.file, ()) for blocks in written]
        if files.get(name) == table.file and None not in lists:
            gone = sorted((first, last) for some in lists for first, last in some or ())
            kept[name] = table.model_copy(update={"same": tuple(_without(table.same, gone))})
    return {name: kept[name] for name in paired(kept)}


def _without(spans: Iterable[Span], gone: Sequence[tuple[int, int]]) -> Iterator[Span]:
    """Of a span of which blocks are gone, each of the others has as many rows as the next one."""
    at = 0
    for first, last, rows in spans:
        while at < len(gone) and gone[at][1] <= first:
            at += 1
        for begin, end in between(gone, first, last, at):
            yield begin, end, rows * (end - begin) // (last - first)


def unread(table: Table, blocks: int) -> Blocks:
    """The rest of its file of so many blocks."""
    return tuple(between([(first, last) for first, last, _ in table.same], 0, blocks))


def paired(tables: Mapping[str, Table]) -> list[str]:
    """Without tables whose long values are not among them, and these without their table."""
    return [
        name
        for name, table in tables.items()
        if all(other in tables for other in (table.long, table.of) if other)
    ]


def between(
    gone: Sequence[tuple[int, int]], first: int, last: int, start: int = 0
) -> Iterator[tuple[int, int]]:
    """Blocks from first to last that are not among these, which ascend by their beginning and
    are looked at from `start` on."""
    for index in range(start, len(gone)):
        begin, end = gone[index]
        if begin >= last:
            break
        if begin > first:
            yield first, begin
        first = max(first, end)
    if first < last:
        yield first, last


def pieces(blocks: Iterable[tuple[int, int]], size: int = PIECE) -> Blocks:
    """The same blocks, none of them across a multiple of that size."""
    found = []
    for first, last in blocks:
        while first < last:
            end = min(last, first - first % size + size)
            found.append((first, end))
            first = end
    return tuple(found)


def parted(blocks: Blocks, here: Sequence[str], there: Sequence[str]) -> tuple[Blocks, Blocks]:
    """Those with the same digest at both sides, and the others."""
    alike = [one == other for one, other in zip(here, there, strict=True)]
    return (
        tuple(each for each, same in zip(blocks, alike, strict=True) if same),
        tuple(each for each, same in zip(blocks, alike, strict=True) if not same),
    )


def together(blocks: Iterable[tuple[int, int]]) -> Blocks:
    """In order, those of one piece that meet put together."""
    return tuple((first, last) for first, last, _ in _merged((*each, 0) for each in blocks))


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for first, last, rows in sorted(spans):
        if found and found[-1][1] == first and first % PIECE:
            found[-1] = (found[-1][0], last, found[-1][2] + rows)
        else:
            found.append((first, last, rows))
    return tuple(found)


def surveyed(
    before: Table,
    counted: Iterable[tuple[tuple[int, int], Any, Any]],
    read: Iterable[tuple[tuple[int, int], Any, Any]],
) -> Table:
    """before: what still held. counted: blocks whose bytes are the same, and the rows at the two
    sides. read: blocks, and rows and sum of their hashes at the two sides."""
    same = [*before.same]
    same += [(*blocks, int(here)) for blocks, here, there in counted if here == there]
    same += [(*blocks, int(here[0])) for blocks, here, there in read if here == there]
    return before.model_copy(update={"same": _merged(same)})


def to_read(tables: Mapping[str, Table]) -> dict[str, Any]:
    """For `programs.postgres`: which blocks of these tables are to be read, the last ones to the
    end wherever that is, and about how many rows are in the others."""
    told = {name: table for name, table in tables.items() if name.isprintable()}
    return {
        name: {
            "of": told[name].of,
            "read": [*unread(told[name], last := _end(told[name])), (last, None)],
            "rows": sum(rows for _, _, rows in told[name].same),
        }
        for name in paired(told)
    }


def _end(table: Table) -> int:
    return max((last for _, last, _ in table.same), default=0)
