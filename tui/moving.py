"""How a move to another provider is told: its phases, where it stands, what can be done now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tui.text import Role
from tui.words import moment

if TYPE_CHECKING:
    from engine.homeport import DeploymentView
    from engine.model.move import Move
    from engine.model.plan import Plan, PlannedStep

PHASES = ("prepare", "seed", "freeze", "verify", "fence", "switch", "observe")
_BEGINS = {
    "state.seed": "seed",
    "side.freeze": "freeze",
    "state.compare": "verify",
    "side.fence": "fence",
    "app.run": "switch",
    "deployment.settle": "observe",
}
"""Kinds of steps with which a phase begins; all others belong to the phase they stand in."""
_FREEZES, _SERVES = "side.freeze", "move.serving"


def phases_of(plan: Plan) -> list[str]:
    """The phase of each step of a move, in their order; nothing for another plan."""
    if plan.intent.value != "migrate":
        return []
    found: list[str] = []
    at = 0
    for step in plan.steps:
        at = max(at, PHASES.index(_BEGINS.get(_kind(step), PHASES[0])))
        found.append(PHASES[at])
    return found


def away_steps(plan: Plan) -> tuple[PlannedStep, ...]:
    """The steps of a move while which nobody is answered, first to last; none for another plan."""
    kinds = [_kind(step) for step in plan.steps]
    if plan.intent.value != "migrate" or _FREEZES not in kinds or _SERVES not in kinds:
        return ()
    return plan.steps[kinds.index(_FREEZES) : kinds.index(_SERVES) + 1]


def _kind(step: PlannedStep) -> str:
    return step.kind.partition("@")[0]


class Standing(NamedTuple):
    """Where a move stands. keys: what can be done about it on the page of the deployment; do: the
    same as the end of a sentence."""

    text: str
    role: Role
    keys: Sequence[tuple[str, str]]
    do: str


_CONFIRM, _REVERT = ("c", "confirm"), ("v", "go back")
_GO_ON, _REMOVE = ("t", "go on"), ("c", "remove that")


def move_standing(view: DeploymentView, now: datetime) -> Standing | None:
    """None where there is no move to tell of, or where an operation is at it just now."""
    move = view.move
    if move is None or view.operation is not None:
        return None
    match move.phase.value:
        case "observing":
            away = f"; it was away for {_away(move)}" if move.downtime_seconds is not None else ""
            text = f"observing since {moment(move.changed, now)}, moved from {move.source}{away}"
            return Standing(text, "accent", (_CONFIRM, _REVERT), "c confirms, v goes back")
        case "moving" if move.is_fenced:
            text = f"the move to {move.target} broke off between the two: {move.source} is fenced"
            return Standing(text, "bad", (_GO_ON, _REVERT), "t goes on, v goes back")
        case "moving":
            text = f"the move to {move.target} broke off; {move.source} serves"
            return Standing(text, "warn", (_GO_ON,), "t goes on")
        case "stopped":
            text = f"the move to {move.target} was taken back; {move.target} keeps its side"
            do = "m moves it again, c removes that"
            return Standing(text, "warn", (("m", "move again"), _REMOVE), do)
        case "reverted":
            text = f"back from {move.target} since {moment(move.changed, now)}; {move.target} keeps"
            return Standing(f"{text} its side", "warn", (_REMOVE,), "c removes that")
    return None


def is_open(view: DeploymentView) -> bool:
    """Something is to be said about its move: a decision, or what is kept elsewhere."""
    return view.move is not None and view.move.is_open and view.operation is None


def _away(move: Move) -> str:
    return f"{move.downtime_seconds:.1f} s"
