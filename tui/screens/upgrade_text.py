"""What is said of the option under the cursor in a review: the three ways, what can be decided
and why anything has to be, and the keys that work on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from tui.screens.page import BACK
from tui.text import Line, Span, fit, labelled, length, wrapped
from tui.widgets.bars import Hint
from tui.widgets.review_grid import end_of

if TYPE_CHECKING:
    from forms.upgrade import Action, Detail, Review, Row

_LABEL = 13
_LEAST_VALUES = 34
"""Cells of the three ways with their labels, whatever stands beside them."""
_SHOWN_ACTIONS = 4
"""Lines beside the values: one for each of the three ways, and for what comes of them."""


def detail_lines(detail: Detail, place: str, width: int) -> list[Line]:
    """Name and state; old default, yours and new default beside what can be decided; reasons.

    place: "2 of 5", for what a person decides.
    """
    row = detail.row
    lines: list[Line] = [_name_line(row, place, width)]
    values = _values(row)
    if is_to_be_decided(row):
        actions = action_lines(detail.actions, width - _LEAST_VALUES - 2)
        room = width - 2 - max(map(length, actions), default=0)
        wanted = _LABEL + max(cell_len(text) for _, text in values)
        left = max(_LEAST_VALUES, min(wanted, room))
        for value, action in zip_longest(values, actions):
            spans = _value_line(value[0], value[1], left) if value else (Span(" " * left),)
            lines.append((*spans, Span("  "), *action) if action else spans)
    else:
        lines += [line for label, text in values for line in labelled(label, text, width, _LABEL)]
    for number, reason in enumerate(detail.why):
        lines += wrapped(reason, width, "warn" if number == 0 and row.asks else "plain")
    if detail.description:
        lines += wrapped(detail.description, width, "muted")
    if detail.type:
        lines += wrapped(detail.type, width, "muted")
    return lines


def _name_line(row: Row, place: str, width: int) -> Line:
    said = f"{row.mark} {row.status.value}".strip()
    said = f"{said}, {place}" if place else said
    name = fit(end_of(row.path, width - len(said) - 2), width - len(said) - 1)
    return (Span(name, "strong"), Span(" "), Span(said, "bad" if row.asks else "accent"))


def _values(row: Row) -> list[tuple[str, str]]:
    gone = "(the option is gone)" if not row.new_path else ""
    values = [
        ("old default", row.old_default or ("(none)" if row.old_path else "(not there yet)")),
        ("yours", row.yours or "(not set)"),
        ("new default", gone or row.new_default or "(none)"),
    ]
    if not gone:
        values.append(("it will be", row.text or "(not set)"))
    if row.old_path and row.new_path and row.old_path != row.new_path:
        values.append(("was called", row.old_path))
    return values


def _value_line(label: str, text: str, width: int) -> Line:
    strong = label in ("yours", "it will be") and not text.startswith("(")
    return (
        Span(fit(label, _LABEL), "muted"),
        Span(fit(text, width - _LABEL), "strong" if strong else "plain"),
    )


def is_to_be_decided(row: Row) -> bool:
    """Are the actions of a row shown beside its values, with their numbers?"""
    return row.asks or row.decided


def action_lines(actions: Sequence[Action], width: int) -> list[Line]:
    """The first ones with their keys; how many more there are."""
    most = _SHOWN_ACTIONS if len(actions) <= _SHOWN_ACTIONS else _SHOWN_ACTIONS - 1
    lines = [action_line(number, one, width) for number, one in enumerate(actions[:most], 1)]
    if more := len(actions) - len(lines):
        lines.append((Span("Enter", "key"), Span(f" {more} more", "muted")))
    return lines


def action_line(number: int, action: Action, width: int) -> Line:
    """ "1 keep yours  TLS1.2"; of a candidate, how likely it is."""
    key = str(number) if number < 10 else " "
    score = "" if action.score is None else f"  {min(99, int(action.score * 100))}% likely"
    spans = [Span(f"{key} ", "key"), Span(fit(action.label, len(action.label)))]
    if score:
        spans.append(Span(score, "accent"))
    elif action.preview:
        spans += [Span("  "), Span(action.preview, "strong")]
    return _cut(tuple(spans), width)


def _cut(line: Line, width: int) -> Line:
    while line and length(line) > width:
        *rest, last = line
        room = width - length(tuple(rest))
        line = (*rest, last._replace(text=fit(last.text, room).rstrip())) if room > 1 else (*rest,)
    return line


def chosen_lines(detail: Detail, action: Action, width: int) -> list[Line]:
    """What comes of an action, and what speaks for it; then all that is known of the option."""
    lines: list[Line] = []
    if action.preview:
        lines += labelled("it would be", action.preview, width, _LABEL, role="strong")
    lines += [line for reason in action.reasons for line in wrapped(f"- {reason}", width)]
    return lines + whole_lines(detail, width)


def whole_lines(detail: Detail, width: int) -> list[Line]:
    """All that is known of an option, nothing cut."""
    lines: list[Line] = []
    for label, text in _values(detail.row):
        lines += labelled(label, text, width, _LABEL)
    for number, reason in enumerate(detail.why):
        lines += labelled("why" if number == 0 else "", reason, width, _LABEL)
    if detail.description:
        lines += labelled("what it is", detail.description, width, _LABEL)
    lines += labelled("type", detail.type, width, _LABEL) if detail.type else []
    return lines


def place_in_queue(review: Review, row: Row) -> str:
    """ "2 of 5" for a row that is open."""
    queue = review.queue
    return f"{queue.index(row.key) + 1} of {len(queue)}" if row.key in queue else ""


def title(review: Review, narrowed: Sequence[str]) -> str:
    """For the title line: how much is left to decide, and which rows are shown."""
    said = f"{len(review.queue)} to decide"
    return f"{said}  [{', '.join(narrowed)}]" if narrowed else said


def counts_said(review: Review) -> str:
    """ "2 removed, 3 moved, 62 new": what changes, by kinds."""
    from forms.upgrade import Status

    counts = review.counts()
    said = (Status.REMOVED, Status.MOVED, Status.RETYPED, Status.DEFAULT, Status.NEW)
    return ", ".join(f"{counts[one]} {one.value}" for one in said if counts[one])


def empty_lines(review: Review, searching: bool, goes_on: str, width: int) -> list[Line]:
    """In place of what is said of a row, where there is none."""
    if searching:
        return wrapped("No option is like that. Esc takes the search away.", width)
    if not review.ready:
        return wrapped("No option is like that. f shows others, n what needs you.", width)
    lines: list[Line] = wrapped(f"Nothing is left to decide: {goes_on}.", width, "good")
    return lines + wrapped("No option is like that. f shows others.", width, "muted")


def hints_for(
    row: Row | None, review: Review, *, searching: bool, go_on: Hint | None, back: Hint = BACK
) -> tuple[Hint, ...]:
    """The keys that matter, the most useful first. go_on: None for who decides nothing."""
    back = ("Esc", "show all") if searching else back
    if go_on is None:
        return (("Enter", "why"), ("n", "next"), back, ("f", "filter"), ("/", "search"))
    if row is None:
        return (go_on, ("f", "filter"), ("/", "search"), back)
    own: list[Hint] = [("Enter", "decide" if row.asks else "change")]
    queue: tuple[Hint, ...] = () if review.ready else (("n", "next"),)
    bulk: tuple[Hint, ...] = () if len(review.queue) < 2 else (("b", "several"),)
    undo: tuple[Hint, ...] = (("u", "undo"),) if review.undoable else ()
    tail: tuple[Hint, ...] = (("f", "filter"), ("/", "search"), ("h", "why"), ("o", "section"))
    first = (go_on, *own) if review.ready else (*own, *queue)
    last = () if review.ready else (go_on,)
    return (*first, *bulk, *undo, *last, back, *tail)


def last_word(draft: Mapping[str, Any]) -> str:
    """Who made the last decision in a draft; empty where nobody said so."""
    said = [
        (str(one.get("at", "")), str(one["by"]))
        for one in draft.get("answers", ())
        if one.get("by")
    ]
    return max(said)[1] if said else ""
