"""New values for secrets, with the old ones kept beside them until they are needed no more."""

from __future__ import annotations

from functools import partial

from engine.backends.protocols import BucketKey
from engine.backends.secrets.generate import generate
from engine.catalog.package import S3_SECRETS
from engine.errors import NotFound
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.buckets import bucket_server, store_key
from engine.operations.steps.secret_steps import secret_path

OLD = "before"
"""Old values lie below this name among the deployment's secrets, by operation."""


@handles("secrets.renew@1")
def renew(ctx: StepContext) -> StepOutcome:
    """args: names. A value that is not the old one any more was made by an earlier attempt."""
    secrets = ctx.backends.secrets
    for name in ctx.step.args["names"]:
        if ctx.secret(name) == _kept(ctx, name):
            secrets.put(secret_path(ctx, name), generate(ctx.package.secrets[name]))
    return StepOutcome(output={"names": list(ctx.step.args["names"])})


@handles("buckets.renew@1")
def renew_key(ctx: StepContext) -> StepOutcome:
    """args: name of the bucket. A key whose halves are not both stored is made once more; the
    server's backend removes what nobody has."""
    bucket = str(ctx.step.args["name"])
    old = BucketKey(*(_kept(ctx, name) for name in S3_SECRETS))
    now = BucketKey(*(ctx.secret(name) for name in S3_SECRETS))
    if old.access_key == now.access_key or old.secret_key == now.secret_key:
        store_key(ctx, bucket_server(ctx).renew(ctx.owner, bucket, old))
    return StepOutcome(output={"bucket": bucket})


@handles("secrets.take-back@1")
def take_back(ctx: StepContext) -> StepOutcome:
    """args: names. What this operation did not come to has its old value already."""
    changed = False
    for name in ctx.step.args["names"]:
        try:
            old = ctx.backends.secrets.get(_old_path(ctx, name))
        except NotFound:
            continue
        if old != ctx.secret(name):
            ctx.backends.secrets.put(secret_path(ctx, name), old)
            changed = True
    return StepOutcome(changed=changed)


@handles("secrets.forget-old@1")
def finish(ctx: StepContext) -> StepOutcome:
    """Those of operations that nobody went on with go, too: nothing goes back to them."""
    count = ctx.backends.secrets.delete(secret_path(ctx, OLD))
    return StepOutcome(changed=count > 0)


def _kept(ctx: StepContext, name: str) -> str:
    """The value from before this operation, kept for it."""
    return ctx.backends.secrets.ensure(_old_path(ctx, name), partial(ctx.secret, name))


def _old_path(ctx: StepContext, name: str) -> str:
    return secret_path(ctx, f"{OLD}/{ctx.operation_id}/{name}")
