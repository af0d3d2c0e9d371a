"""The application on its guest: what it needs, itself, its configuration, its accounts."""

from __future__ import annotations

from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.operations.steps.side import refuse_second_writer


@handles("components.install@1")
def install_components(ctx: StepContext) -> StepOutcome:
    ctx.method.components(ctx.shell(), installation(ctx), ctx)
    return StepOutcome()


@handles("app.install@1")
def install(ctx: StepContext) -> StepOutcome:
    ctx.method.install(ctx.shell(), installation(ctx), ctx)
    return StepOutcome(output={"release": ctx.release.version})


@handles("app.configure@1")
def configure(ctx: StepContext) -> StepOutcome:
    changed = ctx.method.configure(ctx.shell(), installation(ctx), ctx)
    return StepOutcome(changed=changed)


@handles("app.start@1")
def start(ctx: StepContext) -> StepOutcome:
    """The method itself knows whether the running service has an older configuration: that
    outlives a kill between the two steps."""
    refuse_second_writer(ctx)
    ctx.method.start(ctx.shell(), installation(ctx), ctx, restart=False)
    return StepOutcome()


@handles("accounts.ensure@1")
def ensure_accounts(ctx: StepContext) -> StepOutcome:
    app = installation(ctx)
    ctx.method.accounts(ctx.shell(), app, ctx)
    for account in ctx.package.accounts:
        name = app.account or account.username
        attributes = {"username": name, "secret": account.secret}
        ctx.remember(ResourceKind.ACCOUNT, account.secret, name, attributes)
    return StepOutcome(output={"accounts": len(ctx.package.accounts)})
