"""The state on its way from guest to guest: the way itself, and each unit on it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import InvalidInput
from engine.methods.place import Place
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.operations.steps.secret_steps import secret_path
from engine.state.passage import GuestPassage
from engine.state.protocols import Ground, HasBacklog, Moved, Settles, Side, StateKind, Unit
from engine.state.registry import state_kind
from engine.state.units import units_of
from engine.state.way import close_ways


@dataclass(frozen=True)
class Carrying:
    """Both sides of a move, and the passage between them."""

    source: Place
    target: Place
    passage: GuestPassage

    @classmethod
    def of(cls, ctx: StepContext, *, live: bool = False, part: str = "") -> Carrying:
        """The step acts at the target. args: source, the provider of the other side. part: the
        unit that is carried beside others; empty: nothing else is at work."""
        from_there = ctx.at(str(ctx.step.args["source"]))
        source = Place.of(from_there.shell(), installation(from_there), ctx)
        target = Place.of(ctx.shell(), installation(ctx), ctx)
        source, target = (replace(place, part=part) for place in (source, target))
        way = from_there.guest_target()
        opened = next((step for step in ctx.plan.steps if step.kind == "passage.open@1"), ctx.step)
        limit = int(opened.args.get("limit", 0))
        relay = int((ctx.output_of("passage.open") or {}).get("relay", 0))
        passage = GuestPassage(ctx.operation_id, source, target, way, limit, live, relay)
        passage.lead()
        return cls(source, target, passage)


@handles("passage.open@1")
def open_passage(ctx: StepContext) -> StepOutcome:
    """args: source; units, whose paths the target may read."""
    carrying = Carrying.of(ctx)
    wanted = ctx.step.args["units"]
    units = [unit for unit in units_of(carrying.source) if unit.id in wanted]
    passage = carrying.passage.open(_paths(units))
    way = "through this machine" if passage.relay else "straight"
    source = ctx.step.args["source"]
    ctx.log(f"{ctx.provider.name} reads from {source} {way}, by a key for this alone")
    return StepOutcome(output={"relay": passage.relay})


@handles("passage.close@1")
def close_passage(ctx: StepContext) -> StepOutcome:
    """args: source, units. What their seeds left at work goes first. Of a source that is switched
    off, the target's end alone, and with it the only key."""
    if (ctx.output_of("source.fence") or {}).get("powered_off"):
        place = Place.of(ctx.shell(), installation(ctx), ctx)
        close_ways(ctx.operation_id, place)
        place.run_long("rm", "-rf", "--", place.paths.passage(ctx.operation_id))
        return StepOutcome()
    carrying = Carrying.of(ctx)
    for unit in ctx.step.args["units"]:
        kind, source, target = sides(ctx, carrying, str(unit))
        if isinstance(kind, Settles):
            kind.settle(source, target, carrying.passage)
    carrying.passage.close()
    return StepOutcome()


def close_left_end(ctx: StepContext, operation: str) -> None:
    """At a source that was switched off before the way of that move could be closed: the line
    that let the target in, whose key is gone."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    if place.exists(place.paths.passage(operation)):
        GuestPassage(operation, place, place, ctx.guest_target()).close()


@handles("state.seed@1")
def seed(ctx: StepContext) -> StepOutcome:
    """args: source, unit."""
    carrying = Carrying.of(ctx, live=True)
    kind, source, target = sides(ctx, carrying, str(ctx.step.args["unit"]))
    began, clock = time.time(), time.monotonic()
    moved = kind.seed(source, target, carrying.passage)
    told = _told(ctx, moved)
    timed: dict[str, Any] = {"began": began, "seconds": time.monotonic() - clock}
    timed["waits"] = moved.waits
    if isinstance(kind, HasBacklog):
        timed["backlog"] = kind.backlog(source.unit, source.ground)
    return StepOutcome(output={**told.output, **timed})


@handles("state.delta@1")
def delta(ctx: StepContext) -> StepOutcome:
    """args: source, unit; thorough: what is there is read, whatever it looks like."""
    unit = str(ctx.step.args["unit"])
    carrying = Carrying.of(ctx, part=unit)
    kind, source, target = sides(ctx, carrying, unit)
    thorough = bool(ctx.step.args.get("thorough"))
    clock = time.monotonic()
    told = _told(ctx, kind.delta(source, target, carrying.passage, thorough=thorough))
    return StepOutcome(output={**told.output, "seconds": time.monotonic() - clock})


@handles("state.compare@1")
def compare(ctx: StepContext) -> StepOutcome:
    """args: source, unit. Both sides hold the same, or the step fails with what differs."""
    unit = str(ctx.step.args["unit"])
    kind, source, target = sides(ctx, Carrying.of(ctx, part=unit), unit)
    clock = time.monotonic()
    found = kind.compare(source, target)
    level = f"V{found.level}"
    ctx.log(f"{unit} is the same at both sides: {found.items} items ({level})")
    output: dict[str, Any] = {"level": level, "items": found.items, "bytes": found.bytes}
    output["seconds"] = time.monotonic() - clock
    return StepOutcome(changed=False, output=output)


def _told(ctx: StepContext, moved: Moved) -> StepOutcome:
    ctx.log(f"{ctx.step.args['unit']}: {moved.items} items, {moved.bytes / 1e6:.1f} MB came over")
    return StepOutcome(output={"items": moved.items, "bytes": moved.bytes})


def _paths(units: Sequence[Unit]) -> list[str]:
    return [unit.locator for unit in units if unit.locator.startswith("/")]


def sides(ctx: StepContext, carrying: Carrying, unit: str) -> tuple[StateKind, Side, Side]:
    """The unit at both sides, and its kind. args of the step: source."""
    from_there = ctx.at(str(ctx.step.args["source"]))
    source, target = _side(from_there, carrying.source, unit), _side(ctx, carrying.target, unit)
    return state_kind(source.unit.kind), source, target


def _side(ctx: StepContext, place: Place, wanted: str) -> Side:
    found = next((unit for unit in units_of(place) if unit.id == wanted), None)
    if found is None:
        raise InvalidInput("the package has no such state", on=wanted)
    return Side(found, Ground(place, ctx.backends.secrets, secret_path(ctx)))
