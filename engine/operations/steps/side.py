"""One side of a move: frozen, fenced, let go on, or passing requests to the other.

Who may write is one word in the inventory. It changes hands when the side that had it is
proven not to be able to write any more, and no application is started at any other side.
"""

from __future__ import annotations

from engine.errors import Unsafe
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.operations.steps.publication import address_at, publish


@handles("side.freeze@1")
def freeze(ctx: StepContext) -> StepOutcome:
    """The application ends by its own means; from here on it is away."""
    ctx.moves.frozen(ctx.plan.deployment)
    ctx.method.stop(ctx.shell(), installation(ctx), ctx)
    return StepOutcome()


@handles("side.fence@1")
def fence(ctx: StepContext) -> StepOutcome:
    """args: writer, the provider of the side that may write once this one cannot."""
    ctx.method.fence(ctx.shell(), installation(ctx), ctx)
    ctx.moves.change(ctx.plan.deployment, writer=str(ctx.step.args["writer"]))
    return StepOutcome()


@handles("side.unfence@1")
def unfence(ctx: StepContext) -> StepOutcome:
    """args: writer, on the way back of a move whose target never ran. Otherwise this side
    must have been given the right to write before."""
    if writer := ctx.step.args.get("writer"):
        ctx.moves.change(ctx.plan.deployment, writer=str(writer))
    refuse_second_writer(ctx)
    ctx.method.unfence(ctx.shell(), installation(ctx), ctx)
    return StepOutcome()


@handles("side.forward@1")
def forward(ctx: StepContext) -> StepOutcome:
    """args: to, the provider of the side that serves. Whoever still comes here gets there."""
    to = str(ctx.step.args["to"])
    address = address_at(ctx, to)
    publish(ctx, forward_to=address)
    ctx.log(f"Requests at {ctx.provider.name} are passed on to {address} at {to}")
    return StepOutcome()


def refuse_second_writer(ctx: StepContext) -> None:
    """Unsafe where the other side of a move has the right to write."""
    move = ctx.move()
    if move is None or not move.is_open or move.writer == ctx.provider.name:
        return
    raise Unsafe(
        "the other side may write",
        on=f"{ctx.plan.name} at {ctx.provider.name}",
        why=f"{move.writer} has the right to write, and its side is not fenced",
        left="nothing was started",
        do=f"See where it is: homeport show {ctx.plan.name}",
    )
