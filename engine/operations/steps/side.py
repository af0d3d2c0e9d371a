"""One side of a move: frozen, fenced, let go on, or passing requests to the other.

Who may write is one word in the inventory. It changes hands when the side that had it is
proven not to be able to write any more, and no application is started at any other side.
"""

from __future__ import annotations

import json

from engine.errors import RemoteFailure, Unreachable, Unsafe
from engine.operations.registry import handles
from engine.operations.steady import mark
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.buckets import open_bucket, shut_bucket
from engine.operations.steps.carrying import close_left_end
from engine.operations.steps.databases import open_databases, shut_databases
from engine.operations.steps.planned import installation
from engine.operations.steps.power import power_off, power_on, wait_briefly
from engine.operations.steps.publication import address_at, publish

_CONNECT = """\
import json, socket, sys
task = json.load(sys.stdin)
socket.create_connection((task["address"], task["port"]), 10).close()
"""


@handles("side.freeze@1")
def freeze(ctx: StepContext) -> StepOutcome:
    """The application ends by its own means; from here on it is away. args: to, the provider
    of the side to which requests are passed on: there they wait, until it runs there."""
    app, shell, to = installation(ctx), ctx.shell(), address_at(ctx, str(ctx.step.args["to"]))
    ctx.moves.frozen(ctx.plan.deployment)
    away_since = mark()
    try:
        ctx.method.stop(shell, app, ctx, pass_on_to=to)
    except RemoteFailure as failure:
        ctx.log(f"The proxy is published anew, and it is stopped again: {failure.why}")
        publish(ctx, forward_to=to)
        ctx.method.stop(shell, app, ctx)
    return StepOutcome(output={"away_since": away_since})


@handles("side.fence@1")
def fence(ctx: StepContext) -> StepOutcome:
    """args: writer, the provider of the side that may write once this one cannot. A guest that
    cannot be reached is fenced where its hypervisor switches it off, and is not otherwise."""
    powered_off = False
    try:
        proofs = ctx.method.fence(ctx.shell(), installation(ctx), ctx)
    except Unreachable:
        proofs, powered_off = _fence_of_unreachable(ctx)
    proofs = (*proofs, *shut_databases(ctx), *shut_bucket(ctx))
    ctx.moves.change(ctx.plan.deployment, writer=str(ctx.step.args["writer"]))
    return StepOutcome(output={"proofs": list(proofs), "powered_off": powered_off})


@handles("side.unfence@1")
def unfence(ctx: StepContext) -> StepOutcome:
    """args: writer, on the way back of a move whose target never ran. Otherwise this side
    must have been given the right to write before."""
    if writer := ctx.step.args.get("writer"):
        ctx.moves.change(ctx.plan.deployment, writer=str(writer))
    refuse_second_writer(ctx)
    power_on(ctx)
    move = ctx.move()
    if move is not None and move.operation != ctx.operation_id:
        close_left_end(ctx, move.operation)
    open_databases(ctx)
    open_bucket(ctx)
    ctx.method.unfence(ctx.shell(), installation(ctx), ctx)
    return StepOutcome()


@handles("side.reach@1")
def reach(ctx: StepContext) -> StepOutcome:
    """args: to. Requests could be passed on to the proxy there, before anything relies on it."""
    to = str(ctx.step.args["to"])
    address, port = address_at(ctx, to), ctx.at(to).provider.access.https_port
    task = json.dumps({"address": address, "port": port}).encode()
    tried = ctx.shell().run(("python3", "-I", "-c", _CONNECT), input=task, check=False)
    if tried.status != 0:
        raise Unreachable(
            "the source cannot pass requests on to the target",
            on=f"from {ctx.provider.name} to {address} port {port}",
            why=tried.stderr.strip().rpartition("\n")[2],
            left="the source serves as before",
            do=f"Let guests of {ctx.provider.name} reach port {port} of guests of {to}.",
        )
    return StepOutcome(changed=False)


def _fence_of_unreachable(ctx: StepContext) -> tuple[tuple[str, ...], bool]:
    """The proofs, and whether the guest had to be switched off."""
    try:
        wait_briefly(ctx)
        return ctx.method.fence(ctx.shell(), installation(ctx), ctx), False
    except Unreachable as unreachable:
        return power_off(ctx, unreachable), True


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
