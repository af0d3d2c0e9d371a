"""The plan that moves a deployment to another provider, with all of its state.

A move builds the same deployment a second time at the target while the source serves, brings
its state over, and lets exactly one of the two write at any moment. What can be done before
the source stops is done before; what stands between the freeze and the first answer is the
downtime. Until the source is fenced the plan carries its own way back; from then on it only
goes forward, and a plan of its own is the way back (`engine.planning.after_move`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.model.forecast import UnitSize
from engine.model.move import MovePhase, MoveTerms
from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.planning.desired import Desired
from engine.planning.forecast import Speeds, foreseen, with_sizes
from engine.planning.hand_over import hand_over
from engine.planning.move_steps import (
    FENCE,
    LOW_TTL,
    acting_at,
    backlog_steps,
    carried,
    dns_step,
    health_step,
    passage_step,
    place_of,
    resume_source,
    side_step,
    usual_ttl_step,
)
from engine.planning.move_words import move_warnings
from engine.planning.reverse import reverse_named
from engine.planning.scripts import script_steps
from engine.planning.sequence import in_order, named
from engine.planning.services import installed_components, making


@dataclass(frozen=True)
class Extent:
    """How much a move has to bring. unknown: why the source could not be asked, if so."""

    sizes: tuple[UnitSize, ...] = ()
    speeds: Speeds = field(default_factory=Speeds)
    unknown: str = ""


_NO_TERMS, _UNKNOWN = MoveTerms(), Extent()


def plan_migrate(
    target: Desired,
    source: Desired,
    names_at: str,
    *,
    again: bool = False,
    terms: MoveTerms = _NO_TERMS,
    extent: Extent = _UNKNOWN,
) -> Plan:
    """target, source: the same deployment, at the provider where it shall live and where it
    does. names_at: the provider whose zone holds its names; they stay there. again: an earlier
    move there was taken back; nothing that it left is taken for good because it looks so.
    """
    steps = with_sizes(
        in_order(
            [
                *_checks(target, source, names_at),
                *_build(target, source),
                *_carry(target, source, terms),
                *hand_over(target, source, again),
                *_go_public(target, source, names_at),
            ]
        ),
        extent.sizes,
        extent.speeds,
    )
    forecast = foreseen(steps, extent.sizes, extent.unknown)
    warnings = move_warnings(target, source, forecast, terms)
    return target.plan(Intent.MIGRATE, steps, (), warnings).model_copy(
        update={
            "rollback": _way_back(target, source, names_at),
            "rollback_from": "passage.open",
            "no_return": FENCE,
            "forecast": forecast,
        }
    )


def terms_of(plan: Plan) -> MoveTerms:
    """What was asked of the move that this is the plan of."""
    by_kind = {step.kind: step.args for step in plan.steps}
    held, converged = by_kind.get("move.hold@1"), by_kind.get("state.converge@1", {})
    until = (held or {}).get("until") or None
    return MoveTerms(
        window_seconds=converged.get("window"),
        hold=held is not None and bool(held["asks"]),
        begin_at=datetime.fromisoformat(until) if until else None,
        limit_kib=by_kind.get("passage.open@1", {}).get("limit", 0),
    )


def _checks(target: Desired, source: Desired, names_at: str) -> list[PlannedStep]:
    from_there = {"source": source.provider.name, "target": target.provider.name}
    check = source.step(
        "move.check@1",
        "Check the source",
        Effect.READ,
        f"{source.name} runs at {place_of(source)}",
        (),
        from_there,
    )
    return [
        acting_at(source, check),
        target.step("preflight@1", "Check the target", Effect.READ, place_of(target)),
        named(dns_step(source, names_at, "Lower the TTL of its name", LOW_TTL), "dns.lower"),
    ]


def _build(target: Desired, source: Desired) -> list[PlannedStep]:
    """The same deployment at the target, all but its state, with nothing running."""
    needs, there = target.package.needs, place_of(target)
    what = f"{target.package.name} {target.release.version}"
    came_from = {"source": source.provider.name}
    return [
        target.step(
            "secrets.copy@1",
            "Copy its secrets",
            Effect.CREATE,
            f"from the store of {place_of(source)}, byte for byte",
            (),
            came_from,
        ),
        *making(target),
        target.step(
            "address.allocate@1", "Take an address", Effect.CREATE, f"from the pool of {there}"
        ),
        *reverse_named(target),
        target.step(
            "guest.ensure@1",
            "Create the guest",
            Effect.CREATE,
            f"{target.name} at {there}: {target.guest_size}",
            (),
            target.guest_size.args,
        ),
        target.step("guest.start@1", "Start the guest", Effect.CHANGE, f"guest {target.name}"),
        target.step(
            "components.install@1",
            "Install what it needs",
            Effect.CREATE,
            installed_components(target),
            (),
            {"components": list(needs.components)},
        ),
        target.step("app.install@1", "Install the application", Effect.CREATE, what),
        target.step("app.configure@1", "Write its configuration", Effect.CREATE, what),
        target.step(
            "certificate.carry@1",
            "Carry the certificate over",
            Effect.CREATE,
            target.domain,
            (),
            came_from,
        ),
        target.step(
            "app.publish@1",
            "Prepare its proxy",
            Effect.CREATE,
            f"proxy for {target.domain}",
            (),
            {"behind": source.provider.name},
        ),
        side_step(
            source,
            "side.reach@1",
            "source.reach",
            "Check the way of requests",
            f"from {place_of(source)} to {there}",
            {"to": target.provider.name},
            Effect.READ,
        ),
    ]


def _carry(target: Desired, source: Desired, terms: MoveTerms) -> list[PlannedStep]:
    """While the source serves: a way for the data, all of them once, and again what changed."""
    way = passage_step(target, source, "open", "Open a way for the data", Effect.CREATE)
    if terms.limit_kib:
        way = way.model_copy(update={"args": {**way.args, "limit": terms.limit_kib}})
    steps = [way]
    for unit in carried(target):
        seed = target.step(
            "state.seed@1",
            f"Copy {unit} while it serves",
            Effect.CREATE,
            unit,
            (),
            {"source": source.provider.name, "unit": unit},
        )
        steps.append(named(seed, f"state.seed.{unit}"))
    args: dict[str, Any] = {"source": source.provider.name, "units": carried(target)}
    if terms.window_seconds is not None:
        args["window"] = terms.window_seconds
    steps.append(
        target.step(
            "state.converge@1",
            "Copy again what changed",
            Effect.CREATE,
            f"until it would be away for at most {terms.window_seconds:g} s"
            if terms.window_seconds is not None
            else "until the rest is short",
            (),
            args,
        )
    )
    if terms.hold or terms.begin_at is not None:
        steps.append(_hold_step(target, args, terms))
    return steps


def _hold_step(target: Desired, args: dict[str, Any], terms: MoveTerms) -> PlannedStep:
    until = terms.begin_at
    ends = [f"homeport continue {target.name}"] if terms.hold or until is None else []
    if until is not None:
        ends.insert(0, f"{until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    step = target.step(
        "move.hold@1",
        "Wait before the freeze",
        Effect.READ,
        f"until {' or '.join(ends)}; the source serves, the copy is kept fresh",
        (),
        {**args, "asks": terms.hold, "until": until.isoformat() if until else ""},
    )
    return step.model_copy(update={"expected_seconds": 0.0})


def _go_public(target: Desired, source: Desired, names_at: str) -> list[PlannedStep]:
    serving = target.step(
        "move.serving@1", "Wait for its answer by the public name", Effect.READ, target.domain
    )
    steps = [
        serving,
        dns_step(target, names_at, "Point the name at the target"),
        health_step(target),
        *script_steps(target, "after-switch", "migrate"),
    ]
    if target.package.accounts:
        account = target.step(
            "accounts.ensure@1",
            "Keep the first account",
            Effect.CHANGE,
            f"account {target.account}",
            (),
            {"username": target.account},
        )
        steps.append(account)
    settle = target.step(
        "deployment.settle@1",
        "Say where it lives",
        Effect.CHANGE,
        f"{target.name} lives at {place_of(target)}; {place_of(source)} keeps its side",
        (),
        {"phase": MovePhase.OBSERVING.value},
    )
    close = passage_step(target, source, "close", "Close the way", Effect.CHANGE)
    return [*steps, close, settle, *backlog_steps(target)]


def _way_back(target: Desired, source: Desired, names_at: str) -> Plan:
    """Before the fence: the source goes on as if nothing had been."""
    stopped = source.step(
        "move.stop@1",
        "Say that it stays",
        Effect.CHANGE,
        f"{source.name} stays at {place_of(source)}",
    )
    steps = [
        *resume_source(source, {"writer": source.provider.name}),
        source.step(
            "app.publish@1", "Publish it there", Effect.CHANGE, f"proxy for {source.domain}"
        ),
        health_step(source),
        stopped,
        passage_step(target, source, "close", "Close the way", Effect.CHANGE),
        usual_ttl_step(source, names_at, "dns.apply"),
    ]
    return source.plan(Intent.MIGRATE, in_order([named(step, f"back.{step.id}") for step in steps]))
