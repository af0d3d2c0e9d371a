"""Keys that open one bucket and nothing else, made by an IAM: a user with a policy for each
deployment. The user's mark is the name of the policy, for not every server keeps tags of users;
a user that may nothing yet, and has no key, is one that a kill left behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from engine.backends.buckets.client import Client, Iam, absent, texts
from engine.backends.protocols import BucketKey
from engine.backends.servers import not_ours

_NONE = "NoSuchEntity"
_READING = (
    *("GetObject", "GetObjectVersion", "GetObjectTagging", "GetObjectVersionTagging"),
    *("ListBucket", "ListBucketVersions", "GetBucketLocation", "GetBucketVersioning"),
)
_WRITING = (
    *("PutObject", "DeleteObject", "DeleteObjectVersion", "AbortMultipartUpload"),
    *("PutObjectTagging", "DeleteObjectTagging", "PutBucketVersioning"),
)
_UPLOADS = {
    "aws-iam": ("ListMultipartUploadParts", "ListBucketMultipartUploads"),
    "seaweedfs-iam": ("ListParts", "ListMultipartUploads"),
}
"""What each calls the listing of uploads that are not finished."""


def standing_user(client: Client, policy: str, name: str) -> tuple[bool, bool]:
    """Are the user and its policy there? Conflict for another's user."""
    iam = client.iam()
    if absent(partial(iam.act, "GetUser", UserName=name), _NONE) is None:
        return False, False
    if not _is_ours(iam, policy, name):
        raise not_ours("user of the IAM", name)
    return True, policy in texts(iam.act("ListUserPolicies", UserName=name), "member")


def ensure_key(client: Client, policy: str, name: str, held: BucketKey | None) -> BucketKey:
    """policy: the mark. name: of the bucket, and of the user. Conflict for another's user."""
    iam = client.iam()
    known = absent(partial(iam.act, "GetUser", UserName=name), _NONE) is not None
    if known and not _is_ours(iam, policy, name):
        raise not_ours("user of the IAM", name)
    if not known:
        iam.act("CreateUser", UserName=name)
    _put_policy(client, iam, policy, name, writing=True)
    there = _keys(iam, name)
    _remove_others(iam, name, there, held)
    return held if held is not None and held.access_key in there else _made(iam, name)


def second_key(client: Client, policy: str, name: str, held: BucketKey) -> BucketKey:
    """One more for the user that is there; its other keys go first, for there may be two."""
    iam = client.iam()
    if not _is_ours(iam, policy, name):
        raise not_ours("user of the IAM", name)
    _remove_others(iam, name, _keys(iam, name), held)
    return _made(iam, name)


def allow_writing(client: Client, policy: str, name: str, *, allowed: bool) -> None:
    """May all keys of the user write, or read only? Conflict for another's user."""
    iam = client.iam()
    if absent(partial(iam.act, "GetUser", UserName=name), _NONE) is None:
        return
    if not _is_ours(iam, policy, name):
        raise not_ours("user of the IAM", name)
    _put_policy(client, iam, policy, name, writing=allowed)


def _put_policy(client: Client, iam: Iam, policy: str, name: str, *, writing: bool) -> None:
    document = policy_document(client.settings.keys, name, writing=writing)
    iam.act("PutUserPolicy", UserName=name, PolicyName=policy, PolicyDocument=document)


def _remove_others(iam: Iam, name: str, there: Sequence[str], held: BucketKey | None) -> None:
    for other in there:
        if held is None or other != held.access_key:
            iam.act("DeleteAccessKey", UserName=name, AccessKeyId=other)


def _made(iam: Iam, name: str) -> BucketKey:
    made = iam.act("CreateAccessKey", UserName=name)
    [access], [secret] = texts(made, "AccessKeyId"), texts(made, "SecretAccessKey")
    return BucketKey(access, secret)


def drop_key(client: Client, policy: str, name: str) -> bool:
    """The user goes, unless it is another's. False: there was none."""
    iam = client.iam()
    if absent(partial(iam.act, "GetUser", UserName=name), _NONE) is None:
        return False
    if not _is_ours(iam, policy, name):
        return False
    drop_keys(client, name)
    absent(partial(iam.act, "DeleteUserPolicy", UserName=name, PolicyName=policy), _NONE)
    absent(partial(iam.act, "DeleteUser", UserName=name), _NONE)
    return True


def drop_keys(client: Client, name: str) -> None:
    """Of a user that is there."""
    iam = client.iam()
    for key in _keys(iam, name):
        iam.act("DeleteAccessKey", UserName=name, AccessKeyId=key)


def _is_ours(iam: Iam, policy: str, name: str) -> bool:
    policies = texts(iam.act("ListUserPolicies", UserName=name), "member")
    return policies == [policy] or (not policies and not _keys(iam, name))


def _keys(iam: Iam, name: str) -> list[str]:
    return texts(iam.act("ListAccessKeys", UserName=name), "AccessKeyId")


def policy_document(dialect: str, bucket: str, *, writing: bool = True) -> str:
    """What the user of a bucket may: all with it, or read it only, and nothing else."""
    actions = (*_READING, *((*_WRITING, *_UPLOADS[dialect]) if writing else ()))
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": [f"s3:{action}" for action in actions],
                    "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                }
            ],
        }
    )
