"""The options of a form, one line each, with a cursor.

The grid asks the form model for the rows it shows and for no others, so that the number of
options makes no difference. It changes nothing: keys become messages for the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from tui.text import Line, Role, Span, fit
from tui.widgets.keys_in_order import act_for_page
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from forms import Row as OptionRow
    from forms import Rows

_MARK_ROLES: dict[str, Role] = {"x": "bad", "*": "warn", "~": "accent", "=": "good", "#": "muted"}
_NARROWEST_PROBLEM = 12
"""Cells below which a problem beside a value would say nothing."""


class OptionGrid(RowList):
    """Draws rows of a form. `key` is the id of the row under the cursor."""

    def __init__(self) -> None:
        self._options: Rows | None = None
        self._painted: dict[int, Line] = {}
        super().__init__()

    def show_options(self, options: Rows, row_id: int | None = None) -> None:
        """Show other rows, with the cursor on that row, or else where it was."""
        self._options = options
        self._put_cursor(row_id)
        self.refresh()

    def options_changed(self, row_id: int | None) -> None:
        """Paint again what a command changed; the cursor follows its row."""
        if self._options is None:
            return
        self._put_cursor(row_id)
        for y, content in enumerate(self._visible(self.scroll_offset.y)):
            if self._painted.get(y) != content:
                self.refresh(Region(0, y, self.size.width, 1))

    def _put_cursor(self, row_id: int | None) -> None:
        assert self._options is not None
        at = self._options.position(row_id) if row_id is not None else None
        self.cursor = max(0, min(self.cursor if at is None else at, len(self._options) - 1))
        self.measure()
        self._scroll_to_cursor()
        self.post_message(self.Highlighted(self, self.key))

    async def _on_key(self, event: events.Key) -> None:
        await act_for_page(self, event)

    # rows

    @property
    def line_count(self) -> int:
        return 0 if self._options is None else len(self._options)

    @property
    def row(self) -> OptionRow | None:
        """The row under the cursor."""
        if self._options is None or not 0 <= self.cursor < len(self._options):
            return None
        return self._options[self.cursor]

    def row_at(self, index: int) -> OptionRow:
        """IndexError where there is none."""
        if self._options is None:
            raise IndexError(index)
        return self._options[index]

    def selectable(self, index: int) -> bool:
        return 0 <= index < self.line_count

    def key_at(self, index: int) -> Any:
        return None if self._options is None else self._options[index].id

    @property
    def value_column(self) -> int:
        """The cell at which values begin."""
        width = self.size.width
        return min(46, max(28, width // 2 if width > 88 else width * 2 // 5))

    def content(self, index: int) -> Line:
        return option_line(self.row_at(index), self.size.width - 2, self.value_column - 2)

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        self._painted[y] = self.line_at(index) if index < self.line_count else ()
        return super().render_line(y).simplify()


def option_line(row: OptionRow, width: int, value_column: int) -> Line:
    """Mark, label and value of an option; a fold mark and a count for what has options in it."""
    mark = Span(f"{row.mark} ", _MARK_ROLES.get(row.mark, "plain"))
    if row.kind == "section":
        return (mark, *_section(row, width - 2))
    label = fit(_label(row), value_column - 3) + " "
    room = width - value_column
    text, role = _value(row)
    quiet = row.readonly or row.deprecated
    shown = (mark, Span(label, "muted" if quiet else "plain"))
    if not row.problem:
        return (*shown, Span(fit(text, room).rstrip(), role))
    value = text if len(text) + _NARROWEST_PROBLEM < room else fit(text, room // 2)
    problem = fit(f"x {row.problem}", room - len(value) - 2).rstrip()
    return (*shown, Span(value, role), Span(f"  {problem}", "bad"))


def _label(row: OptionRow) -> str:
    fold = ("+ " if row.folded else "- ") if row.foldable else "  "
    return "  " * row.depth + fold + row.label


def _section(row: OptionRow, width: int) -> tuple[Span, ...]:
    spans = [Span(fit(_label(row), width).rstrip(), "strong")]
    if row.branches:
        spans.append(Span(f"  {row.branches[row.branch]}", "accent"))
    if row.text:
        spans.append(Span(f"  {row.text}", "muted"))
    if row.missing:
        spans.append(Span("  needed", "warn"))
    if row.problem:
        spans.append(Span(f"  x {row.problem}", "bad"))
    elif row.problems:
        spans.append(Span(f"  x {row.problems} to correct", "bad"))
    return tuple(spans)


def _value(row: OptionRow) -> tuple[str, Role]:
    unit = f" {row.unit}" if row.unit and row.text else ""
    if row.managed and not row.text:
        return ("set by Homeport", "muted")
    match row.origin.value:
        case "unset" if row.missing:
            return (row.text or "(needs a value)", "warn")
        case "unset":
            return (row.text or "(not set)", "muted")
        case "default":
            return (f"{row.text or '(empty)'}{unit}", "muted")
        case "null":
            return (row.text or "(null)", "strong")
        case "empty":
            return (row.text or "(empty)", "strong")
        case _:
            return (f"{row.text}{unit}", "strong")
