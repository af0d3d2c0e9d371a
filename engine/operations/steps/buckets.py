"""A deployment's bucket on the S3 server of its provider: made with its key, removed."""

from __future__ import annotations

from dataclasses import asdict

from engine.backends.protocols import BucketKey, Buckets
from engine.catalog.package import S3_SECRETS
from engine.errors import NotFound
from engine.model.deployment import ResourceKind
from engine.operations.declared import only_approved
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.secret_steps import secret_path
from engine.operations.steps.served import still_there


@handles("buckets.ensure@1")
def ensure(ctx: StepContext) -> StepOutcome:
    """args: name. The key is stored before anything uses it; one that was made and not stored is
    taken back by the server's backend the next time."""
    name, held = str(ctx.step.args["name"]), _held(ctx)
    server = only_approved(bucket_server(ctx), ctx.step, ctx)
    key = server.ensure(ctx.owner, name, held)
    if key != held:
        store_key(ctx, key)
    access = asdict(server.access(name))
    del access["bucket"]
    ctx.remember(ResourceKind.BUCKET, "main", name, access)
    ctx.log(f"Bucket {name} at {access['endpoint']}")
    return StepOutcome(changed=key != held, output={"bucket": name})


@handles("buckets.drop@1")
def drop(ctx: StepContext) -> StepOutcome:
    """args: name."""
    server = only_approved(bucket_server(ctx), ctx.step, ctx)
    dropped = server.drop(ctx.owner, str(ctx.step.args["name"]))
    ctx.forget(ResourceKind.BUCKET, "main")
    return StepOutcome(changed=dropped)


def store_key(ctx: StepContext, key: BucketKey) -> None:
    for secret, value in zip(S3_SECRETS, (key.access_key, key.secret_key), strict=True):
        ctx.backends.secrets.put(secret_path(ctx, secret), value)
        ctx.remember(ResourceKind.SECRET, secret, secret_path(ctx, secret), _UNTITLED)


_UNTITLED = {"identity": False, "title": ""}


def _held(ctx: StepContext) -> BucketKey | None:
    try:
        return BucketKey(*(ctx.secret(name) for name in S3_SECRETS))
    except NotFound:
        return None


def bucket_server(ctx: StepContext) -> Buckets:
    return still_there(ctx, ctx.backends.buckets, "S3 server", "bucket")
