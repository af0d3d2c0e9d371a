"""Lines of styled text as plain values, so that what a screen shows can be computed and
tested without a terminal.

A span names a role ("muted", "bad"), never a colour: the style sheet gives roles their look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

Role = Literal["plain", "muted", "strong", "accent", "good", "warn", "bad", "bar", "key", "cursor"]

ROLES: tuple[Role, ...] = (
    "plain",
    "muted",
    "strong",
    "accent",
    "good",
    "warn",
    "bad",
    "bar",
    "key",
    "cursor",
)

# Characters that move the cursor, change the terminal's state or reorder what is read:
# C0 and C1 controls, zero-width characters and bidirectional overrides.
_UNPRINTABLE = dict.fromkeys(
    (
        *range(0x20),
        *range(0x7F, 0xA0),
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
        0xFEFF,
    ),
    "?",
)
_UNPRINTABLE[ord("\t")] = " "


class Span(NamedTuple):
    text: str
    role: Role = "plain"


Line = tuple[Span, ...]

BLANK: Line = ()


class Cell(NamedTuple):
    """A column of a row: its text is cut or padded to `width` cells."""

    text: str
    width: int
    role: Role = "plain"
    right: bool = False


def printable(text: str) -> str:
    """The text with everything replaced that a terminal would obey instead of show."""
    return text.translate(_UNPRINTABLE)


def line(*spans: Span | str) -> Line:
    return tuple(Span(span) if isinstance(span, str) else span for span in spans)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells: padded with spaces, or cut with an ellipsis at the end."""
    if width <= 0:
        return ""
    text = printable(text)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - length)
    return padding + text if right else text + padding


def columns(cells: Iterable[Cell], gap: int = 2) -> Line:
    """Cells side by side, with `gap` spaces between them."""
    spans: list[Span] = []
    for cell in cells:
        if spans:
            spans.append(Span(" " * gap))
        spans.append(Span(fit(cell.text, cell.width, right=cell.right), cell.role))
    return tuple(spans)


def column_widths(
    rows: Iterable[Sequence[str]], least: Sequence[int], width: int, gap: int = 2
) -> list[int]:
    """Widths in which the texts of a table fit, where there is room for all of them.

    Where there is not, the column that wants most beyond its least gives way first.
    """
    result = list(least)
    for row in rows:
        result = [max(has, cell_len(text)) for has, text in zip(result, row, strict=True)]
    excess = sum(result) + gap * (len(result) - 1) - width
    while excess > 0:
        at = max(range(len(result)), key=lambda column: result[column] - least[column])
        if result[at] <= least[at]:
            break
        result[at] -= 1
        excess -= 1
    return result


def length(content: Line) -> int:
    """Width of a line in cells."""
    return sum(cell_len(span.text) for span in content)


def wrapped(text: str, width: int, role: Role = "plain", indent: str = "") -> list[Line]:
    """Paragraphs broken into lines of at most `width` cells."""
    lines: list[Line] = []
    for paragraph in text.splitlines() or [""]:
        broken = wrap(
            printable(paragraph),
            max(8, width),
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,  # addresses and names of options are copied from the screen
        )
        lines.extend((Span(piece, role),) for piece in broken or [""])
    return lines


def labelled(
    label: str, text: str, width: int, label_width: int = 12, role: Role = "plain"
) -> list[Line]:
    """ "label       text", with the text wrapped beside its label."""
    body = wrapped(text, width - label_width, role)
    head = Span(fit(label, label_width), "muted")
    rest = Span(" " * label_width)
    return [(head if index == 0 else rest, *part) for index, part in enumerate(body)]
