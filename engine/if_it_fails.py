"""What becomes of an application when a plan fails, in words."""

from __future__ import annotations

from engine.model.plan import Intent, Plan


def way_back(plan: Plan) -> str:
    """The end of a sentence that begins with "if it fails"; empty for a plan without a way back."""
    back = plan.rollback
    if back is None:
        return ""
    if back.provider != plan.provider:
        return f" before that: {plan.name} serves on at {back.provider}"
    if plan.intent is Intent.BACKUP:
        return ": the application runs on as it is"
    if plan.intent in (Intent.DRILL, Intent.PROBE):
        return ": the throw-away guest is removed all the same"
    if plan.intent is Intent.RECONFIGURE:
        return ": the guest is started again, and the application with it"
    if plan.intent is Intent.ROTATE:
        return ": back to the passwords and keys from before"
    return f": back to {plan.application} {back.release} with its configuration and data"
