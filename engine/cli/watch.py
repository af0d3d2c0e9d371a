"""Following an operation in a plain terminal or as a stream of JSON lines."""

from __future__ import annotations

from engine.cli import output
from engine.cli.listener import Listener
from engine.cli.probed import tell_of_probe
from engine.errors import Cancelled
from engine.homeport import Homeport
from engine.model.events import (
    Event,
    LogLine,
    OperationChanged,
    QuestionAnswered,
    QuestionAsked,
    StepFinished,
    StepProgress,
    StepRetrying,
    StepStarted,
)
from engine.model.plan import Intent, OperationStatus, Plan


def watch(homeport: Homeport, operation_id: str, *, as_json: bool, after: int = 0) -> int:
    """Print the events behind number `after` until the operation ends; 0 only when it
    succeeded."""
    if not as_json:
        output.line(
            f"operation {operation_id}: it is safe to disconnect; "
            f"come back with: homeport attach {operation_id}"
        )
    done: set[str] = set()
    listener = Listener(homeport.paths, homeport.operation(operation_id).plan.name)
    for event in homeport.follow(operation_id, after):
        if isinstance(event, StepFinished) and event.outcome in ("done", "unchanged"):
            done.add(event.step)
        if as_json:
            output.emit_json_line(event.model_dump(mode="json"))
        elif text := describe(event):
            output.line(text)
        if isinstance(event, QuestionAsked) and not as_json:
            listener.listen()
    operation = homeport.operation(operation_id)
    if operation.status is OperationStatus.SUCCEEDED:
        if operation.plan.intent is Intent.PROBE:
            return tell_of_probe(homeport, operation.id, as_json=as_json)
        if operation.plan.intent is Intent.MIGRATE and not as_json:
            _tell_of_move(homeport, operation.plan)
        return 0
    if not as_json:
        output.line(f"operation {operation_id} {operation.status.value}")
        if operation.error:
            _print_error(operation.error)
        if not (back := operation.plan.rollback_ids) or not back <= done:
            output.line(f"  go on with: homeport resume {operation_id}")
    return Cancelled.exit_status if operation.status is OperationStatus.CANCELLED else 1


def _tell_of_move(homeport: Homeport, plan: Plan) -> None:
    move = homeport.deployment(plan.deployment).move
    if move is None or move.downtime_seconds is None:
        return
    output.line(
        f"{plan.name} serves at {move.target}; it was away for {move.downtime_seconds:.1f} s"
    )
    output.line(f"  {move.source} keeps its side; settle it: homeport confirm {plan.name}")
    output.line(f"  or go back: homeport revert {plan.name}")


def describe(event: Event) -> str:
    """One line for a person; empty for what a plain log does not need."""
    stamp = f"{event.at:%H:%M:%S}"
    match event:
        case StepStarted():
            return f"{stamp}  >  {event.title}"
        case StepFinished(outcome="done" | "unchanged"):
            return f"{stamp}  +  {event.step} {event.outcome} ({event.seconds:.1f} s)"
        case StepFinished():
            return f"{stamp}  x  {event.step} {event.outcome} ({event.seconds:.1f} s)"
        case StepRetrying():
            what = event.error.get("what", "")
            return f"{stamp}  ~  {event.step}: {what}; again in {event.wait_seconds:.0f} s"
        case LogLine():
            return f"{stamp}     {event.text}"
        case OperationChanged():
            return f"{stamp}  =  {event.status.value}"
        case QuestionAsked():
            return f"{stamp}  ?  {event.text}"
        case QuestionAnswered():
            return f"{stamp}  !  {event.text}"
        case StepProgress():
            return ""


def _print_error(error: dict[str, object]) -> None:
    for label in ("what", "on", "why", "left", "do"):
        if text := str(error.get(label) or ""):
            for number, part in enumerate(text.splitlines()):
                output.line(f"  {label if number == 0 else '':<5}{part}")
