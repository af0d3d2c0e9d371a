"""A bucket of any S3 server, from bucket to bucket: with metadata, tags and versions.

The application's own keys are used, at each side those of that side's deployment. The objects
go through the target's guest, and not at all where both buckets are the same server's and key's.
What belongs to the bucket as a resource (its policy, life cycle, locks) is its provider's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from engine.catalog.package import S3_SECRETS
from engine.errors import InvalidInput
from engine.state.files import FilesKind
from engine.state.protocols import Ground, Moved, Passage, Side, Unit

_REGION = "us-east-1"


@dataclass(frozen=True)
class BucketKind(FilesKind):
    """Two buckets are compared as two trees are: by digests first, then by what differs."""

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        return self.delta(source, target, passage)

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        origin = bucket_of(source.unit, source.ground)
        found = self._run("sync", target.unit, target.ground, source=origin, thorough=thorough)
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


def _task(unit: Unit, ground: Ground) -> Mapping[str, Any]:
    return {"bucket": bucket_of(unit, ground)}


def open_kind() -> BucketKind:
    return BucketKind("s3", _task)
