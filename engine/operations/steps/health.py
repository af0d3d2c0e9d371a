"""The last word of an operation: the application answers by its public name."""

from __future__ import annotations

import time
from dataclasses import replace

from engine.errors import HomeportError
from engine.model.deployment import ResourceKind
from engine.model.move import MovePhase
from engine.operations.health import public_endpoint, trust_anchors
from engine.operations.registry import handles
from engine.operations.steady import now_by
from engine.operations.step import StepContext, StepOutcome
from engine.planning.move_steps import FREEZE
from engine.public import PublicEndpoint, failing_probe

_LEAST_SECONDS = 30
_ASK_AGAIN_SECONDS = 0.2


@handles("app.health@1")
def health(ctx: StepContext) -> StepOutcome:
    """Name, certificate and probes, as a user's program meets them; waited for as long as
    the package's probes allow."""
    endpoint = wait_until_answered(ctx)
    ctx.log(f"{endpoint.url} answers")
    move = ctx.move()
    if move and move.phase is MovePhase.MOVING and move.writer == ctx.provider.name == move.target:
        # Already said, but for a move whose old address could not pass requests on.
        note_served(ctx)
    return StepOutcome(changed=False, output={"url": endpoint.url})


def note_served(ctx: StepContext) -> None:
    """The moved application was answered: since the freeze it was away."""
    frozen = ctx.output_of(FREEZE) or {}
    ctx.moves.served(ctx.plan.deployment, now_by(frozen.get("away_since", {})))


def wait_until_answered(ctx: StepContext, *, held: str = "") -> PublicEndpoint:
    """held: an address that is asked whatever the name says."""
    names = ctx.at(ctx.name_servers.at)
    anchors = trust_anchors(ctx.resource(ResourceKind.CERTIFICATE), names.backends)
    endpoint = public_endpoint(ctx.provider, names.provider, ctx.plan.domain, anchors)
    endpoint = replace(endpoint, held=held)
    limits = [probe.within_seconds for probe in ctx.package.health]
    deadline = time.monotonic() + max([_LEAST_SECONDS, *limits])
    while error := failing_probe(endpoint, ctx.package.health):
        if time.monotonic() > deadline:
            raise _unhealthy(error)
        ctx.raise_if_cancelled()
        time.sleep(_ASK_AGAIN_SECONDS)
    return endpoint


def _unhealthy(error: HomeportError) -> HomeportError:
    error.left = error.left or "everything is installed and kept"
    error.do = error.do or "Look at the service's journal on the guest, then retry."
    return error
