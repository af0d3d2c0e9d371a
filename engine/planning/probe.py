"""The plan that runs an application on a throw-away guest to see all that it writes.

It is built as always, but has no public name and talks to nobody: its load comes from the guest
itself (`Package.load`). Whatever happens, nothing of it is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.plan import Effect, Intent, Plan
from engine.planning.deploy import plan_deploy
from engine.planning.desired import Desired
from engine.planning.removal import removal_of_throw_away
from engine.planning.sequence import in_order, named

_BUILT = (
    *("preflight", "secrets.ensure", "address.allocate", "guest.ensure", "guest.start"),
    *("components.install", "app.install", "app.configure"),
)
_BACK = "back."


def plan_probe(desired: Desired, schema: Mapping[str, Any]) -> Plan:
    """desired: the throw-away deployment."""
    what = f"{desired.package.name} {desired.release.version}"
    made = {step.id: step for step in plan_deploy(desired, schema).steps}
    loads = len(desired.package.load)
    load = f"by {loads} program{'' if loads == 1 else 's'} of its package"
    steps = [
        *(made[step] for step in _BUILT),
        desired.step(
            "guest.isolate@1", "Cut its service off", Effect.CHANGE, "it reaches the guest only"
        ),
        desired.step(
            "probe.begin@1", "Note what is on the guest", Effect.READ, f"guest {desired.name}"
        ),
        desired.step("app.run@1", "Start it", Effect.CHANGE, what),
        *(step for step in made.values() if step.id == "accounts.ensure"),
        desired.step("probe.use@1", "Use it", Effect.CHANGE, load if loads else "no load declared"),
        desired.step("app.stop@1", "Stop it", Effect.CHANGE, what),
        desired.step(
            "probe.compare@1",
            "Compare what it wrote with what is declared",
            Effect.READ,
            f"{len(desired.package.state)} state units",
        ),
    ]
    removal = removal_of_throw_away(desired, "probe")
    note = f"{desired.provider.title or desired.provider.name} needs room for one more guest."
    plan = desired.plan(Intent.PROBE, in_order([*steps, *removal]), (), (note,))
    back = desired.plan(Intent.PROBE, in_order([named(step, _BACK + step.id) for step in removal]))
    return plan.model_copy(update={"rollback": back, "rollback_from": "preflight"})
