"""How far an operation is on its way back, and what that means to its reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import TooSlow
from engine.inventory.inventory import Inventory
from engine.model.plan import Intent, Operation, Plan
from engine.operations.runner import StepResult

_AGAIN = {
    Intent.RECONFIGURE: "homeport resize",
    Intent.ROTATE: "homeport rotate",
    Intent.UPGRADE: "homeport upgrade",
    Intent.ROLLBACK: "homeport rollback",
    Intent.BACKUP: "homeport backup",
    Intent.RESTORE: "homeport restore",
    Intent.DRILL: "homeport drill",
    Intent.PROBE: "homeport catalog probe",
    Intent.MIGRATE: "homeport migrate",
}

_LEFT = {
    Intent.RECONFIGURE: "{name} runs on, with all of its data",
    Intent.ROTATE: "{name} runs on, with the passwords and keys from before",
    Intent.BACKUP: "{name} runs on, with all of its data; older backups are all there",
    Intent.DRILL: "the throw-away guest is gone; nothing else was touched",
    Intent.PROBE: "the throw-away guest is gone; nothing else was touched",
}
"""Where nobody's data were changed, and so none were put back."""


@dataclass(frozen=True)
class WayBack:
    """was_begun: steps of it were tried. is_needed: the way forward had begun to change
    something. is_whole: all of its steps are finished. failed: what ended it before."""

    was_begun: bool
    is_needed: bool
    is_whole: bool
    failed: Mapping[str, Any] | None = None

    def told(self, plan: Plan, error: Mapping[str, Any] | None) -> dict[str, Any]:
        """The error of the way forward, with what the way back came to."""
        told = {"code": "error", "retryable": False, "what": f"{plan.intent.value} failed"}
        told |= {"on": plan.name, "why": "", "left": "", "do": "", **(error or {})}
        origin = plan.rollback
        assert origin is not None
        if self.is_whole and plan.intent is Intent.MIGRATE:
            told["left"] = (
                f"{plan.name} serves at {origin.provider} as before, and nothing is lost; what "
                f"was made at {plan.provider} is kept for another try"
            )
            # What cannot be mended says what else can be done.
            first = told["do"] if told["code"] == TooSlow.code else "Mend what ended it."
            told["do"] = (
                f"{first} Then plan anew: homeport migrate {plan.name} --to "
                f"{plan.provider}; or remove what is left there: homeport confirm {plan.name}"
            )
        elif self.is_whole:
            told["left"] = _LEFT.get(plan.intent, "").format(name=plan.name) or (
                f"{plan.name} runs with release {origin.release} again, with the configuration "
                "and the data from before; what came since is kept on the guest"
            )
            again = plan.application if plan.intent is Intent.PROBE else plan.name
            told["do"] = f"Mend what ended it, then plan anew: {_AGAIN[plan.intent]} {again}"
        else:
            why = self.failed or {}
            told["left"] = (
                f"going back to {_origin(plan, origin)} did not come to its end: "
                f"{why.get('what', 'it broke off')}"
                + (f": {why['why']}" if why.get("why") else "")
                + "; the state from before is kept"
            )
            told["do"] = (
                f"{why.get('do') or 'Mend the cause.'} Then resume the operation: "
                "it goes on with going back."
            )
        return told


def told_between(operation: Operation, error: Mapping[str, Any]) -> dict[str, Any]:
    """The error of an operation that ended behind its point of no return."""
    name = operation.plan.name
    if operation.plan.intent is Intent.ROTATE:
        return {
            **error,
            "left": f"{name} runs with new passwords and keys; old ones are not removed yet",
            "do": f"{error.get('do') or 'Mend the cause.'} Then: homeport resume {operation.id}",
        }
    return {
        **error,
        "left": "the source is fenced, with its data as they were frozen; the target has the "
        "same data and may serve",
        "do": f"{error.get('do') or 'Mend the cause.'} Then go on: homeport resume "
        f"{operation.id}; or back: homeport revert {name}",
    }


def _origin(plan: Plan, origin: Plan) -> str:
    if plan.intent is Intent.MIGRATE:
        return origin.provider
    if plan.intent is Intent.ROTATE:
        return "the passwords and keys from before"
    return f"release {origin.release}"


def way_back_of(
    inventory: Inventory, operation: Operation, results: Mapping[str, StepResult]
) -> WayBack:
    """results: of this attempt; what earlier ones finished is in the inventory."""
    plan = operation.plan
    finished = inventory.finished_steps.of(operation.id).keys()
    tried = {step: result for step, result in results.items() if step in plan.rollback_ids}
    failed = next((result.error for result in tried.values() if not result.is_good), None)
    return WayBack(
        was_begun=bool(tried) or bool(plan.rollback_ids & finished),
        is_needed=plan.rollback_from in results or plan.rollback_from in finished,
        is_whole=bool(plan.rollback_ids) and plan.rollback_ids <= finished,
        failed=failed,
    )
