"""The deployment's generated secrets: made once, kept until the deployment is gone."""

from __future__ import annotations

from functools import partial

from engine.backends.secrets.generate import generate
from engine.catalog.package import S3_SECRETS
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.secret_paths import path_of, stored_at
from engine.operations.step import StepContext, StepOutcome


def secret_path(ctx: StepContext, name: str = "") -> str:
    """Where a secret of this deployment lies; without a name, all of them."""
    if not name:
        return path_of(ctx.plan.deployment)
    return stored_at(ctx.package, ctx.plan.deployment, ctx.provider.name, name)


def ensured(ctx: StepContext, name: str) -> str:
    """The value of a secret of the package; made first where there is none."""
    spec, path = ctx.package.secrets[name], secret_path(ctx, name)
    value = ctx.backends.secrets.ensure(path, partial(generate, spec))
    ctx.hide(value)
    attributes = {"identity": spec.identity, "title": spec.title}
    ctx.remember(ResourceKind.SECRET, name, path, attributes)
    return value


@handles("secrets.ensure@1")
def ensure(ctx: StepContext) -> StepOutcome:
    """Every secret of the package has a value; one that has one keeps it. The key of a bucket is
    its server's to make (`engine.operations.steps.buckets`)."""
    there = set(ctx.backends.secrets.list(secret_path(ctx)))
    given = S3_SECRETS if ctx.package.needs.bucket else ()
    for name in sorted(ctx.package.secrets):
        if name not in given:
            ensured(ctx, name)
    known = {*given, *(path.rpartition("/")[2] for path in there)}
    made = sorted(set(ctx.package.secrets) - known)
    return StepOutcome(changed=bool(made), output={"made": made})


@handles("secrets.remove@1")
def remove(ctx: StepContext) -> StepOutcome:
    count = ctx.backends.secrets.delete(secret_path(ctx))
    for name in ctx.package.secrets:
        ctx.forget(ResourceKind.SECRET, name)
    ctx.log(f"{count} secret{'' if count == 1 else 's'} removed")
    return StepOutcome(changed=count > 0, output={"removed": count})
