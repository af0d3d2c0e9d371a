"""A bucket of any S3 server, from bucket to bucket: with metadata, tags and versions.

The application's own keys are used, at each side those of that side's deployment. The objects
go through the target's guest, and not at all where both buckets are the same server's and key's.
What belongs to the bucket as a resource (its policy, life cycle, locks) is its provider's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from engine.catalog.package import S3_SECRETS
from engine.errors import Conflict, InvalidInput
from engine.state.files import ReadAheadKind
from engine.state.protocols import Captured, Ground, Moved, Passage, Side, Unit

_REGION = "us-east-1"
_WHERE, _OWNER = "where", "deployment"


@dataclass(frozen=True)
class BucketKind(ReadAheadKind):
    """Two buckets are compared as two trees are: by digests first, then by what differs. Of objects
    that were read ahead, the server is asked for what a listing does not tell."""

    is_seeded: ClassVar[bool] = True

    def capture(self, unit: Unit, ground: Ground, into: str) -> Captured:
        captured = super().capture(unit, ground, into)
        whose = {_WHERE: _where(unit, ground), _OWNER: ground.place.app.deployment}
        return captured.model_copy(update={"facts": {**captured.facts, **whose}})

    def restore(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> bool:
        """Conflict where it would put one deployment's bucket back for another's sake: a guest
        that is thrown away, or a copy, must not reach for what the original works on."""
        owner, where = captured.facts.get(_OWNER), captured.facts.get(_WHERE)
        if owner != ground.place.app.deployment and where == _where(unit, ground):
            raise Conflict(
                "the bucket belongs to another deployment",
                on=f"{unit.id} ({unit.locator})",
                why="what would be restored was captured from this same bucket, by the deployment "
                f"{owner}",
                left="the bucket is as it was",
                do="Give each deployment a bucket of its own: write {name} into the locator.",
            )
        return super().restore(unit, ground, into, captured)

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        return self.delta(source, target, passage)

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        origin = bucket_of(source.unit, source.ground)
        more = {"source": origin, "thorough": thorough, "limit": passage.limit}
        found = self._run("sync", target.unit, target.ground, **more)
        return Moved(items=found["items"], bytes=found["bytes"])

    def _entries(self, side: Side, bucket: int) -> dict[str, Any]:
        return self._run("entries", side.unit, side.ground, number=bucket)


def bucket_of(unit: Unit, ground: Ground) -> dict[str, str]:
    """locator: https://host/bucket, https://host/bucket/prefix/ and, where it is not
    us-east-1, ?region=NAME. InvalidInput for anything else."""
    url = urlsplit(unit.locator)
    bucket, _, prefix = url.path.removeprefix("/").partition("/")
    if url.scheme not in ("https", "http") or not url.hostname or url.username or not bucket:
        raise InvalidInput(
            "this does not say where a bucket is",
            on=f"{unit.id} ({unit.locator})",
            do="Write it as https://host/bucket.",
        )
    key, secret = (ground.place.app.read_secret(name) for name in S3_SECRETS)
    return {
        "endpoint": f"{url.scheme}://{url.netloc}",
        "bucket": bucket,
        "prefix": prefix,
        "region": parse_qs(url.query).get("region", [_REGION])[0],
        "key": key,
        "secret": secret,
    }


def _where(unit: Unit, ground: Ground) -> list[str]:
    found = bucket_of(unit, ground)
    return [found["endpoint"], found["bucket"], found["prefix"]]


def _task(unit: Unit, ground: Ground) -> Mapping[str, Any]:
    return {"bucket": bucket_of(unit, ground)}


def open_kind() -> BucketKind:
    return BucketKind("s3", _task)
