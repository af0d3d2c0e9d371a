"""Servers of buckets for tests: each with Homeport's own key, and how it makes further ones.

AWS cannot be had, so moto stands in for it: a program that answers like it, errors included, and
judges each request by the policies of whoever signed it. It keeps everything in its memory.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.backends.buckets.client import TrustedBucket, texts
from engine.backends.buckets.service import S3Buckets, open_backend
from engine.backends.protocols import BucketKey
from engine.backends.registry import BackendEnvironment
from engine.model.provider import ProviderProfile
from engine.paths import Paths
from engine.state.programs.s3 import parsed
from tests import s3_server
from tests.cached_packages import cached_environment
from tests.conformance.dns_worlds import free_port
from tests.conformance.doubles import MemoryLeases
from tests.deployed import wait_until

NAME = "hp-shelf-dep00001-x1y2"
_FIRST = 3
"""Requests that moto lets pass unasked: in which Homeport's own key is made."""


@dataclass(frozen=True)
class S3World:
    endpoint: str
    keys: str
    """As the provider's settings have it: "seaweedfs-iam", "aws-iam", "static"."""
    own: BucketKey

    def opened(
        self, provider: str = "home", secret: str = "", seconds: float = 30.0, **other: Any
    ) -> S3Buckets:
        """As a provider's back-end. secret: another than its own key's."""
        nowhere = Path("/nonexistent")
        kept = {"secret:key": self.own.access_key, "secret:secret": secret or self.own.secret_key}
        environment = BackendEnvironment(
            ProviderProfile(name=provider, zone="test.lab", backends={}),
            "ab12cd34",
            Paths(nowhere, nowhere, nowhere),
            kept.__getitem__,
            MemoryLeases(),
        )
        return open_backend(environment, {**self.settings(), **other}, seconds)

    def settings(self) -> dict[str, str]:
        references = {"access_key_ref": "secret:key", "secret_key_ref": "secret:secret"}
        return {"endpoint": self.endpoint, "keys": self.keys, **references}

    def as_seen_by(self, key: BucketKey, name: str = NAME) -> TrustedBucket:
        told = {"endpoint": self.endpoint, "bucket": name, "prefix": "", "region": "us-east-1"}
        return TrustedBucket(told | {"key": key.access_key, "secret": key.secret_key}, "", 30.0)

    def admin(self, name: str = NAME) -> TrustedBucket:
        return self.as_seen_by(self.own, name)

    def everything(self) -> tuple[list[str], list[str]]:
        """The server's buckets by their names, and the users of its IAM."""
        listed = parsed(self.admin("").ask("GET").read())
        users = self.opened().client.iam().act("ListUsers")
        return texts(listed, "Name"), sorted(texts(users, "UserName"))


def seaweedfs(keys: str = "seaweedfs-iam") -> S3World:
    own = BucketKey(s3_server.ACCESS_KEY, s3_server.SECRET_KEY)
    return S3World(f"http://127.0.0.1:{s3_server.port()}", keys, own)


@functools.cache
def aws() -> S3World:
    """With a key that has the rights of the README; moto knows a user of the IAM by no name, so
    that those to users are for all."""
    program = cached_environment("moto[server]==5.2.5") / "bin" / "moto_server"
    port = free_port()
    environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_FIRST)}
    running = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(s3_server.end, running)
    wait_until(lambda: _answers(port), 60)
    nobody = S3World(f"http://127.0.0.1:{port}", "aws-iam", BucketKey("AKIANOBODY", "none"))
    iam = nobody.opened().client.iam()
    iam.act("CreateUser", UserName="homeport")
    rights = json.dumps({"Version": "2012-10-17", "Statement": _RIGHTS})
    iam.act("PutUserPolicy", UserName="homeport", PolicyName="all", PolicyDocument=rights)
    made = iam.act("CreateAccessKey", UserName="homeport")
    [access], [secret] = texts(made, "AccessKeyId"), texts(made, "SecretAccessKey")
    return S3World(nobody.endpoint, "aws-iam", BucketKey(access, secret))


_BUCKETS = ["arn:aws:s3:::hp-*", "arn:aws:s3:::hp-*/*"]
_USERS = ("iam:*User", "iam:*UserPolicy", "iam:ListUserPolicies", "iam:*AccessKey*")
_RIGHTS = [
    {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "iam:ListUsers"], "Resource": "*"},
    {"Effect": "Allow", "Action": "s3:*", "Resource": _BUCKETS},
    {"Effect": "Allow", "Action": list(_USERS), "Resource": "*"},
]


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
