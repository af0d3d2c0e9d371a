"""How a plan reads: what it deletes first, then warnings, changes and steps; counts last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.if_it_fails import way_back
from tui.moving import PHASES, phases_of
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
    lines += _steps(plan, width)
    if back := way_back(plan):
        lines += [BLANK, *wrapped(f"< if it fails{back}.", width)]
    return [*lines, BLANK, *counts(plan, width)]


def _what(plan: Plan, width: int) -> list[Line]:
    said = f"{plan.intent.value} {plan.name}: {plan.application} {plan.release}"
    origin = plan.rollback.provider if plan.rollback else plan.provider
    said += f" from {origin} to" if origin != plan.provider else " at"
    said += f" {plan.provider}"
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


def _steps(plan: Plan, width: int) -> list[Line]:
    """All steps; those of a move under their phases, with how long each phase is expected to
    take and where there is no way back any more."""
    phases = phases_of(plan)
    drawn = step_lines(plan.steps, width)
    if not phases:
        return [(Span("Steps", "strong"),), *drawn]
    lines: list[Line] = []
    for phase in PHASES:
        at = [number for number, one in enumerate(phases) if one == phase]
        if not at:
            continue
        seconds = sum(plan.steps[number].expected_seconds for number in at)
        head, time = f"{phase.capitalize()}", f"~{duration(seconds)}"
        lines.append((Span(fit(head, width - len(time)), "strong"), Span(time, "strong")))
        for number in at:
            lines.append(drawn[number])
            if plan.steps[number].id == plan.no_return:
                lines += _no_return(width)
    return lines


def _no_return(width: int) -> list[Line]:
    said = "= point of no return: from here on it only goes forward "
    return [(Span(fit(said + "=" * max(0, width - len(said)), width), "warn"),)]


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
