"""A deployment's DNS records as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.text import Cell, Line, Role, Span, column_widths, columns, wrapped
from tui.widgets.rows import Row

if TYPE_CHECKING:
    from engine.model.record import RecordsInZone, RecordStanding

_HEADING = ("TYPE", "NAME", "VALUE", "TTL", "WHOSE", "IN THE ZONE")
_LEAST = (5, 8, 12, 4, 7, 11)
_STANDS: dict[str, tuple[str, Role]] = {
    "served": ("+ served", "good"),
    "otherwise": ("! otherwise", "warn"),
    "missing": ("x missing", "bad"),
}
_WHOSE = {"address": "Homeport", "package": "package", "owner": "yours"}


def record_rows(found: RecordsInZone, width: int) -> list[Row]:
    """A heading, and a line for each value; a key is the record's place and the value."""
    from engine.planning.records import name_as_written

    lines: list[tuple[tuple[int, str], RecordStanding, tuple[str, ...]]] = []
    for at, one in enumerate(found.records):
        record = one.record
        name = name_as_written(record.name, found.domain)
        for value in one.shown:
            whose, stands = _WHOSE[one.origin], _STANDS[one.stands][0]
            cells = (record.type, name, value, str(record.ttl), whose, stands)
            lines.append(((at, value), one, cells))
    table: list[tuple[str, ...]] = [_HEADING, *(texts for *_, texts in lines)]
    widths = column_widths(table, _LEAST, width)
    heading = (Cell(text, cells, "muted") for text, cells in zip(_HEADING, widths, strict=True))
    rows = [Row(columns(heading))]
    for key, one, texts in lines:
        rows.append(Row(columns(_cells(one, texts, widths)), key))
        is_last = key[1] == one.record.values[-1]
        if one.stands == "otherwise" and is_last:
            there = f"{' ' * (widths[0] + 2)}there is {', '.join(one.there)}"
            rows.append(Row((Span(there, "warn"),)))
    return rows


def where_lines(found: RecordsInZone, width: int) -> list[Line]:
    """At whose name servers the names live; and how they stand at others, while they move."""
    other = found.other
    lines = wrapped(f"Its names live at {found.at}, zone {found.zone}.", width, "muted")
    if other is None:
        return lines
    bad = sum(not one.served for one in other.records)
    if other.trouble:
        mark, stands = "?", other.trouble
    elif bad:
        mark, stands = "x", f"{bad} are not as they should be there; w writes what is missing"
    else:
        mark, stands = "+", "the same is served there"
    told = (
        f"{mark} They move from {other.source} to {other.target}, and {other.at} is written to as "
        f"well: {stands}. m finishes it or takes it back."
    )
    return [*lines, *wrapped(told, width, "good" if mark == "+" else "warn")]


def _cells(one: RecordStanding, texts: Sequence[str], widths: Sequence[int]) -> list[Cell]:
    role = _STANDS[one.stands][1]
    roles: tuple[Role, ...] = ("strong", "plain", "plain", "muted", "muted", role)
    return [Cell(*parts) for parts in zip(texts, widths, roles, strict=True)]
