"""The options of a form, one line each, with a cursor.

The grid asks the form model for the rows it shows and for no others, so that the number of
options makes no difference. It changes nothing: keys become messages for the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.geometry import Region

from tui.text import Line, Role, Span, fit
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from forms import Row as OptionRow
    from forms import Rows

_MARK_ROLES: dict[str, Role] = {"x": "bad", "*": "warn", "~": "accent", "=": "good", "#": "muted"}


class OptionGrid(RowList):
    """Draws rows of a form. `key` is the id of the row under the cursor."""

    def __init__(self) -> None:
        self._options: Rows | None = None
        self._painted: list[Line] = []
        super().__init__()

    def show_options(self, options: Rows, row_id: int | None = None) -> None:
        """Show other rows, with the cursor on that row, or else where it was."""
        self._options = options
        at = options.position(row_id) if row_id is not None else None
        self.cursor = max(0, min(self.cursor if at is None else at, len(options) - 1))
        self.measure()
        self._scroll_to_cursor()
        self.refresh()
        self.post_message(self.Highlighted(self, self.key))

    def options_changed(self, row_id: int | None) -> None:
        """Paint again what a command changed; the cursor follows its row."""
        if self._options is None:
            return
        at = self._options.position(row_id) if row_id is not None else None
        self.cursor = max(0, min(self.cursor if at is None else at, self.line_count - 1))
        self.measure()
        self._scroll_to_cursor()
        for y, content in enumerate(self._visible(self.scroll_offset.y)):
            if y >= len(self._painted) or self._painted[y] != content:
                self.refresh(Region(0, y, self.size.width, 1))
        self.post_message(self.Highlighted(self, self.key))

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

    def selectable(self, index: int) -> bool:
        return 0 <= index < self.line_count

    def key_at(self, index: int) -> Any:
        return None if self._options is None else self._options[index].id

    def depth_at(self, index: int) -> int:
        """How deep a row is within sections."""
        return 0 if self._options is None else self._options[index].depth

    @property
    def value_column(self) -> int:
        """The cell at which values begin."""
        return min(46, max(28, self.size.width * 2 // 5))

    def content(self, index: int) -> Line:
        assert self._options is not None
        return option_line(self._options[index], self.size.width - 2, self.value_column - 2)

    def line_at(self, index: int) -> Line:
        content = super().line_at(index)
        y = index - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self._painted += [()] * (y + 1 - len(self._painted))
            self._painted[y] = content
        return content

    def fill_role(self, index: int) -> Role | None:
        return None


def option_line(row: OptionRow, width: int, value_column: int) -> Line:
    """Mark, label and value of an option; a fold mark and a count for what has options in it."""
    mark = Span(f"{row.mark} ", _MARK_ROLES.get(row.mark, "plain"))
    label = fit(_label(row), value_column - 2)
    if row.kind == "section":
        return (mark, Span(label.rstrip(), "strong"), *_section_end(row))
    text, role = _value(row)
    if row.problem:
        free = width - value_column - len(text) - 3
        problem = fit(f"x {row.problem}", free).rstrip() if free > 12 else "x"
        return (
            mark,
            Span(label),
            Span(text[: width - value_column], role),
            Span(f"  {problem}", "bad"),
        )
    quiet = row.readonly or row.deprecated
    shown = fit(text, width - value_column).rstrip()
    return (mark, Span(label, "muted" if quiet else "plain"), Span(shown, role))


def _label(row: OptionRow) -> str:
    fold = ("+ " if row.folded else "- ") if row.foldable else "  "
    return "  " * row.depth + fold + row.label


def _section_end(row: OptionRow) -> tuple[Span, ...]:
    said: list[Span] = []
    if row.text:
        said.append(Span(f"  {row.text}", "muted"))
    if row.problems:
        said.append(Span(f"  x {row.problems}", "bad"))
    return tuple(said)


def _value(row: OptionRow) -> tuple[str, Role]:
    unit = f" {row.unit}" if row.unit and row.text else ""
    match row.origin.value:
        case "unset":
            return (row.text or "(not set)", "warn" if row.missing else "muted")
        case "default":
            return (f"{row.text}{unit}", "muted")
        case "null":
            return (row.text or "(null)", "strong")
        case "empty":
            return (row.text or "(empty)", "strong")
        case _:
            return (f"{row.text}{unit}", "strong")
