"""What is said about the option under the cursor: its help, and the keys that work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens.page import BACK
from tui.text import Line, Span, labelled, wrapped
from tui.widgets.bars import Hint

if TYPE_CHECKING:
    from forms import Help
    from forms import Row as OptionRow


def help_lines(known: Help, width: int) -> list[Line]:
    """What is wrong first, then what it is, what it may be, and what to know about it."""
    lines = wrapped(known.path or known.label, width, "strong")
    free = width - sum(len(span.text) for span in lines[-1]) - 2
    if len(known.type) <= free:
        lines[-1] = (*lines[-1], Span("  "), Span(known.type, "muted"))
    else:
        lines += wrapped(known.type, width, "muted")
    if known.problem:
        lines += wrapped(f"x {known.problem}", width, "bad")
        if known.hint:
            lines += wrapped(known.hint, width)
    if known.description:
        lines += wrapped(known.description, width)
    if known.default:
        lines += labelled("default", known.default, width, 9, role="muted")
    if any(title for _, title in known.choices):
        longest = max(len(value) for value, _ in known.choices)
        beside = min(max(14, longest + 2), width * 2 // 3)
        for value, title in known.choices:
            lines += labelled(value or "(empty)", title, width, beside, role="muted")
    elif known.choices:
        choices = ", ".join(value or "(empty)" for value, _ in known.choices)
        lines += labelled("one of", choices, width, 9)
    if known.examples:
        lines += labelled("like", ", ".join(known.examples), width, 9, role="muted")
    for note in known.notes:
        lines += wrapped(note, width, "accent")
    return lines


def hints_for(
    row: OptionRow | None, *, filtered: bool, go_on: Hint, back: Hint = BACK
) -> tuple[Hint, ...]:
    """The keys that matter on a row, the most useful first."""
    back = ("Esc", "show all") if filtered else back
    if row is None:
        return (("/", "search"), back)
    own = () if filtered and row.foldable and not row.can_add else _row_hints(row)
    return (*own, go_on, ("/", "search"), back, ("u", "undo"), ("f", "filter"))


def _row_hints(row: OptionRow) -> tuple[Hint, ...]:
    if not row.path and not row.heading:
        first: Hint = ("b", "which form") if row.branches else ("w", "as text")
        return (first, ("a", "add")) if row.can_add else (first,)
    if row.readonly and not row.foldable:
        return (("h", "help"),)
    if row.is_item or row.is_entry:
        edit = "open" if row.foldable else "edit"
        move: Hint = ("[ ]", "move") if row.is_item else ("k", "rename")
        return (("Enter", edit), ("d", "remove"), move, ("c", "copy"))
    if row.can_add:
        fold = "unfold" if row.folded else "fold"
        enter: tuple[Hint, ...] = (("Enter", "edit"),) if row.inline else (("Enter", fold),)
        empty = not row.inline and not row.foldable
        return (*(() if empty else enter), ("a", "add"), ("w", "as text"))
    if row.heading or row.foldable:
        return (("Enter", "unfold" if row.folded else "fold"),)
    unset: tuple[Hint, ...] = ()
    if row.origin.value not in ("unset", "default"):
        unset = (("d", "default"),)
    if row.kind == "bool":
        return (("Enter", "choose"), ("Space", "switch"), *unset)
    return (("Enter", "choose" if row.kind == "enum" else "edit"), *unset)
