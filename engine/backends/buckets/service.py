"""Buckets on an S3 server: one for each deployment, with a key of its own where there is an IAM.

The mark is a tag of the bucket, which the deployment's own key cannot change. A bucket cannot be
made with its tag: one that is empty and has none, under a name with the deployment's id in it, is
one that a kill left behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from engine.backends.buckets.client import Client, TrustedBucket, absent, texts
from engine.backends.buckets.keys import (
    allow_writing,
    drop_key,
    drop_keys,
    ensure_key,
    second_key,
    standing_user,
)
from engine.backends.buckets.refusals import LEFT
from engine.backends.buckets.settings import BucketSettings
from engine.backends.protocols import BucketAccess, BucketKey
from engine.backends.registry import BackendEnvironment, read_settings
from engine.backends.servers import not_ours
from engine.backends.trust import READ_SECONDS
from engine.errors import InvalidInput
from engine.model.provider import Check, CheckStatus
from engine.state.programs.s3 import Refused, parsed, patiently

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
TAG = "homeport"
_PROOF = ".homeport-proof"
"""What a write is tried with; no application has an object of that name."""
_OWN_ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
_NO_TAGS = ("NoSuchTagSet", "NoSuchTagSetError")


@dataclass(frozen=True)
class Standing:
    """What is there of a deployment's; policy: of the user."""

    bucket: bool
    user: bool = False
    policy: bool = False


class S3Buckets:
    """`engine.backends.protocols.Buckets`."""

    def __init__(self, client: Client, provider: str) -> None:
        self.client = client
        self.provider = provider

    def check(self) -> list[Check]:
        """The key is known, and the IAM lets it list users where it is to make them."""
        settings = self.client.settings
        with self.client.asking("the list of buckets", writes=False):
            self.client.bucket("").ask("GET").read()
        checks = [_line("The S3 server answers", f"{settings.host} knows Homeport's key")]
        if settings.keys == "static":
            warning = "every deployment has Homeport's own key, which opens all buckets"
            do = "Use a server with an IAM where deployments must not reach each other's objects."
            return [*checks, _line("Keys of deployments", warning, CheckStatus.WARN, do)]
        with self.client.asking("the list of users", writes=False):
            self.client.iam().act("ListUsers", MaxItems="1")
        return [*checks, _line("Keys of deployments", "made by the server's IAM")]

    def access(self, name: str) -> BucketAccess:
        settings = self.client.settings
        return BucketAccess(settings.endpoint, settings.region, _checked(name))

    def find(self, owner: str, name: str) -> bool:
        with self.client.asking(name, writes=False):
            return _mark_of(self.client.bucket(_checked(name))) == self.mark(owner)

    def standing(self, owner: str, name: str) -> Standing:
        """What is there of it already. Conflict where that is another's."""
        bucket = self.client.bucket(_checked(name))
        with self.client.asking(name, writes=False):
            found = _mark_of(bucket)
            if _is_foreign(bucket, found, self.mark(owner)):
                raise not_ours("bucket", name)
            if self.client.settings.keys == "static":
                return Standing(bucket=found is not None)
            user, policy = standing_user(self.client, self.policy(owner), name)
            return Standing(bucket=found is not None, user=user, policy=policy)

    def ensure(self, owner: str, name: str, held: BucketKey | None) -> BucketKey:
        bucket, mark = self.client.bucket(_checked(name)), self.mark(owner)
        with self.client.asking(name):
            found = _mark_of(bucket)
            if _is_foreign(bucket, found, mark):
                raise not_ours("bucket", name)
            if found is None:
                absent(partial(bucket.ask, "PUT", body=self._place()), *_OWN_ALREADY)
                if _mark_of(bucket) not in ("", mark):
                    raise not_ours("bucket", name)
            if found != mark:
                bucket.ask("PUT", query={"tagging": ""}, body=_tags(mark)).read()
            if self.client.settings.keys == "static":
                return self.client.own_key()
            return ensure_key(self.client, self.policy(owner), name, held)

    def renew(self, owner: str, name: str, held: BucketKey) -> BucketKey:
        self._refuse_static("Change Homeport's own key in the provider's settings.")
        with self.client.asking(_checked(name)):
            return second_key(self.client, self.policy(owner), name, held)

    def set_writable(self, owner: str, name: str, *, allowed: bool) -> None:
        self._refuse_static("Use a server with an IAM, whose keys can be shut one by one.")
        with self.client.asking(_checked(name)):
            allow_writing(self.client, self.policy(owner), name, allowed=allowed)

    def refuses_write(self, name: str, key: BucketKey) -> bool:
        with self.client.asking(_checked(name)):
            try:
                self.client.bucket(name, key).ask("PUT", _PROOF).read()
            except Refused as error:
                if error.status != 403:
                    raise
                return True
            bucket = self.client.bucket(name)
            versioned = bool(bucket.versioning())
            for one in bucket.histories(versioned, _PROOF).get(_PROOF, []):
                bucket.remove(_PROOF, one.get("version") if versioned else None)
        return False

    def drop(self, owner: str, name: str) -> bool:
        bucket, mark = self.client.bucket(_checked(name)), self.mark(owner)
        with self.client.asking(name):
            dropped = False
            if self.client.settings.keys != "static":
                dropped = drop_key(self.client, self.policy(owner), name)
            found = _mark_of(bucket)
            if found is None or _is_foreign(bucket, found, mark):
                return dropped
            _empty(bucket)
            absent(partial(bucket.ask, "DELETE"), "NoSuchBucket")
            return True

    def clear(self, owner: str, name: str) -> None:
        """Keys of the user and objects in the bucket are gone; both stay. Conflict where one of
        them is another's."""
        there = self.standing(owner, name)
        with self.client.asking(name):
            if there.user:
                drop_keys(self.client, name)
            if there.bucket:
                _empty(self.client.bucket(name))

    def _refuse_static(self, do: str) -> None:
        if self.client.settings.keys == "static":
            raise InvalidInput(
                "the S3 server makes no keys",
                on=self.client.settings.host,
                why="its settings say 'keys: static': every deployment has Homeport's own",
                left=LEFT,
                do=do,
            )

    def mark(self, owner: str) -> str:
        return f"{owner} at {self.provider}"

    def policy(self, owner: str) -> str:
        """Names of policies have no spaces."""
        return f"homeport.{owner}.{self.provider}"

    def _place(self) -> bytes:
        region = self.client.settings.region
        if region == "us-east-1":
            return b""
        text = f"<LocationConstraint>{region}</LocationConstraint>"
        return f"<CreateBucketConfiguration>{text}</CreateBucketConfiguration>".encode()


def open_backend(
    environment: BackendEnvironment,
    settings: Mapping[str, Any],
    answer_seconds: float = READ_SECONDS,
) -> S3Buckets:
    """The entry point `buckets.s3`. Connects when it is first used."""
    read = read_settings(BucketSettings, environment, settings)
    client = Client(read, environment.read_secret, answer_seconds)
    return S3Buckets(client, environment.provider.name)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput("this cannot name a bucket", on=name, left=LEFT)
    return name


def _mark_of(bucket: TrustedBucket) -> str | None:
    """Empty for a bucket without one; None where there is no such bucket."""
    try:
        answer = bucket.ask("GET", query={"tagging": ""}).read()
    except Refused as error:
        if error.code == "NoSuchBucket":
            return None
        if error.code in _NO_TAGS:
            return ""
        raise
    tags = parsed(answer)
    pairs = zip(texts(tags, "Key"), texts(tags, "Value"), strict=False)
    return dict(pairs).get(TAG, "")


def _tags(mark: str) -> bytes:
    inner = f"<Tag><Key>{TAG}</Key><Value>{escape(mark)}</Value></Tag>"
    return f"<Tagging><TagSet>{inner}</TagSet></Tagging>".encode()


def _is_foreign(bucket: TrustedBucket, found: str | None, mark: str) -> bool:
    """found: the mark that it bears; None where it is not there."""
    return found is not None and found != mark and bool(found or not _is_empty(bucket))


def _is_empty(bucket: TrustedBucket) -> bool:
    listed = parsed(bucket.ask("GET", query={"versions": "", "max-keys": "1"}).read())
    return not texts(listed, "Key")


def _empty(bucket: TrustedBucket) -> None:
    """All objects and their versions, and uploads that were never finished."""
    versioned = bool(bucket.versioning())
    for key, history in bucket.histories(versioned).items():
        for version in history:
            bucket.remove(key, version.get("version"))
    uploads = parsed(bucket.ask("GET", query={"uploads": ""}).read())
    for key, upload in zip(texts(uploads, "Key"), texts(uploads, "UploadId"), strict=False):
        abort = partial(bucket.ask, "DELETE", key, query={"uploadId": upload})
        patiently(lambda act=abort: absent(act, "NoSuchUpload"))


def _line(title: str, found: str, status: CheckStatus = CheckStatus.PASS, do: str = "") -> Check:
    return Check(service="buckets", title=title, status=status, found=found, do=do)
