"""How an operation's progress reads: heading, a line per step, tail of the log, verdict."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tui.progress import Progress, StepState
from tui.text import Cell, Line, Span, columns, labelled, printable
from tui.words import OPERATION, STEP, duration


def heading(progress: Progress, now: datetime, width: int, safe: str) -> list[Line]:
    """State, count of steps and time in one line; below it, that one may leave."""
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
        Span(f"   {plan.application} {plan.release} at {plan.provider}", "muted"),
    )
    second = outcome(progress) if progress.is_final else safe
    return [first, (Span(f" {second}", "muted"),)]


def outcome(progress: Progress) -> str:
    """One sentence about an operation that is over."""
    plan = progress.operation.plan
    if progress.status == "succeeded":
        done = {
            "deploy": f"{plan.name} answers as {plan.domain}",
            "destroy": f"{plan.name} and all that it owned is gone",
            "upgrade": f"{plan.name} runs release {plan.release}, with its data",
            "rollback": f"{plan.name} runs release {plan.release} again, with the data of then",
            "backup": f"the backup of {plan.name} is in its repository; {plan.name} runs on",
            "restore": f"{plan.name} runs release {plan.release} with the backup's data",
            "drill": "the backup started and answered; its throw-away guest is gone",
        }
        return done.get(plan.intent.value, f"{plan.name} runs with its new configuration") + "."
    back = [progress.steps.get(step) for step in plan.rollback_ids]
    if back and all(step and step.state in ("done", "unchanged") for step in back):
        if plan.intent.value == "drill":
            return "The backup did not prove itself; its throw-away guest is gone."
        return f"It was taken back: {plan.name} runs as it did before, with its data."
    if progress.status == "cancelled":
        return "It stopped as you asked. What was finished is still there."
    return "It failed. What was finished is still there; t tries again from there."


def step_rows(progress: Progress, now: datetime, width: int) -> list[tuple[Line, str]]:
    """A line per step, with the step's id."""
    return [(_step_line(step, now, width), key) for key, step in progress.steps.items()]


def _step_line(state: StepState, now: datetime, width: int) -> Line:
    sign = STEP[state.state]
    elapsed = state.elapsed(now)
    expected = duration(state.step.expected_seconds)
    if state.state in ("running", "retrying"):
        time = f"{duration(elapsed or 0)} of ~{expected}"
    else:
        time = duration(elapsed) if elapsed is not None else f"~{expected}"
    said = _amount(state) or (sign.word if state.state not in ("waiting", "done") else "")
    right = f"{said}  {time}" if said else time
    title = min(34, max(20, width * 2 // 5))
    free = max(0, width - 2 - title - len(right) - 4)
    busy = state.state in ("running", "retrying", "failed")
    return (
        Span(f"{sign.mark} ", sign.role),
        *columns(
            (
                Cell(state.step.title, title, "strong" if busy else "plain"),
                Cell(state.step.subject, free, "muted"),
                Cell(right, len(right), sign.role if busy else "muted"),
            )
        ),
    )


def _amount(state: StepState) -> str:
    if state.state != "running" or state.done is None:
        return ""
    if state.unit == "bytes":
        done, total = state.done / 2**20, (state.total or 0) / 2**20
        return f"{done:.1f} of {total:.1f} MiB" if state.total else f"{done:.1f} MiB"
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
