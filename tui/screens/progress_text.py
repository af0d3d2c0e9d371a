"""How an operation's progress reads: heading, a line per step, tail of the log, verdict."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tui.backups import size_said
from tui.moving import PHASES, away_steps, phases_of
from tui.progress import Progress, StepState
from tui.screens.outcome import outcome
from tui.text import Cell, Line, Span, columns, labelled, printable
from tui.words import OPERATION, STEP, duration, moment

if TYPE_CHECKING:
    from engine.model.events import QuestionAsked

_LEAST_TITLE, _LEAST_SUBJECT = 20, 8
"""Cells below which a step's title and its subject say nothing any more."""


def heading(progress: Progress, now: datetime, width: int, safe: str) -> list[Line]:
    """State, count of steps and time in one line; below it, that one may leave; of a move, its
    phases."""
    sign = OPERATION[progress.status]
    plan = progress.operation.plan
    elapsed = duration(progress.elapsed(now))
    time = (
        f"{elapsed}"
        if progress.is_final
        else (f"{elapsed} of about {duration(progress.expected_seconds)}")
    )
    first: Line = (
        Span(f" {sign.mark} {sign.word}", sign.role),
        Span(f"   {progress.finished} of {len(progress.steps)} steps", "strong"),
        Span(f"   {time}"),
        _away(progress, now)
        or Span(f"   {plan.application} {plan.release} at {plan.provider}", "muted"),
    )
    second = (Span(f" {outcome(progress) if progress.is_final else safe}", "muted"),)
    lines: list[Line] = [first, _waits_for_you(progress.question, now) or second]
    return [*lines, phase_line(progress)] if phases_of(plan) else lines


def _waits_for_you(question: QuestionAsked | None, now: datetime) -> Line | None:
    """Instead of the word that one may leave, which is true of what waits all the more."""
    if question is None:
        return None
    by_itself = f", or by itself at {moment(question.until, now)}" if question.until else ""
    return (Span(f" All is ready, and the source serves. n begins the freeze{by_itself}.", "warn"),)


def _away(progress: Progress, now: datetime) -> Span | None:
    """How long nobody is answered, beside how long that was expected to last."""
    seconds = progress.away_seconds(now)
    if seconds is None:
        return None
    expected = sum(step.expected_seconds for step in away_steps(progress.operation.plan))
    return Span(f"   away {duration(seconds)}, ~{duration(expected)} expected", "warn")


def phase_line(progress: Progress) -> Line:
    """Every phase of a move with the mark of where it stands."""
    plan = progress.operation.plan
    states: dict[str, set[str]] = {}
    for step, phase in zip(plan.steps, phases_of(plan), strict=True):
        states.setdefault(phase, set()).add(progress.steps[step.id].state)
    spans: list[Span] = [Span(" ")]
    for phase in PHASES:
        sign = STEP[_phase_state(states.get(phase, set()))]
        text = f"{sign.mark} {phase}   "
        spans.append(Span(text, "strong" if sign.mark == ">" else sign.role))
    return tuple(spans)


def _phase_state(states: set[str]) -> str:
    for state in ("failed", "cancelled", "retrying", "running"):
        if state in states:
            return state
    if states and states <= {"done", "unchanged"}:
        return "done"
    return "running" if states & {"done", "unchanged"} else "waiting"


def step_rows(progress: Progress, now: datetime, width: int) -> list[tuple[Line, str]]:
    """A line per step, with the step's id."""
    return [(_step_line(step, now, width), key) for key, step in progress.steps.items()]


def _step_line(state: StepState, now: datetime, width: int) -> Line:
    """Its title, what it acts on, and how far it is; what matters least gives way first: the
    subject, then the rate, then the end of the title."""
    sign = STEP[state.state]
    right = _how_far(state, now)
    if state.rate is not None and width - 4 - len(right) < _LEAST_TITLE:
        right = _how_far(state, now, with_rate=False)
    title = min(34, max(_LEAST_TITLE, (width + 1) * 2 // 5))
    free = width - 2 - title - len(right) - 4
    busy = state.state in ("running", "retrying", "failed")
    cells = [
        Cell(state.step.title, title, "strong" if busy else "plain"),
        Cell(state.step.subject, free, "muted"),
        Cell(right, len(right), sign.role if busy else "muted"),
    ]
    if free < _LEAST_SUBJECT:
        del cells[1]
        cells[0] = cells[0]._replace(width=max(0, width - 4 - len(right)))
    return (Span(f"{sign.mark} ", sign.role), *columns(cells))


def _how_far(state: StepState, now: datetime, *, with_rate: bool = True) -> str:
    """ "61.0 MB of 2.0 GB, 64.0 MB/s  0:23 left", "31 of 54  0:14 of ~0:40", "0:04"."""
    sign, elapsed = STEP[state.state], state.elapsed(now)
    expected = duration(state.step.expected_seconds)
    left = state.seconds_left if state.state == "running" and state.unit == "bytes" else None
    if left is not None:
        time = f"{duration(left)} left"
    elif state.state in ("running", "retrying"):
        time = f"{duration(elapsed or 0)} of ~{expected}"
    else:
        time = duration(elapsed) if elapsed is not None else f"~{expected}"
    said = _amount(state) or (sign.word if state.state not in ("waiting", "done") else "")
    if with_rate and state.state == "running" and state.unit == "bytes" and state.rate:
        said += f", {size_said(state.rate)}/s"
    return f"{said}  {time}" if said else time


def _amount(state: StepState) -> str:
    """How much is done and of how much; of what is done, how much it was."""
    if state.done is None or state.state not in ("running", "done"):
        return ""
    if state.unit == "bytes":
        if state.state == "done":
            return size_said(state.total or state.done)
        return size_said(state.done) + (f" of {size_said(state.total)}" if state.total else "")
    if state.state == "done":
        return ""
    unit = " s" if state.unit == "seconds" else ""
    return f"{state.done:g}{unit}" + (f" of {state.total:g}{unit}" if state.total else "")


def whole_log(progress: Progress, width: int) -> list[Line]:
    """All of the log that is kept, in lines that are broken where they are too long."""
    lines: list[Line] = []
    for _step, text in progress.log:
        text = printable(text)
        starts = range(0, max(1, len(text)), max(8, width - 2))
        lines += [(Span(f" {text[at : at + max(8, width - 2)]}", "muted"),) for at in starts]
    return lines


def log_tail(progress: Progress, width: int, count: int) -> list[Line]:
    """The last lines of the log; of the running steps alone while there are any."""
    running = {state.step.id for state in progress.running}
    lines = [text for step, text in progress.log if not running or step in running]
    return [(Span(f" {printable(text)}"[:width], "muted"),) for text in lines[-count:]]


def verdict(progress: Progress, width: int) -> list[Line]:
    """What failed, why, what is left and what to do next; nothing for a success."""
    error = progress.error
    if progress.status != "failed" or not error:
        return []
    return error_lines(error, width)


def error_lines(error: dict[str, Any], width: int) -> list[Line]:
    """An error in full, as engine.errors describes one."""
    what = str(error.get("what", "")) + (f" ({error['on']})" if error.get("on") else "")
    lines: list[Line] = labelled(" x failed", what, width, role="bad")
    for label, key in ((" why", "why"), (" state", "left"), (" do", "do")):
        if error.get(key):
            lines += labelled(label, str(error[key]), width, role="plain")
    return lines
