"""The fence of a bucket: proven by a write that was refused, however long the server takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.backends.protocols import BucketAccess, BucketKey
from engine.catalog.package import S3_SECRETS
from engine.errors import NotFound, RemoteFailure
from engine.operations.steps import buckets
from tests.unit.step_context import Context, planned

KEY = BucketKey("an-access-key", "a-secret-key")


class SlowServer:
    """One of whose parts some have not heard yet that a key may write no more."""

    def __init__(self, deaf: int) -> None:
        self.deaf, self.writable = deaf, True

    def set_writable(self, owner: str, name: str, *, allowed: bool) -> None:
        self.writable = allowed

    def refuses_write(self, name: str, key: BucketKey) -> bool:
        assert (name, key) == ("hp-shelf-x", KEY)
        self.deaf -= 1
        return not self.writable and self.deaf < 0


def context(server: Any, *, bucket: bool = True, stored: bool = True) -> Any:
    found: Any = Context(planned(("side.fence@1", {}))).about("side.fence@1")
    access = BucketAccess("https://s3.home.lab", "us-east-1", "hp-shelf-x") if bucket else None
    found.installation = lambda: SimpleNamespace(bucket=access)
    found.backends.buckets = server
    prefix = f"deployments/{found.plan.deployment}"
    values = zip(S3_SECRETS, (KEY.access_key, KEY.secret_key), strict=True)
    if stored:
        found.backends.secrets.values |= {f"{prefix}/{name}": value for name, value in values}
    return found


def test_a_key_is_shut_when_a_write_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_LOOK_SECONDS", 0)
    server = SlowServer(deaf=3)
    [proof] = buckets.shut_bucket(context(server))
    assert "hp-shelf-x" in proof
    assert server.deaf < 0
    buckets.open_bucket(context(server))
    assert server.writable


def test_a_key_that_still_writes_is_no_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_TOLD_SECONDS", 0)
    monkeypatch.setattr(buckets, "_LOOK_SECONDS", 0)
    with pytest.raises(RemoteFailure, match="does not hold"):
        buckets.shut_bucket(context(SlowServer(deaf=10**9)))


def test_nothing_is_proven_without_the_key_and_nothing_is_shut_without_a_bucket() -> None:
    with pytest.raises(NotFound):
        buckets.shut_bucket(context(SlowServer(deaf=0), stored=False))
    assert buckets.shut_bucket(context(None, bucket=False)) == ()
    buckets.open_bucket(context(None, bucket=False))
