"""A move's beginning and end, and what is carried without a guest: secrets and the certificate."""

from __future__ import annotations

import hmac

from engine.errors import NotFound, RemoteFailure, Unsafe
from engine.model.deployment import ResourceKind
from engine.model.move import MovePhase
from engine.operations.registry import handles
from engine.operations.secret_paths import OF_SIDES
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.certificate import CHAIN, TLS_KEY
from engine.operations.steps.health import note_served, wait_until_answered
from engine.operations.steps.planned import installation
from engine.operations.steps.publication import address_at
from engine.operations.steps.secret_steps import secret_path
from engine.operations.steps.state import captures, units
from engine.state.secrets import COPIES


@handles("move.check@1")
def check(ctx: StepContext) -> StepOutcome:
    """At the source: its guest answers and the application runs there. args: source, target."""
    source, target = str(ctx.step.args["source"]), str(ctx.step.args["target"])
    ctx.method.check(ctx.shell(), installation(ctx), ctx)
    wait_until_answered(ctx)
    sizes = captures(ctx).measure(units(ctx))
    size = sum(found.bytes for found in sizes.values())
    for name, found in sizes.items():
        ctx.log(f"{name}: {found.items} items, {found.bytes / 1e6:.1f} MB")
    ctx.moves.begin(ctx.plan.deployment, source, target, ctx.operation_id)
    return StepOutcome(changed=False, output={"bytes": size})


@handles("secrets.copy@1")
def copy_secrets(ctx: StepContext) -> StepOutcome:
    """All that its sides have in common, from store to store and never elsewhere; the source's
    stay. args: source."""
    source, target = ctx.at(str(ctx.step.args["source"])).backends.secrets, ctx.backends.secrets
    prefix = secret_path(ctx)
    left = tuple(f"{prefix}/{below}/" for below in (COPIES, OF_SIDES))
    paths = [path for path in source.list(prefix) if not path.startswith(left)]
    there, copied = set(target.list(prefix)), []
    for path in paths:
        value = source.get(path)
        if path not in there or not _same(value, target.get(path)):
            target.put(path, value)
            copied.append(path)
        if not _same(value, target.get(path)):
            raise RemoteFailure(
                "a secret is not the same in the target's store",
                on=path.removeprefix(f"{prefix}/"),
                why="what was written there is not what is read from it",
                left="the source is as it was",
                do="Look whether something else writes to that store, then try again.",
            )
    _remember_secrets(ctx)
    ctx.log(f"{len(paths)} secrets are the same at {ctx.provider.name}")
    return StepOutcome(changed=bool(copied), output={"copied": len(copied)})


@handles("certificate.carry@1")
def carry_certificate(ctx: StepContext) -> StepOutcome:
    """The chain and, by `secrets.copy`, its key: the name is trusted at the target at once."""
    known = ctx.at(str(ctx.step.args["source"])).resource(ResourceKind.CERTIFICATE)
    if known is None:
        raise NotFound(
            "there is no certificate to carry over",
            on=ctx.plan.domain,
            left="the source is as it was",
            do="Deploy it to its end first: homeport resume.",
        )
    ctx.secret(TLS_KEY)
    before = ctx.resource(ResourceKind.CERTIFICATE)
    ctx.remember(ResourceKind.CERTIFICATE, "main", known.external_id, known.attributes)
    changed = before is None or before.attributes.get(CHAIN) != known.attributes.get(CHAIN)
    return StepOutcome(changed=changed)


@handles("move.serving@1")
def serving(ctx: StepContext) -> StepOutcome:
    """The first healthy answer through the public name ends the downtime."""
    if (ctx.output_of("source.fence") or {}).get("powered_off"):
        # The name still leads to a guest that is off: it is away until the name is switched.
        wait_until_answered(ctx, held=address_at(ctx, ctx.provider.name))
        return StepOutcome(changed=False)
    wait_until_answered(ctx)
    note_served(ctx)
    move = ctx.move()
    seconds = move.downtime_seconds if move else None
    if seconds is None:
        raise Unsafe("nothing says since when the application was away", on=ctx.plan.name)
    predicted = (ctx.output_of("state.converge") or {}).get("predicted_seconds")
    foreseen = f"; {predicted:.1f} s were foreseen" if predicted is not None else ""
    ctx.log(f"{ctx.plan.name} was away for {seconds:.1f} s{foreseen}")
    return StepOutcome(changed=False, output={"downtime_seconds": round(seconds, 3)})


@handles("move.stop@1")
def stop(ctx: StepContext) -> StepOutcome:
    """The last step of the way back: the source serves, and the move is over for now."""
    ctx.moves.thawed(ctx.plan.deployment)
    ctx.moves.change(ctx.plan.deployment, phase=MovePhase.STOPPED)
    return StepOutcome()


@handles("deployment.settle@1")
def settle(ctx: StepContext) -> StepOutcome:
    """args: phase of the move from now on. The deployment lives at the plan's provider."""
    ctx.settle(MovePhase(ctx.step.args["phase"]))
    return StepOutcome()


def _remember_secrets(ctx: StepContext) -> None:
    for name, spec in sorted(ctx.package.secrets.items()):
        attributes = {"identity": spec.identity, "title": spec.title}
        ctx.remember(ResourceKind.SECRET, name, secret_path(ctx, name), attributes)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
