"""The report of a move, to be handed to whoever owns the application: what was brought, how it
was compared, how the old side was kept from writing, how long it was away.

Made from the operation's record, which is redacted at its source. It has no addresses and no
lines of the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.errors import HomeportError, InvalidInput
from engine.model.events import Event, StepFinished, StepStarted
from engine.model.forecast import Forecast
from engine.model.move import Move
from engine.model.plan import Intent, Operation
from engine.move_report_pages import report_html, report_text
from engine.planning.forecast import AWAY, PHASES, between, phase_of

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.inventory.inventory import Inventory

Outputs = Mapping[str, Mapping[str, Any]]


def report_of(homeport: Homeport, inventory: Inventory, operation: Operation, ending: str) -> str:
    """InvalidInput for an operation that is no move, or not ended."""
    if operation.plan.intent is not Intent.MIGRATE or not operation.status.is_final:
        raise InvalidInput(
            what="there is a report of a move that has ended, and of nothing else",
            on=operation.id,
            why=f"this is: {operation.plan.intent.value}, {operation.status.value}",
            do=f"List what was done: homeport operations {operation.plan.name}",
        )
    finished = inventory.finished_steps.of(operation.id)
    move = inventory.moves.of(operation.plan.deployment)
    data = report_data(
        operation,
        homeport.events(operation.id),
        {name: step.output for name, step in finished.items()},
        move if move is not None and move.operation == operation.id else None,
        _passed_on(homeport, operation, move),
        datetime.now(UTC),
    )
    if ending == ".json":
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return report_html(data) if ending in (".html", ".htm") else report_text(data)


def report_data(
    operation: Operation,
    events: Sequence[Event],
    outputs: Outputs,
    move: Move | None,
    passed_on: str,
    now: datetime,
) -> dict[str, Any]:
    """What both pages show, as JSON values; seconds and bytes as numbers, times in UTC.

    outputs: of the finished steps, by their ids. move: its record, while it is the last one.
    """
    plan = operation.plan
    origin = plan.rollback.provider if plan.rollback else ""
    error = operation.error or {}
    predicted = outputs.get("state.converge", {}).get("predicted_seconds")
    predicted = outputs.get("move.hold", {}).get("predicted_seconds", predicted)
    forecast = plan.forecast or Forecast()
    return {
        "name": plan.name,
        "application": f"{plan.application} {plan.release}",
        "domain": plan.domain,
        "from": origin,
        "to": plan.provider,
        "operation": operation.id,
        "plan": plan.hash,
        "status": operation.status.value,
        "began": _time(operation.started or operation.created),
        "ended": _time(operation.ended),
        "written": _time(now),
        "error": {key: str(error.get(key) or "") for key in ("what", "why", "left")}
        if error
        else None,
        "away": {
            "planned": forecast.away_seconds or None,
            "before_freeze": predicted,
            "measured": outputs.get("move.serving", {}).get("downtime_seconds", _away(move)),
            "limiting": forecast.limiting,
            "frozen": _time(move.frozen) if move else None,
            "served": _time(move.served) if move else None,
        },
        "phases": _phases(operation, events, forecast),
        "away_steps": _away_steps(operation, events),
        "units": _units(outputs, forecast),
        "fences": list(outputs.get("source.fence", {}).get("proofs", ())),
        "queues": dict(outputs.get("backlog.watch", {}).get("backlog", {})),
        "passed_on": passed_on,
    }


def _phases(
    operation: Operation, events: Sequence[Event], forecast: Forecast
) -> list[dict[str, Any]]:
    steps = operation.plan.steps
    by_id = {step.id: phase_of(step, steps) for step in steps}
    taken: dict[str, float] = {}
    for event in events:
        if isinstance(event, StepFinished) and event.step in by_id:
            phase = by_id[event.step]
            taken[phase] = taken.get(phase, 0.0) + event.seconds
    foreseen = {phase.phase: phase.seconds for phase in forecast.phases}
    return [
        {
            "phase": phase,
            "foreseen": foreseen.get(phase),
            "seconds": round(taken[phase], 3),
            "is_away": phase in AWAY,
        }
        for phase in PHASES
        if phase in taken
    ]


def _away_steps(operation: Operation, events: Sequence[Event]) -> list[dict[str, Any]]:
    """What was done in the time away, in the order of its beginnings; begun: seconds after the
    freeze began. Steps that were begun again count from their last beginning."""
    titles = {step.id: step.title for step in between(operation.plan.steps)}
    begun: dict[str, datetime] = {}
    ended: dict[str, float] = {}
    frozen: datetime | None = None
    for event in events:
        if isinstance(event, StepStarted) and event.step in titles:
            begun[event.step] = event.at
            frozen = frozen or event.at
        elif isinstance(event, StepFinished) and event.step in begun:
            ended[event.step] = event.seconds
    in_order = sorted(ended, key=lambda step: begun[step])
    return [
        {
            "step": step,
            "title": titles[step],
            "begun": round((begun[step] - frozen).total_seconds(), 3),
            "seconds": ended[step],
        }
        for step in in_order
        if frozen is not None
    ]


def _units(outputs: Outputs, forecast: Forecast) -> list[dict[str, Any]]:
    sizes = {size.unit: size for size in forecast.units}
    names = [name.removeprefix("state.seed.") for name in outputs if name.startswith("state.seed.")]
    found = []
    for name in dict.fromkeys([*sizes, *names]):
        seed, delta, compared = (
            outputs.get(f"state.{verb}.{name}", {}) for verb in ("seed", "delta", "compare")
        )
        found.append(
            {
                "unit": name,
                "kind": sizes[name].kind if name in sizes else "",
                "bytes": sizes[name].bytes if name in sizes else None,
                "copied_before": seed.get("bytes"),
                "copied_last": delta.get("bytes"),
                "compared_items": compared.get("items"),
                "compared_bytes": compared.get("bytes"),
                "level": compared.get("level"),
            }
        )
    return found


def _passed_on(homeport: Homeport, operation: Operation, move: Move | None) -> str:
    if move is None or move.operation != operation.id:
        return ""
    try:
        found = homeport.forwarded(operation.plan.deployment)
    except HomeportError as error:
        return f"What came by the old address is not known: {error.what}."
    return found.told() if found is not None else ""


def _away(move: Move | None) -> float | None:
    return move.downtime_seconds if move else None


def _time(when: datetime | None) -> str | None:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if when else None
