"""The plans that move a deployment to another provider, take that back, and settle it.

A move builds the same deployment a second time at the target while the source serves, brings
its state over, and lets exactly one of the two write at any moment. What can be done before
the source stops is done before; what stands between the freeze and the first answer is the
downtime. Until the source is fenced the plan carries its own way back; from then on it only
goes forward, and `plan_revert` is the way to the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.deployment import Resource
from engine.model.move import Move, MovePhase
from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.planning.deploy import COMPONENTS, TTL
from engine.planning.desired import Desired
from engine.planning.removal import removal_of_side
from engine.planning.sequence import in_order, named

FENCE, FREEZE, SERVING = "source.fence", "source.freeze", "move.serving"
_MADE_ANEW = ("rebuildable", "cache")
_BY_ITSELF = ("secrets",)
"""Kinds that are not carried from guest to guest: secrets go from store to store."""


def plan_migrate(target: Desired, source: Desired, names_at: str, *, again: bool = False) -> Plan:
    """target, source: the same deployment, at the provider where it shall live and where it
    does. names_at: the provider whose zone holds its names; they stay there. again: an earlier
    move there was taken back; nothing that it left is taken for good because it looks so.
    """
    steps = [
        *_checks(target, source),
        *_build(target, source),
        *_carry(target, source),
        *_hand_over(target, source, again),
        *_go_public(target, source, names_at),
    ]
    plan = target.plan(Intent.MIGRATE, in_order(steps), (), _warnings(target, source, steps))
    return plan.model_copy(
        update={
            "rollback": _way_back(target, source),
            "rollback_from": "passage.open",
            "no_return": FENCE,
        }
    )


def plan_revert(source: Desired, target: Desired, names_at: str, move: Move) -> Plan:
    """Back to the source as it was frozen. What was written at the target since stays there."""
    there = _provider(target)
    to_source = {"to": source.provider.name}
    steps = [
        source.step(
            "app.publish@1",
            "Prepare the source's proxy",
            Effect.CHANGE,
            f"proxy for {source.domain}; requests wait there",
            (),
            {"behind": target.provider.name},
        ),
        _side(target, "side.freeze@1", "target.freeze", "Stop it at the target", there, to_source),
        _side(
            target,
            "side.fence@1",
            "target.fence",
            "Fence the target",
            f"{there}: nothing starts it, nothing reaches its data; proven by a failing write",
            {"writer": source.provider.name},
        ),
        *_resume_source(source),
        _dns(source, names_at, "Point the name back"),
        _health(source),
        source.step(
            "deployment.settle@1",
            "Say where it lives",
            Effect.CHANGE,
            f"{source.name} lives at {_provider(source)}; {there} keeps its side",
            (),
            {"phase": MovePhase.REVERTED.value},
        ),
    ]
    return source.plan(Intent.REVERT, in_order(steps), (), _lost(target, move))


def plan_confirm(
    here: Desired, other: Desired, resources: Sequence[Resource], *, keeps_secrets: bool
) -> Plan:
    """It stays where it is; what is at the other side is destroyed.

    resources: all of the deployment's. keeps_secrets: both sides have the same store, so
    its values stay.
    """
    there = other.provider.name
    steps = [
        here.step(
            "app.publish@1",
            "Believe the other side's proxy no more",
            Effect.CHANGE,
            f"proxy for {here.domain}",
        ),
        *removal_of_side(other, resources, keeps_secrets=keeps_secrets),
        here.step(
            "deployment.settle@1",
            "Close the books on the move",
            Effect.CHANGE,
            f"{here.name} lives at {_provider(here)}",
            (),
            {"phase": MovePhase.CONFIRMED.value},
        ),
    ]
    warning = f"What {there} still has of {here.name} is destroyed; there is no revert afterwards."
    return here.plan(Intent.CONFIRM, in_order(steps), (), (warning,))


def _checks(target: Desired, source: Desired) -> list[PlannedStep]:
    from_there = {"source": source.provider.name, "target": target.provider.name}
    check = source.step(
        "move.check@1",
        "Check the source",
        Effect.READ,
        f"{source.name} runs at {_provider(source)}",
        (),
        from_there,
    )
    return [
        _at(source, check),
        target.step("preflight@1", "Check the target", Effect.READ, _provider(target)),
    ]


def _build(target: Desired, source: Desired) -> list[PlannedStep]:
    """The same deployment at the target, all but its state, with nothing running."""
    needs, there = target.package.needs, _provider(target)
    what = f"{target.package.name} {target.release.version}"
    size = f"{needs.cores} core{'s' if needs.cores > 1 else ''}, {needs.memory_mib} MiB"
    came_from = {"source": source.provider.name}
    guest = {"cores": needs.cores, "memory_mib": needs.memory_mib, "disk_gib": needs.disk_gib}
    installed = ", ".join(["reverse proxy", *(COMPONENTS[name] for name in needs.components)])
    return [
        target.step(
            "secrets.copy@1",
            "Copy its secrets",
            Effect.CREATE,
            f"from the store of {_provider(source)}, byte for byte",
            (),
            came_from,
        ),
        target.step(
            "address.allocate@1", "Take an address", Effect.CREATE, f"from the pool of {there}"
        ),
        target.step(
            "guest.ensure@1",
            "Create the guest",
            Effect.CREATE,
            f"{target.name} at {there}: {size}, {needs.disk_gib} GiB",
            (),
            guest,
        ),
        target.step("guest.start@1", "Start the guest", Effect.CHANGE, f"guest {target.name}"),
        target.step(
            "components.install@1",
            "Install what it needs",
            Effect.CREATE,
            installed,
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
        _side(
            source,
            "side.reach@1",
            "source.reach",
            "Check the way of requests",
            f"from {_provider(source)} to {there}",
            {"to": target.provider.name},
            Effect.READ,
        ),
    ]


def _carry(target: Desired, source: Desired) -> list[PlannedStep]:
    """While the source serves: a way for the data, and all of them once."""
    steps = [_passage(target, source, "open", "Open a way for the data", Effect.CREATE)]
    for unit in carried(target):
        args = {"source": source.provider.name, "unit": unit}
        seed = target.step(
            "state.seed@1", f"Copy {unit} while it serves", Effect.CREATE, unit, (), args
        )
        steps.append(named(seed, f"state.seed.{unit}"))
    return steps


def _hand_over(target: Desired, source: Desired, again: bool) -> list[PlannedStep]:
    """From the freeze to the first step of the target, in this order and no other."""
    here = _provider(source)
    steps = [
        _side(
            source,
            "side.freeze@1",
            FREEZE,
            "Stop it at the source",
            f"{source.name} at {here}; its address passes requests on, and they wait",
            {"to": target.provider.name},
        )
    ]
    for unit in carried(target):
        args: dict[str, Any] = {"source": source.provider.name, "unit": unit}
        if again:
            args["thorough"] = True
        step = target.step(
            "state.delta@1", f"Copy the rest of {unit}", Effect.CHANGE, unit, (), args
        )
        steps.append(named(step, f"state.delta.{unit}"))
    for unit in carried(target):
        args = {"source": source.provider.name, "unit": unit}
        step = target.step("state.compare@1", f"Compare {unit}", Effect.READ, unit, (), args)
        steps.append(named(step, f"state.compare.{unit}"))
    fence = _side(
        source,
        "side.fence@1",
        FENCE,
        "Fence the source",
        f"{here}: nothing starts it, nothing reaches its data; proven by a failing write",
        {"writer": target.provider.name},
    )
    run = target.step(
        "app.run@1",
        "Start it at the target",
        Effect.CHANGE,
        f"{target.package.name} {target.release.version} at {_provider(target)}",
    )
    return [*steps, fence, named(run, "target.run")]


def _go_public(target: Desired, source: Desired, names_at: str) -> list[PlannedStep]:
    serving = target.step(
        "move.serving@1", "Wait for its answer by the public name", Effect.READ, target.domain
    )
    steps = [
        serving,
        _dns(target, names_at, "Point the name at the target"),
        _health(target),
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
        f"{target.name} lives at {_provider(target)}; {_provider(source)} keeps its side",
        (),
        {"phase": MovePhase.OBSERVING.value},
    )
    return [*steps, _passage(target, source, "close", "Close the way", Effect.CHANGE), settle]


def _way_back(target: Desired, source: Desired) -> Plan:
    """Before the fence: the source goes on as if nothing had been."""
    stopped = source.step(
        "move.stop@1",
        "Say that it stays",
        Effect.CHANGE,
        f"{source.name} stays at {_provider(source)}",
    )
    steps = [
        *_resume_source(source, {"writer": source.provider.name}),
        source.step(
            "app.publish@1", "Publish it there", Effect.CHANGE, f"proxy for {source.domain}"
        ),
        _health(source),
        stopped,
        _passage(target, source, "close", "Close the way", Effect.CHANGE),
    ]
    return source.plan(Intent.MIGRATE, in_order([named(step, f"back.{step.id}") for step in steps]))


def _resume_source(source: Desired, args: Mapping[str, Any] | None = None) -> list[PlannedStep]:
    """args: who may write from now on, where the target never could."""
    here = _provider(source)
    unfence = _side(
        source, "side.unfence@1", "source.unfence", "Lift the source's fence", here, args
    )
    run = source.step(
        "app.run@1", "Start it at the source", Effect.CHANGE, f"{source.name} at {here}"
    )
    return [unfence, named(run, "source.run")]


def carried(desired: Desired) -> list[str]:
    """Ids of the state units that go from guest to guest, in the package's order."""
    return [
        unit.id
        for unit in desired.package.state
        if unit.klass not in _MADE_ANEW and unit.kind not in _BY_ITSELF
    ]


def predicted_downtime(steps: Sequence[PlannedStep]) -> float:
    """Seconds from the freeze to the first answer, by how long such steps took before."""
    ids = [step.id for step in steps]
    between = steps[ids.index(FREEZE) : ids.index(SERVING) + 1]
    return sum(step.expected_seconds for step in between)


def _warnings(target: Desired, source: Desired, steps: Sequence[PlannedStep]) -> tuple[str, ...]:
    here = _provider(source)
    return (
        f"{target.package.name} is away for about {predicted_downtime(steps):.0f} s, from the "
        "freeze to its first answer at the target.",
        f'Point of no return: "Fence the source". Before it, a failure leaves {here} serving; '
        f"after it, homeport revert {target.name} goes back.",
        f"{here} keeps all of its side until you run homeport confirm {target.name}.",
    )


def _lost(target: Desired, move: Move) -> tuple[str, ...]:
    kept = ", ".join(carried(target))
    if move.served is None:
        return (f"{_provider(target)} never served; nothing is lost.",)
    return (
        f"Everything written at {_provider(target)} since {move.served:%Y-%m-%d %H:%M} UTC leaves "
        f"the application ({kept}). It is kept there until you run homeport confirm "
        f"{target.name}.",
    )


def _side(
    desired: Desired,
    kind: str,
    name: str,
    title: str,
    subject: str,
    args: Mapping[str, Any] | None = None,
    effect: Effect = Effect.CHANGE,
) -> PlannedStep:
    return _at(desired, named(desired.step(kind, title, effect, subject, (), args), name))


def _passage(
    target: Desired, source: Desired, verb: str, title: str, effect: Effect
) -> PlannedStep:
    step = target.step(
        f"passage.{verb}@1",
        title,
        effect,
        f"SSH from {_provider(target)} to {_provider(source)}, with a key for this move alone",
        (),
        {"source": source.provider.name, "units": carried(target)},
    )
    return _at(target, step)


def _dns(desired: Desired, names_at: str, title: str) -> PlannedStep:
    record = {"name": desired.domain, "type": desired.record_type, "ttl": TTL}
    step = desired.step(
        "dns.apply@1",
        title,
        Effect.CHANGE,
        f"{desired.record_type} record {desired.domain}",
        (),
        {"records": [record], "address_at": desired.provider.name},
    )
    return step.model_copy(update={"at": names_at})


def _health(desired: Desired) -> PlannedStep:
    return desired.step("app.health@1", "Ask it by its public name", Effect.READ, desired.domain)


def _at(desired: Desired, step: PlannedStep) -> PlannedStep:
    return step.model_copy(update={"at": desired.provider.name})


def _provider(desired: Desired) -> str:
    return desired.provider.title or desired.provider.name
