"""A deployment's bucket on the S3 server of its provider: made with its key, shut for a fence,
removed."""

from __future__ import annotations

import time
from dataclasses import asdict

from engine.backends.protocols import BucketKey, Buckets
from engine.catalog.package import S3_SECRETS
from engine.errors import NotFound, RemoteFailure
from engine.model.deployment import ResourceKind
from engine.operations.declared import only_approved
from engine.operations.registry import handles
from engine.operations.secret_paths import side_path
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
    ctx.backends.secrets.delete(side_path(ctx.plan.deployment, ctx.provider.name))
    for secret in S3_SECRETS:
        ctx.forget(ResourceKind.SECRET, secret)
    ctx.forget(ResourceKind.BUCKET, "main")
    return StepOutcome(changed=dropped)


def shut_bucket(ctx: StepContext) -> tuple[str, ...]:
    """Its key may read and nothing else, and a write was refused: in words, none where it has no
    bucket. RemoteFailure where it still writes after a while: an IAM may take seconds to tell all
    of its servers."""
    access = ctx.installation().bucket
    if access is None:
        return ()
    server, key = bucket_server(ctx), _key(ctx)
    server.set_writable(ctx.owner, access.bucket, allowed=False)
    deadline = time.monotonic() + _TOLD_SECONDS
    while not server.refuses_write(access.bucket, key):
        if time.monotonic() > deadline:
            raise RemoteFailure(
                "the fence does not hold",
                on=f"{access.bucket} at {access.endpoint}",
                why="its key can still write into the bucket",
                left="nothing was started at the other side",
                do="Find out what else lets this key write on the S3 server, then try again.",
            )
        ctx.raise_if_cancelled()
        time.sleep(_LOOK_SECONDS)
    return (f"the key of {access.bucket} may only read: a write was tried and refused",)


def open_bucket(ctx: StepContext) -> None:
    access = ctx.installation().bucket
    if access is not None:
        bucket_server(ctx).set_writable(ctx.owner, access.bucket, allowed=True)


def store_key(ctx: StepContext, key: BucketKey) -> None:
    for secret, value in zip(S3_SECRETS, (key.access_key, key.secret_key), strict=True):
        ctx.backends.secrets.put(secret_path(ctx, secret), value)
        ctx.remember(ResourceKind.SECRET, secret, secret_path(ctx, secret), _UNTITLED)


_UNTITLED = {"identity": False, "title": ""}
_TOLD_SECONDS, _LOOK_SECONDS = 60.0, 0.5


def _held(ctx: StepContext) -> BucketKey | None:
    try:
        return _key(ctx)
    except NotFound:
        return None


def _key(ctx: StepContext) -> BucketKey:
    return BucketKey(*(ctx.secret(name) for name in S3_SECRETS))


def bucket_server(ctx: StepContext) -> Buckets:
    return still_there(ctx, ctx.backends.buckets, "S3 server", "bucket")
