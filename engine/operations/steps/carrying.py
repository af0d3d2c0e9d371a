"""The state on its way from guest to guest: the way itself, and each unit on it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import InvalidInput
from engine.methods.place import Place
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.operations.steps.secret_steps import secret_path
from engine.state import carrying
from engine.state.passage import Passage
from engine.state.protocols import Ground, Moved, Side, Unit
from engine.state.units import units_of


@dataclass(frozen=True)
class Ways:
    """Both sides of a move, and the passage between them."""

    source: Place
    target: Place
    passage: Passage

    @classmethod
    def of(cls, ctx: StepContext) -> Ways:
        """The step acts at the target. args: source, the provider of the other side."""
        from_there = ctx.at(str(ctx.step.args["source"]))
        source = Place.of(from_there.shell(), installation(from_there), ctx)
        target = Place.of(ctx.shell(), installation(ctx), ctx)
        passage = Passage(ctx.operation_id, source, target, from_there.guest_target())
        return cls(source, target, passage)


@handles("passage.open@1")
def open_passage(ctx: StepContext) -> StepOutcome:
    Ways.of(ctx).passage.open()
    ctx.log(f"{ctx.provider.name} reads from {ctx.step.args['source']}, by a key for this alone")
    return StepOutcome()


@handles("passage.close@1")
def close_passage(ctx: StepContext) -> StepOutcome:
    Ways.of(ctx).passage.close()
    return StepOutcome()


@handles("state.seed@1")
def seed(ctx: StepContext) -> StepOutcome:
    """args: source, unit."""
    ways = Ways.of(ctx)
    return _told(ctx, carrying.seed(*_sides(ctx, ways), ways.passage))


@handles("state.delta@1")
def delta(ctx: StepContext) -> StepOutcome:
    """args: source, unit."""
    ways = Ways.of(ctx)
    return _told(ctx, carrying.delta(*_sides(ctx, ways), ways.passage))


@handles("state.compare@1")
def compare(ctx: StepContext) -> StepOutcome:
    """args: source, unit. Both sides hold the same, or the step fails with what differs."""
    ways = Ways.of(ctx)
    found = carrying.compare(*_sides(ctx, ways), ways.passage)
    unit = ctx.step.args["unit"]
    ctx.log(f"{unit} is the same at both sides: {found.items} items ({found.level})")
    output = {"level": found.level, "items": found.items, "bytes": found.bytes}
    return StepOutcome(changed=False, output=output)


def _told(ctx: StepContext, moved: Moved) -> StepOutcome:
    ctx.log(f"{ctx.step.args['unit']}: {moved.items} files, {moved.bytes / 1e6:.1f} MB came over")
    return StepOutcome(output={"items": moved.items, "bytes": moved.bytes})


def _sides(ctx: StepContext, ways: Ways) -> tuple[Side, Side]:
    from_there = ctx.at(str(ctx.step.args["source"]))
    return _side(from_there, ways.source), _side(ctx, ways.target)


def _side(ctx: StepContext, place: Place) -> Side:
    """The unit there. Tables that are emptied when older state is restored are kept: what
    moves is not older."""
    wanted = str(ctx.step.args["unit"])
    found = next((unit for unit in units_of(place) if unit.id == wanted), None)
    if found is None:
        raise InvalidInput("the package has no such state", on=wanted)
    unit = Unit(found.id, found.kind, found.locator, found.exclude)
    return Side(unit, Ground(place, ctx.backends.secrets, secret_path(ctx)))
