"""Names on their way to another provider's name servers: what is written down of it, and when.

It is noted before anything is made at the target, and struck out after all is gone from the side
that is left, so that whatever is cut short is known to be at both.
"""

from __future__ import annotations

from engine.errors import Conflict
from engine.model.deployment import ResourceKind
from engine.operations.health import ANCHORS
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome


@handles("names.begin@1")
def begin(ctx: StepContext) -> StepOutcome:
    """args: source, target."""
    source, target = str(ctx.step.args["source"]), str(ctx.step.args["target"])
    _keep_anchors(ctx, source)
    ctx.names_moves.begin(ctx.plan.deployment, source, target)
    return StepOutcome()


def _keep_anchors(ctx: StepContext, source: str) -> None:
    """The certificate stays, by whatever authority it is; its provider may go."""
    known = ctx.resource(ResourceKind.CERTIFICATE)
    if known is None or ANCHORS in known.attributes:
        return
    anchors = ctx.at(source).backends.certificates.trust_anchors()
    kept = {**known.attributes, ANCHORS: anchors.decode() if anchors is not None else None}
    ctx.remember(ResourceKind.CERTIFICATE, known.key, known.external_id, kept)


@handles("names.live@1")
def live(ctx: StepContext) -> StepOutcome:
    """args: at, the provider at whose name servers they live from now on."""
    at = str(ctx.step.args["at"])
    if not ctx.names_moves.live_at(ctx.plan.deployment, at):
        raise Conflict(
            what="its names do not move any more",
            on=f"{ctx.plan.name} to {at}",
            why="that was finished or taken back since this operation broke off",
            left="nothing was changed",
            do=f"See where they are: homeport records {ctx.plan.name} check",
        )
    ctx.log(f"The names of {ctx.plan.name} live at the name servers of {at}")
    for warning in ctx.plan.warnings:
        ctx.log(warning)
    return StepOutcome()


@handles("names.end@1")
def end(ctx: StepContext) -> StepOutcome:
    ctx.names_moves.end(ctx.plan.deployment)
    return StepOutcome()
