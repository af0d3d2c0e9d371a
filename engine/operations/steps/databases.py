"""A deployment's database on a server of its provider: made, shut for a fence, dropped."""

from __future__ import annotations

from dataclasses import asdict

from engine.backends.protocols import Databases
from engine.errors import RemoteFailure
from engine.model.deployment import ResourceKind
from engine.operations.declared import only_approved
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.served import still_there


@handles("databases.ensure@1")
def ensure(ctx: StepContext) -> StepOutcome:
    """args: component, name."""
    component, name = str(ctx.step.args["component"]), str(ctx.step.args["name"])
    server = only_approved(_server(ctx), ctx.step, ctx)
    made = server.ensure(ctx.owner, name, ctx.secret(f"{component}-password"))
    access = asdict(server.access(name))
    del access["database"]
    ctx.remember(ResourceKind.DATABASE, component, name, access)
    ctx.log(f"Database {name} at {access['host']}")
    return StepOutcome(changed=made, output={"database": name})


@handles("databases.drop@1")
def drop(ctx: StepContext) -> StepOutcome:
    """Whatever bears the mark on the server, known to the inventory or not."""
    server = only_approved(_server(ctx), ctx.step, ctx)
    dropped = server.drop(ctx.owner)
    for component in ctx.package.needs.components:
        ctx.forget(ResourceKind.DATABASE, component)
    return StepOutcome(changed=dropped)


def shut_databases(ctx: StepContext) -> tuple[str, ...]:
    """Its roles may not connect, and it is proven: each in words. RemoteFailure otherwise."""
    proofs = []
    for component, access in ctx.installation().databases.items():
        server = _server(ctx)
        server.set_login(ctx.owner, access.username, allowed=False)
        if not server.refuses_login(access.username, ctx.secret(f"{component}-password")):
            raise RemoteFailure(
                "the fence does not hold",
                on=f"{access.database} at {access.host}",
                why="its role can still open a connection",
                left="nothing was started at the other side",
                do="Find out what lets the role in on the database server, then try again.",
            )
        proofs.append(f"the role of {access.database} may not connect: a login was refused")
    return tuple(proofs)


def open_databases(ctx: StepContext) -> None:
    for access in ctx.installation().databases.values():
        _server(ctx).set_login(ctx.owner, access.username, allowed=True)


def _server(ctx: StepContext) -> Databases:
    return still_there(ctx, ctx.backends.databases, "database server", "database")
