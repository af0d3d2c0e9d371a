"""Errors of an S3 server that no server here gives."""

from __future__ import annotations

import pytest

from engine.backends.buckets.refusals import refused
from engine.backends.buckets.settings import BucketSettings
from engine.state.programs.s3 import Refused

SETTINGS = BucketSettings(
    endpoint="https://s3.example.org",
    keys="aws-iam",
    access_key_ref="secret:access",
    secret_key_ref="secret:secret",
)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "Throttling", True),
        (409, "ConcurrentModification", True),
        (503, "SlowDown", True),
        (409, "LimitExceeded", False),
        (400, "MalformedPolicyDocument", False),
    ],
)
def test_only_what_asks_for_patience_is_tried_again(
    status: int, code: str, retryable: bool
) -> None:
    error = refused(SETTINGS, "hp-shelf", Refused(status, code, "POST /"))
    assert error.describe()["retryable"] is retryable
    assert code in error.describe()["why"]
