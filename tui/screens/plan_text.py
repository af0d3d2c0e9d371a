"""How a plan reads: what it deletes first, then warnings, changes and steps; counts last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.text import BLANK, Cell, Line, Span, column_widths, columns, fit, labelled, wrapped
from tui.words import EFFECT, counted, duration, value_text

if TYPE_CHECKING:
    from engine.model.plan import Change, Plan, PlannedStep

_EFFECT, _TIME = 8, 6
"""Widths of the columns whose texts are ours."""


def plan_lines(plan: Plan, width: int) -> list[Line]:
    """The whole plan, to be read from top to bottom."""
    lines = _what(plan, width)
    lines += _deletes(plan, width)
    for warning in plan.warnings:
        lines += labelled("! note", warning, width, 8, role="warn")
    if plan.warnings:
        lines.append(BLANK)
    if plan.changes:
        lines.append((Span(f"Options ({counted(len(plan.changes), 'change')})", "strong"),))
        lines += [line for change in plan.changes for line in change_lines(change, width)]
        lines.append(BLANK)
    lines.append((Span("Steps", "strong"),))
    lines += step_lines(plan.steps, width)
    return [*lines, BLANK, *counts(plan, width)]


def _what(plan: Plan, width: int) -> list[Line]:
    said = f"{plan.intent.value} {plan.name}: {plan.application} {plan.release} at {plan.provider}"
    where = f"as {plan.domain}"
    return [
        (Span(fit(said, width).rstrip(), "strong"),),
        (Span(fit(where, width).rstrip(), "muted"),),
        BLANK,
    ]


def _deletes(plan: Plan, width: int) -> list[Line]:
    if not plan.deletes:
        return []
    lines: list[Line] = [(Span("This deletes, and it cannot be undone:", "bad"),)]
    for step in plan.deletes:
        lines += wrapped(f"- {step.title}: {step.subject or step.id}", width, "bad", "  ")
    return [*lines, BLANK]


def change_lines(change: Change, width: int) -> list[Line]:
    """Old and new value of one option; below each other where they are long."""
    old, new = value_text(change.old), value_text(change.new)
    wanted = len(change.path) + len(old) + len(new) + 10
    if wanted <= width:
        return [
            (
                Span(f"~ {change.path}  ", "plain"),
                Span(old, "muted"),
                Span("  ->  ", "muted"),
                Span(new, "accent"),
            )
        ]
    lines: list[Line] = [(Span(f"~ {change.path}"),)]
    lines += labelled("    old", old, width, role="muted")
    return lines + labelled("    new", new, width, role="accent")


def step_lines(steps: Sequence[PlannedStep], width: int) -> list[Line]:
    """Effect, title, subject and expected time of each step."""
    texts = [(step.title, step.subject) for step in steps]
    rest = width - _EFFECT - _TIME - 4
    title, subject = column_widths(texts, (24, 16), rest)
    lines: list[Line] = []
    for step in steps:
        sign = EFFECT[step.effect.value]
        cells = (
            Cell(f"{sign.mark} {sign.word}", _EFFECT, sign.role),
            Cell(step.title, title),
            Cell(step.subject, max(subject, rest - title - 2), "muted"),
            Cell(f"~{duration(step.expected_seconds)}", _TIME, "muted", right=True),
        )
        lines.append(columns(cells))
    return lines


def counts(plan: Plan, width: int) -> list[Line]:
    """How many steps of which effect, and how long they take if nothing goes wrong."""
    found = [
        f"{sum(1 for step in plan.steps if step.effect.value == effect)} to {sign.word}"
        for effect, sign in EFFECT.items()
        if any(step.effect.value == effect for step in plan.steps)
    ]
    total = duration(sum(step.expected_seconds for step in plan.steps))
    text = f"{counted(len(plan.steps), 'step')}: {', '.join(found)}. About {total} at most."
    return wrapped(text, width, "strong")
