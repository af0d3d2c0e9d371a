"""The application's state on its guest: captured, put back, and old captures removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from engine.errors import HomeportError, NotFound
from engine.methods.place import Place
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.certificate import TLS_KEY
from engine.operations.steps.planned import installation
from engine.operations.steps.secret_steps import secret_path
from engine.state.captures import Captures
from engine.state.protocols import Ground, Unit
from engine.state.units import installation_units, units_of


def captures(ctx: StepContext) -> Captures:
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    return Captures(Ground(place, ctx.backends.secrets, secret_path(ctx)))


def units(ctx: StepContext) -> tuple[Unit, ...]:
    """The application's own, then the configuration and the service that belong to them; and
    all further secrets where the step's args say `secrets`: what leaves the guest is whole."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    own = (*units_of(place), *installation_units(place))
    return (*own, *_further_secrets(ctx, own)) if ctx.step.args.get("secrets") else own


def _further_secrets(ctx: StepContext, own: Sequence[Unit]) -> list[Unit]:
    """Not the certificate's key: that belongs to its chain, and both are issued again."""
    declared = {unit.locator for unit in own if unit.kind == "secrets"} | {TLS_KEY}
    prefix = secret_path(ctx) + "/"
    names = (path.removeprefix(prefix) for path in ctx.backends.secrets.list(secret_path(ctx)))
    further = (name for name in names if "/" not in name and name not in declared)
    return [Unit(f"secret.{name}", "secrets", name) for name in further]


@handles("state.capture@1")
def capture(ctx: StepContext) -> StepOutcome:
    """args: name of the capture within the operation; release that the data belong to;
    may_fail: of what is only kept to be on the safe side, on the way back."""
    name = f"{ctx.operation_id}.{ctx.step.args['name']}"
    release = str(ctx.step.args["release"])
    try:
        manifest = captures(ctx).capture(name, units(ctx), datetime.now(UTC), release)
    except HomeportError as error:
        if error.retryable or not ctx.step.args.get("may_fail"):
            raise
        ctx.log(f"What was written since cannot be kept: {error}")
        return StepOutcome(changed=False)
    attributes = {
        "release": release,
        "at": manifest.at.isoformat(),
        "checksum": manifest.checksum,
        "bytes": manifest.size,
    }
    ctx.remember(ResourceKind.CAPTURE, name, name, attributes)
    return StepOutcome(output={"capture": name, "bytes": manifest.size})


@handles("state.restore@1")
def restore(ctx: StepContext) -> StepOutcome:
    """args: name of a capture, and the operation that made it; this one where it is empty.

    Where this operation did not come to the end of its capture, there is nothing to put back:
    nothing behind it was begun.
    """
    made_by = str(ctx.step.args.get("operation") or "")
    name = f"{made_by or ctx.operation_id}.{ctx.step.args['name']}"
    known = ctx.resource(ResourceKind.CAPTURE, name)
    if known is None and not made_by:
        ctx.log("State and configuration were not touched")
        return StepOutcome(changed=False)
    if known is None:
        raise NotFound(
            "the captured state is not known any more",
            on=name,
            left="nothing was put back",
            do="Restore a backup instead.",
        )
    kept = captures(ctx)
    changed = kept.restore(kept.manifest(name, str(known.attributes["checksum"])))
    return StepOutcome(changed=changed, output={"capture": name})


@handles("captures.remove@1")
def remove(ctx: StepContext) -> StepOutcome:
    """args: names of captures."""
    kept, removed = captures(ctx), []
    for name in ctx.step.args["names"]:
        if kept.remove(name):
            removed.append(name)
        ctx.forget(ResourceKind.CAPTURE, name)
    return StepOutcome(changed=bool(removed), output={"removed": removed})
