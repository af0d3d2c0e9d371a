"""The proxy on the guest, with the deployment's certificate."""

from __future__ import annotations

from engine.errors import NotFound
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.certificate import CHAIN, TLS_KEY
from engine.operations.steps.planned import installation


@handles("app.publish@1")
def publish_here(ctx: StepContext) -> StepOutcome:
    """args: behind, a provider whose side passes requests on to this one."""
    behind = str(ctx.step.args.get("behind", ""))
    publish(ctx, behind=address_at(ctx, behind) if behind else "")
    return StepOutcome()


def publish(ctx: StepContext, *, forward_to: str = "", behind: str = "") -> None:
    """Addresses as `engine.methods.protocols.Method.publish` has them."""
    certificate = ctx.resource(ResourceKind.CERTIFICATE)
    if certificate is None:
        raise NotFound(
            "there is no certificate for the name",
            on=ctx.plan.domain,
            left="the application runs but is not published",
            do="Resume the operation, so that the certificate is issued first.",
        )
    chain = str(certificate.attributes[CHAIN]).encode()
    key = ctx.secret(TLS_KEY).encode()
    ctx.method.publish(
        ctx.shell(), installation(ctx), chain, key, ctx, forward_to=forward_to, behind=behind
    )


def address_at(ctx: StepContext, provider: str) -> str:
    """The deployment's address there, without a prefix length."""
    known = ctx.at(provider).resource(ResourceKind.ADDRESS)
    if known is None:
        raise NotFound(
            "the deployment has no address there",
            on=f"{ctx.plan.name} at {provider}",
            left="nothing was changed",
            do=f"See what it owns: homeport show {ctx.plan.name}",
        )
    return known.external_id.partition("/")[0]
