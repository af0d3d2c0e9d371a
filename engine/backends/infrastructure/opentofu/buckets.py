"""Buckets on an S3 server that OpenTofu makes and looks after, with the user that may open each.

Keys are not declared: a key that OpenTofu makes stands in its state. Homeport makes them at the
IAM, once the user is there. The mark of a bucket is its tag and that of a user its policy, both
declared; one that a kill left without is known as the back-end for S3 knows its own. What a user
may is declared and then Homeport's: a move shuts the bucket of its source to writing.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.backends.buckets.keys import policy_document
from engine.backends.buckets.service import TAG, S3Buckets
from engine.backends.buckets.settings import BucketSettings
from engine.backends.infrastructure.opentofu.declaring import Declared, Declaring, named_for
from engine.backends.infrastructure.opentofu.parts import (
    BUCKET,
    Plugin,
    Resource,
    Secret,
    label,
    reference,
)
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.protocols import BucketKey, DeclaredChange, Progress, Wanted

BASE, USER, POLICY = BUCKET.kinds
_ACCESS, _SECRET = "s3_access_key", "s3_secret_key"
_STAYS = {"prevent_destroy": True}


def plugin(
    settings: OpenTofuSettings,
    server: BucketSettings,
    access_key: Callable[[], str],
    secret_key: Callable[[], str],
) -> Plugin:
    """Of AWS, told that it may be another server, which has neither accounts nor regions."""
    configuration = {
        "region": server.region,
        "access_key": reference(_ACCESS),
        "secret_key": reference(_SECRET),
        "endpoints": [{"s3": server.endpoint, "iam": server.iam}],
        "s3_use_path_style": True,
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_region_validation": True,
        "skip_requesting_account_id": True,
    }
    whose = f"of Homeport's key at {server.host}."
    secrets = {
        _ACCESS: Secret(f"Access key {whose}", "<the access key>", access_key),
        _SECRET: Secret(f"Secret key {whose}", "<the secret key>", secret_key),
    }
    return Plugin(
        "aws", settings.aws_source, settings.aws_version, configuration, secrets, server.ca_pem
    )


class DeclaredBuckets(Declared, S3Buckets):
    """The protocols `Buckets` and `Declares`."""

    def __init__(self, native: S3Buckets, declaring: Declaring) -> None:
        Declared.__init__(self, native, declaring)
        S3Buckets.__init__(self, native.client, native.provider)

    # Declares

    def preview(
        self, owner: str, name: str, wanted: Wanted, progress: Progress
    ) -> list[DeclaredChange]:
        found = self._resources(owner, wanted) if isinstance(wanted, str) else []
        return self._declaring.preview(owner, name, found, progress)

    # Buckets

    def ensure(self, owner: str, name: str, held: BucketKey | None) -> BucketKey:
        def want() -> list[Resource]:
            return self._resources(owner, name)

        self._declaring.apply(owner, want, named_for(owner), self._declaring.progress)
        return super().ensure(owner, name, held)

    def drop(self, owner: str, name: str) -> bool:
        owns, progress = named_for(owner), self._declaring.progress
        if self._declaring.may_remove(owner, owns, BASE):
            self.clear(owner, name)
        dropped = self._declaring.withdraw(owner, owns, progress)
        dropped = super().drop(owner, name) or dropped
        self._declaring.clear(owner, progress)
        return dropped

    # parts

    def _resources(self, owner: str, name: str) -> list[Resource]:
        there, called = self.standing(owner, name), label(name)
        bucket = {"bucket": name, "tags": {TAG: self.mark(owner)}, "lifecycle": _STAYS}
        found = [Resource(BASE, called, bucket, name, name, there.bucket)]
        keys = self.client.settings.keys
        if keys == "static":
            return found
        policy = self.policy(owner)
        user = Resource(USER, called, {"name": name, "lifecycle": _STAYS}, name, name, there.user)
        rights = {
            "name": policy,
            "user": f"${{{user.address}.name}}",
            "policy": policy_document(keys, name),
            "lifecycle": {"ignore_changes": ["policy"]},
        }
        key = f"{name}:{policy}"
        return [*found, user, Resource(POLICY, called, rights, key, key, there.policy)]
