"""Help of the option under the cursor, as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.text import Line, Span, labelled, wrapped

if TYPE_CHECKING:
    from forms import Help


def help_lines(known: Help, width: int) -> list[Line]:
    """What is wrong first, then what it is, what it may be, and what to know about it."""
    head = f"{known.path}  "
    lines: list[Line] = [
        (
            Span(head, "strong"),
            *(part for line in wrapped(known.type, 400, "muted")[:1] for part in line),
        )
    ]
    if known.problem:
        lines += wrapped(f"x {known.problem}", width, "bad")
        if known.hint:
            lines += wrapped(known.hint, width)
    if known.description:
        lines += wrapped(known.description, width)
    if known.default:
        unit = f" {known.unit}" if known.unit else ""
        lines += labelled("default", f"{known.default}{unit}", width, 9, role="muted")
    if any(title for _, title in known.choices):
        for value, title in known.choices:
            lines += labelled(value, title, width, 14, role="muted")
    elif known.choices:
        lines += labelled("one of", ", ".join(value for value, _ in known.choices), width, 9)
    if known.examples:
        lines += labelled("like", ", ".join(known.examples), width, 9, role="muted")
    for note in known.notes:
        lines += wrapped(note, width, "accent")
    return lines
