"""The report of a move as text, for a mail or a ticket, and as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from forms.page import page, table

_LEVELS = {
    "V1": "counts and sizes",
    "V2": "all of the content, byte for byte or row for row",
    "V3": "all of the content, and its meaning: schema, sequences, rights",
}
_LINE = "  "


def report_text(data: Mapping[str, Any]) -> str:
    """data: of `engine.move_report.report_data`."""
    lines = [title(data), told(data)]
    for head, rows in sections(data):
        lines += ["", head, *(_LINE + "  ".join(filter(None, row)) for row in _padded(rows))]
    return "\n".join(lines) + "\n"


def report_html(data: Mapping[str, Any]) -> str:
    """data: of `engine.move_report.report_data`."""
    parts: list[str] = []
    for head, (heads, *rows) in sections(data):
        cells = [[escape(cell) for cell in row] for row in rows]
        parts += table(head, heads, cells, counted=False)
    return page(title(data), told(data), parts)


def title(data: Mapping[str, Any]) -> str:
    return f"Move of {data['name']} ({data['application']}) from {data['from']} to {data['to']}"


def told(data: Mapping[str, Any]) -> str:
    """How it ended, in a sentence or two."""
    when = f"{data['began']} to {data['ended']}"
    if data["error"]:
        error = data["error"]
        why = f": {error['why']}" if error["why"] else ""
        ended = f"It ended as {data['status']}: {error['what']}{why}. {error['left']}."
    else:
        away = data["away"]["measured"]
        ended = f"{data['domain']} is served from {data['to']}; it was away for {_seconds(away)}."
    return f"{when}. {ended} Operation {data['operation']}; written at {data['written']}."


def sections(data: Mapping[str, Any]) -> Iterator[tuple[str, list[Sequence[str]]]]:
    """Titles with rows; the first row of each is its heads."""
    away = data["away"]
    rows = [
        ("foreseen by the plan", _seconds(away["planned"])),
        ("foreseen right before the freeze", _seconds(away["before_freeze"])),
        ("measured", _seconds(away["measured"])),
        ("what takes the most", away["limiting"] or "-"),
        ("writing ended at", away["frozen"] or "-"),
        ("first answer at the new side at", away["served"] or "-"),
    ]
    yield "Time away", [("", ""), *rows]
    heads = ("phase", "foreseen", "took", "")
    yield (
        "Phases",
        [
            heads,
            *(
                (
                    one["phase"],
                    _seconds(one["foreseen"]),
                    _seconds(one["seconds"]),
                    "away" if one["is_away"] else "",
                )
                for one in data["phases"]
            ),
        ],
    )
    if data["away_steps"]:
        done = ("in the time away", "begun after", "took")
        times = (
            (one["title"], _seconds(one["begun"]), _seconds(one["seconds"]))
            for one in data["away_steps"]
        )
        yield "The time away, step by step; some side by side", [done, *times]
    if data["units"]:
        parts = ("part", "size", "copied before", "copied last", "compared")
        yield "What was brought", [parts, *map(_unit, data["units"])]
    if data["fences"]:
        yield "What keeps the old side from writing", [("",), *((one,) for one in data["fences"])]
    if data["queues"]:
        waited = ("part", "messages before", "and after", "")
        yield "What waits in its queues", [waited, *map(_queue, data["queues"].items())]
    if data["passed_on"]:
        yield "Requests to the old address", [("",), (data["passed_on"],)]


def _unit(one: Mapping[str, Any]) -> Sequence[str]:
    level = one["level"]
    compared = f"{level}: {_LEVELS.get(level, '')}; {one['compared_items']} items" if level else "-"
    name = f"{one['unit']} ({one['kind']})" if one["kind"] else one["unit"]
    sizes = (_bytes(one[key]) for key in ("bytes", "copied_before", "copied_last"))
    return (name, *sizes, compared)


def _queue(one: tuple[str, Mapping[str, Any]]) -> Sequence[str]:
    name, found = one
    word = "" if found["usual"] else "more than before: look at its workers"
    return (name, str(found["before"]), str(found["now"]), word)


def _padded(rows: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    heads, *body = rows
    shown = [heads, *body] if any(heads) else body
    widths = [max(len(row[at]) for row in shown) for at in range(len(heads))]
    for row in shown:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield [*cells[:-1], row[-1]]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _bytes(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e6:.1f} MB"
