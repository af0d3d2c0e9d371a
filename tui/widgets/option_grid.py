"""The options of a form, one line each, with a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.text import Line, Role, Span, fit
from tui.widgets.lazy_rows import LazyRows

if TYPE_CHECKING:
    from forms import Row as OptionRow

_MARK_ROLES: dict[str, Role] = {"x": "bad", "*": "warn", "~": "accent", "=": "good", "#": "muted"}
_NARROWEST_PROBLEM = 12
"""Cells below which a problem beside a value would say nothing."""


class OptionGrid(LazyRows["OptionRow"]):
    """Draws rows of a form. `key` is the id of the row under the cursor."""

    def key_of(self, row: OptionRow) -> Any:
        return row.id

    @property
    def value_column(self) -> int:
        width = self.size.width
        return min(46, max(28, width // 2 if width > 88 else width * 2 // 5))

    def line_of(self, row: OptionRow) -> Line:
        return option_line(row, self.size.width - 2, self.value_column - 2)


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
