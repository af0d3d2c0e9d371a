"""Plans that take a deployment's names to another provider's name servers.

A delegation changes slowly: the zone above is told by hand, and resolvers remember for days whom
they were sent to. So the names are made at the new servers first, from then on both sides are
written to, and the old ones are left by a plan of its own once nobody is sent there any more.
Until then the same way leads back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.model.names import NamesMove
from engine.model.plan import Change, Effect, Intent, Plan, PlannedStep
from engine.planning.desired import Desired
from engine.planning.records import more_than_the_address, record_args
from engine.planning.sequence import in_order

_BEGIN, _END = "names.begin@1", "names.end@1"
_IN_ZONE = ("dns.apply@1", "dns.remove@1")
FINISH, BACK = "finish", "back"


def plan_names_move(
    desired: Desired,
    write: PlannedStep,
    source: str,
    target: str,
    changes: tuple[Change, ...],
    warnings: tuple[str, ...],
) -> Plan:
    """write: the step that makes all of its records at the target."""
    sides = {"source": source, "target": target}
    begin = desired.step(
        _BEGIN, "Note that its names move", Effect.CHANGE, f"from {source} to {target}", (), sides
    )
    made = {
        "title": "Make its DNS records there",
        "effect": Effect.CREATE,
        "args": {**write.args, "also": True},
    }
    live = _live_at(desired, target, f"at the name servers of {target}; {source} keeps its copy")
    return _of_names(
        desired, [begin, write.model_copy(update=made), live], warnings, changes=changes
    )


def plan_names_finish(desired: Desired, move: NamesMove, *, anyway: bool, silent: str) -> Plan:
    """The old name servers are left. anyway: whatever the zone's delegation says. silent: why
    nothing can be removed there; else empty."""
    left = _left(desired, move.source, FINISH, anyway, silent)
    live = [] if move.at == move.target else [_live_at(desired, move.target, move.target)]
    gone = f"Whoever is still sent to the name servers of {move.source} does not find it any more."
    return _of_names(desired, [*live, *left], (gone, *_stays(move.source, silent)))


def plan_names_back(desired: Desired, move: NamesMove, *, anyway: bool, silent: str) -> Plan:
    """As if nothing had been: the copy at the target goes."""
    live = _live_at(desired, move.source, f"at the name servers of {move.source}")
    left = _left(desired, move.target, BACK, anyway, silent)
    return _of_names(desired, [live, *left], _stays(move.target, silent))


def names_plan_of(plan: Plan) -> dict[str, Any] | None:
    """What was asked for, where this is a plan of here: {"target"}, or {"verb", "anyway"}."""
    return next((step.args for step in plan.steps if step.kind in (_BEGIN, _END)), None)


def at_both(plan: Plan, also: str) -> Plan:
    """The plan, with what it does to the deployment's records done at further name servers, too,
    right afterwards. also: the provider of these; empty where there are none."""
    if not also:
        return plan
    copies = {
        step.id: step.model_copy(
            update={
                "id": f"{step.id}.{also}",
                "title": f"{step.title}, and at the other name servers",
                "subject": f"{step.subject}, at {also}",
                "at": also,
                "after": (step.id,),
                "args": {**step.args, "also": True},
            }
        )
        for step in plan.steps
        if step.kind in _IN_ZONE
    }
    steps: list[PlannedStep] = []
    for step in plan.steps:
        after = tuple(copies[name].id if name in copies else name for name in step.after)
        steps.append(step.model_copy(update={"after": after}))
        if step.id in copies:
            steps.append(copies[step.id])
    rollback = at_both(plan.rollback, also) if plan.rollback else None
    return plan.model_copy(update={"steps": tuple(steps), "rollback": rollback})


def _live_at(desired: Desired, provider: str, subject: str) -> PlannedStep:
    args = {"at": provider}
    return desired.step(
        "names.live@1", "Say where its names live", Effect.CHANGE, subject, (), args
    )


def _stays(provider: str, silent: str) -> tuple[str, ...]:
    if not silent:
        return ()
    return (f"What {provider} has of it stays there, and is not Homeport's any more: {silent}",)


def _left(
    desired: Desired, provider: str, verb: str, anyway: bool, silent: str
) -> list[PlannedStep]:
    """The name servers have nothing of it any more; or what they have is forgotten."""
    kind, title, effect = (
        ("names.forget@1", "Forget its DNS records there", Effect.CHANGE)
        if silent
        else ("dns.remove@1", "Remove its DNS records there", Effect.DELETE)
    )
    remove = desired.step(
        kind,
        title,
        effect,
        f"at {provider}: {desired.record_type} {desired.domain}{more_than_the_address(desired)}",
        (),
        {"records": record_args(desired), "leaves": True},
    )
    end = desired.step(
        _END,
        "Close the books on it",
        Effect.CHANGE,
        f"{provider} has none of its names",
        (),
        {"verb": verb, "anyway": anyway},
    )
    return [remove.model_copy(update={"at": provider}), end]


def _of_names(
    desired: Desired,
    steps: Sequence[PlannedStep],
    warnings: tuple[str, ...],
    *,
    changes: tuple[Change, ...] = (),
) -> Plan:
    plan = desired.plan(Intent.RECONFIGURE, in_order(steps), changes, warnings)
    return plan.model_copy(update={"records": desired.records})
