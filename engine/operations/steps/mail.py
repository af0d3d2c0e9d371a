"""A deployment's account on the mail server of its provider: made, given a password, removed."""

from __future__ import annotations

from dataclasses import asdict

from engine.backends.protocols import Mail
from engine.catalog.package import SMTP_SECRET
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.secret_steps import ensured
from engine.operations.steps.served import still_there


@handles("mail.ensure@1")
def ensure(ctx: StepContext) -> StepOutcome:
    """args: name. Its password is the deployment's secret, as it is now; one that was deployed when
    its package had no mail yet gets it here."""
    name, server = str(ctx.step.args["name"]), _server(ctx)
    made = server.ensure_relay(ctx.owner, name, ensured(ctx, SMTP_SECRET))
    access = asdict(server.access(name))
    username = access.pop("username")
    ctx.remember(ResourceKind.MAILBOX, "main", username, access)
    ctx.log(f"Account {username} at {access['host']}")
    return StepOutcome(changed=made, output={"account": username})


@handles("mail.drop@1")
def drop(ctx: StepContext) -> StepOutcome:
    """Whatever bears the mark on the server, known to the inventory or not."""
    dropped = _server(ctx).drop(ctx.owner)
    ctx.forget(ResourceKind.MAILBOX, "main")
    return StepOutcome(changed=dropped)


def _server(ctx: StepContext) -> Mail:
    return still_there(ctx, ctx.backends.mail, "mail server", "mail account")
