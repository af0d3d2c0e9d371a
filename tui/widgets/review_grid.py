"""The options of an upgrade, one line each: what is there before and after, aligned by identity.

On a wide terminal the old form stands on the left and the new one on the right; on a narrow
one a row has the new path and the value after. Rows, order and cursor are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, chop_cells

from tui.text import Cell, Line, Role, Span, columns, fit, printable
from tui.widgets.lazy_rows import LazyRows

if TYPE_CHECKING:
    from forms.upgrade import Row

SIDES_FROM = 112
"""Cells of a row from which old and new stand side by side."""
_MARK_ROLES: dict[str, Role] = {
    "x": "bad",
    "!": "bad",
    "^": "warn",
    "-": "warn",
    ">": "accent",
    "~": "accent",
    "+": "good",
}
_NOTE = 15
_BETWEEN = "  |  "
GONE, NOT_THERE, UNSET = "(gone)", "(not there yet)", "(not set)"


class ReviewGrid(LazyRows["Row"]):
    """Draws rows of a review. `key` is the key of the row under the cursor."""

    def key_of(self, row: Row) -> Any:
        return row.key

    @property
    def width(self) -> int:
        """Cells of a row's content."""
        return max(20, self.size.width - 3)

    @property
    def value_column(self) -> int:
        """Where the value after the upgrade stands, which is the one to be edited."""
        width = self.width
        if width < SIDES_FROM:
            return 4 + _narrow(width)[0] + 2
        path, value = _sides(width)
        return 4 + path + 2 + value + len(_BETWEEN) + path + 2

    def line_of(self, row: Row) -> Line:
        return review_line(row, self.width)


def review_line(row: Row, width: int) -> Line:
    """Mark, paths and values, and what is to be said of them in a word or two."""
    mark = Span(f"{row.mark} ", _MARK_ROLES.get(row.mark, "plain"))
    note = Cell(_note(row), _NOTE, _note_role(row))
    after, after_role = value_after(row)
    if width < SIDES_FROM:
        path, value = _narrow(width)
        cells = (_path(row.path, path, "plain"), Cell(after, value, after_role), note)
        return (mark, *columns(cells))
    path, value = _sides(width)
    before, before_role = _value_before(row)
    old_path = _path(row.old_path or NOT_THERE, path, "plain" if row.old_path else "muted")
    old = columns((old_path, Cell(before, value, before_role)))
    role: Role = "plain" if row.new_path != row.old_path else "muted"
    new_path = _path(row.new_path, path, role)
    new = columns((new_path, Cell(after, value, after_role), note))
    return (mark, *old, Span(_BETWEEN, "muted"), *new)


def heading(width: int, old: str, new: str) -> Line:
    """What stands where in the rows below."""
    if width < SIDES_FROM:
        path, value = _narrow(width)
        texts = ((f"OPTION in {new}", path), ("VALUE THEN", value), ("WHAT", _NOTE))
        cells = columns(Cell(text, size, "muted") for text, size in texts)
        return (Span("    "), *cells)
    path, value = _sides(width)
    left = columns((Cell(f"OLD: {old}", path, "muted"), Cell("VALUE NOW", value, "muted")))
    right = columns(
        (
            Cell(f"NEW: {new}", path, "muted"),
            Cell("VALUE THEN", value, "muted"),
            Cell("WHAT", _NOTE, "muted"),
        )
    )
    return (Span("    "), *left, Span(_BETWEEN, "muted"), *right)


def value_after(row: Row) -> tuple[str, Role]:
    """What it will be, if anything is."""
    if not row.new_path:
        return GONE, "muted"
    if row.problem and not row.text:
        return "(needs a value)", "warn"
    if not row.text:
        return UNSET, "muted"
    return row.text, "muted" if row.text == row.new_default and not row.asks else "strong"


def _value_before(row: Row) -> tuple[str, Role]:
    if not row.old_path:
        return "", "muted"
    if row.yours:
        return row.yours, "strong"
    return row.old_default or UNSET, "muted"


def _note(row: Row) -> str:
    if row.asks and row.note == row.status.value:
        return "undecided"
    return row.note if cell_len(row.note) <= _NOTE else row.status.value


def _note_role(row: Row) -> Role:
    if row.asks:
        return "bad"
    return "good" if row.decided else "muted"


def _narrow(width: int) -> tuple[int, int]:
    """Cells of path and value."""
    rest = width - 2 - _NOTE - 4
    path = min(48, max(24, rest * 3 // 5))
    return path, rest - path


def _sides(width: int) -> tuple[int, int]:
    """Cells of a path and of a value; each stands there twice."""
    side = (width - 2 - len(_BETWEEN) - _NOTE - 2) // 2
    path = side * 3 // 5
    return path, side - path - 2


def _path(path: str, width: int, role: Role) -> Cell:
    return Cell(end_of(path, width), width, role)


def end_of(path: str, width: int) -> str:
    """A path of at most that width; what is cut is its beginning, which its neighbours share."""
    path = printable(path)
    if cell_len(path) <= width:
        return path
    kept = ""
    for character in reversed(chop_cells(path, 1)):
        if cell_len(character + kept) > width - 1:
            break
        kept = character + kept
    return fit("…" + kept, width).rstrip()
