"""What two PostgreSQL servers were found to have in common while one followed the other.

A standby has its source's files, block for block. So while the source serves, large tables are
compared by the bytes of their files, in pieces, and only where those differ (hint bits, which a
server sets without a word to its standby) by their rows. After the freeze only blocks are read
that were written since, which both servers' WAL says, or that were not found the same.

The bytes alone would not do: whether a row is to be seen depends on what the server knows of its
transaction, too. So the rows that each server sees in a piece are counted at both sides. Long
values lie in a table of their own, which is compared in the same way; a table whose long values
cannot be is read whole. Pure: what programs.survey found goes in, what is settled and what is to
be read comes out.

What this leaves out: a block that nobody wrote since and that the disk or a person changed
beneath the server, between the survey and the freeze. Page checksums are for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.model.base import Model

Blocks = tuple[tuple[int, int], ...]
"""From and to (not included), ascending."""
Written = Mapping[str, Sequence[Sequence[int]] | None]
"""File of a table -> its blocks that were written, as in `Blocks`; none for all of them."""

PIECE = 64
"""Blocks that are compared by one sum."""
BULK = 8192
"""Blocks to read from which on their bytes are compared first, for which a server has to write\nall of its memory to the disk."""


class Table(Model):
    file: str
    """"database/filenode": another one means that it was written anew as a whole."""
    same: tuple[tuple[int, int, int], ...]
    """From and to of blocks that were equal at both sides, and how many rows are in them."""
    long: str = ""
    """The table of its long values; empty where it has none."""
    of: str = ""
    """Whose long values these are; empty for a table of the database's own."""


class Survey(Model):
    lsn: str
    """Blocks written from here on are not covered."""
    tables: dict[str, Table]


@dataclass(frozen=True)
class Standing:
    """What of a survey still holds for a table.

    same: blocks that nobody wrote, with their rows. count: blocks that nobody wrote, of a piece
    in which others were: what they hold is known, how many rows they have is not.
    """

    table: Table
    same: tuple[tuple[int, int, int], ...] = ()
    count: Blocks = ()

    def unread(self, blocks: int) -> Blocks:
        """The rest of a file of so many blocks."""
        known = sorted([(first, last) for first, last, _ in self.same] + [*self.count])
        return tuple(without((0, blocks), known))


def standing(
    tables: Mapping[str, Table], files: Mapping[str, str], *written: Written
) -> dict[str, Standing]:
    """What holds after this was written. files: of the tables as they are now."""
    kept = {}
    for name, table in tables.items():
        lists = [blocks.get(table.file, ()) for blocks in written]
        if files.get(name) != table.file or None in lists:
            continue
        gone = sorted((first, last) for some in lists for first, last in some or ())
        same: list[tuple[int, int, int]] = []
        count: list[tuple[int, int]] = []
        at = 0
        for first, last, rows in table.same:
            while at < len(gone) and gone[at][1] <= first:
                at += 1
            left = tuple(without((first, last), gone, at))
            if left == ((first, last),):
                same.append((first, last, rows))
            else:
                count += left
        kept[name] = Standing(table, tuple(same), tuple(count))
    names = paired({name: one.table for name, one in kept.items()})
    return {name: kept[name] for name in names}


def paired(tables: Mapping[str, Table]) -> list[str]:
    """Without tables whose long values are not among them, and these without their table."""
    return [
        name
        for name, table in tables.items()
        if all(other in tables for other in (table.long, table.of) if other)
    ]


def without(
    blocks: tuple[int, int], gone: Sequence[tuple[int, int]], start: int = 0
) -> Iterator[tuple[int, int]]:
    """What is left of the blocks. gone: ascending by their beginning, looked at from `start` on."""
    at, end = blocks
    for index in range(start, len(gone)):
        first, last = gone[index]
        if first >= end:
            break
        if first > at:
            yield at, first
        at = max(at, last)
    if at < end:
        yield at, end


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


def _merged(spans: Iterable[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
    found: list[tuple[int, int, int]] = []
    for first, last, rows in sorted(spans):
        if found and found[-1][1] == first and first % PIECE:
            found[-1] = (found[-1][0], last, found[-1][2] + rows)
        else:
            found.append((first, last, rows))
    return tuple(found)


def surveyed(
    before: Standing,
    counted: Iterable[tuple[tuple[int, int], Any, Any]],
    read: Iterable[tuple[tuple[int, int], Any, Any]],
) -> Table:
    """before: what still held. counted: blocks whose content is the same, and the rows at the
    two sides. read: blocks, and rows and sum of their hashes at the two sides."""
    same = [*before.same]
    same += [(*blocks, int(here)) for blocks, here, there in counted if here == there]
    same += [(*blocks, int(here[0])) for blocks, here, there in read if here == there]
    return before.table.model_copy(update={"same": _merged(same)})


def to_read(tables: Mapping[str, Standing]) -> dict[str, Any]:
    """For `programs.postgres`: what of these tables is to be read, and what is known of them."""
    told = {name: one.table for name, one in tables.items() if name.isprintable()}
    return {
        name: {
            "of": one.table.of,
            "read": [*one.unread(last := _end(one)), (last, None)],
            "count": one.count,
            "rows": sum(rows for _, _, rows in one.same),
        }
        for name in paired(told)
        for one in (tables[name],)
    }


def _end(one: Standing) -> int:
    """Behind all that is known: what lies there is read, however much it is."""
    return max((last for _, last, *_ in (*one.same, *one.count)), default=0)
