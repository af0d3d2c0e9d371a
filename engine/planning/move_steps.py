"""Steps that the plans around a move have in common, each at its side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.catalog.package import StateUnit
from engine.model.plan import Effect, PlannedStep
from engine.planning.desired import Desired
from engine.planning.records import TTL, more_than_the_address, record_args
from engine.planning.sequence import named

FENCE, FREEZE, SERVING = "source.fence", "source.freeze", "move.serving"
LOW_TTL = 60
"""Of the names while a deployment moves, in seconds: nobody holds an old address for longer."""
_BY_ITSELF = ("secrets",)
"""Kinds that are not carried from guest to guest: secrets go from store to store."""

"""Kinds that hold work which waits to be done."""
_BACKLOG_SECONDS = 600


def resume_source(source: Desired, args: Mapping[str, Any] | None = None) -> list[PlannedStep]:
    """args: who may write from now on, where the target never could."""
    here = place_of(source)
    unfence = side_step(
        source, "side.unfence@1", "source.unfence", "Lift the source's fence", here, args
    )
    run = source.step(
        "app.run@1", "Start it at the source", Effect.CHANGE, f"{source.name} at {here}"
    )
    return [unfence, named(run, "source.run")]


def carried(desired: Desired) -> list[str]:
    """Ids of the state units that go from guest to guest, in the package's order."""
    return [unit.id for unit in carried_units(desired)]


def carried_units(desired: Desired) -> list[StateUnit]:
    return [
        unit
        for unit in desired.package.state
        if not unit.is_made_anew and unit.kind not in _BY_ITSELF
    ]


def side_step(
    desired: Desired,
    kind: str,
    name: str,
    title: str,
    subject: str,
    args: Mapping[str, Any] | None = None,
    effect: Effect = Effect.CHANGE,
) -> PlannedStep:
    return acting_at(desired, named(desired.step(kind, title, effect, subject, (), args), name))


def backlog_steps(target: Desired) -> list[PlannedStep]:
    """Where it has queues: what piled up while it was away is worked off."""
    units = [unit.id for unit in carried_units(target) if unit.has_queues]
    if not units:
        return []
    what = (
        f"{', '.join(units)}; until no more wait than before, at most {_BACKLOG_SECONDS // 60} min"
    )
    args = {"units": units, "seconds": _BACKLOG_SECONDS}
    return [target.step("backlog.watch@1", "Watch its queues", Effect.READ, what, (), args)]


def passage_step(
    target: Desired, source: Desired, verb: str, title: str, effect: Effect
) -> PlannedStep:
    step = target.step(
        f"passage.{verb}@1",
        title,
        effect,
        f"SSH from {place_of(target)} to {place_of(source)}, with a key for this move alone",
        (),
        {"source": source.provider.name, "units": carried(target)},
    )
    return acting_at(target, step)


def dns_step(desired: Desired, names_at: str, title: str, ttl: int = LOW_TTL) -> PlannedStep:
    step = desired.step(
        "dns.apply@1",
        title,
        Effect.CHANGE,
        f"{desired.record_type} record {desired.domain}, TTL {ttl} s"
        f"{more_than_the_address(desired)}",
        (),
        {"records": record_args(desired, ttl), "address_at": desired.provider.name},
    )
    return step.model_copy(update={"at": names_at})


def usual_ttl_step(desired: Desired, names_at: str, name: str) -> PlannedStep:
    """The move is over: its names are remembered for as long as before."""
    return named(dns_step(desired, names_at, "Give the name its usual TTL", TTL), name)


def health_step(desired: Desired) -> PlannedStep:
    return desired.step("app.health@1", "Ask it by its public name", Effect.READ, desired.domain)


def acting_at(desired: Desired, step: PlannedStep) -> PlannedStep:
    return step.model_copy(update={"at": desired.provider.name})


def place_of(desired: Desired) -> str:
    return desired.provider.title or desired.provider.name
