"""What every buckets backend must do, on a real SeaweedFS whose IAM makes the keys."""

from __future__ import annotations

import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.backends.buckets.client import TrustedBucket, texts
from engine.backends.buckets.service import S3Buckets, open_backend
from engine.backends.exercise import exercise_buckets
from engine.backends.protocols import BucketKey
from engine.backends.registry import BackendEnvironment
from engine.errors import Conflict, Denied, InvalidInput, PlanChanged, RetryableError, Unreachable
from engine.model.provider import CheckStatus, ProviderProfile
from engine.paths import Paths
from engine.state.programs.s3 import Refused, parsed
from tests import s3_server
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.tofu_world import TofuWorld, infrastructure
from tests.deployed import wait_until
from tests.s3_server import ACCESS_KEY, SECRET_KEY

pytestmark = [pytest.mark.integration, pytest.mark.real]

OWNER, NAME = "hp-ab12cd34-dep00001", "hp-shelf-dep00001-x1y2"
OBJECT = b"<Tagging><TagSet><Tag><Key>homeport</Key><Value>mine</Value></Tag></TagSet></Tagging>"
KEPT = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


@pytest.fixture(params=["seaweedfs-iam", "static"])
def keys(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(keys: str) -> Any:
    before = everything()
    opened = opened_with(keys)
    yield opened
    opened.drop(OWNER, NAME)
    assert everything() == before


def endpoint() -> str:
    return f"http://127.0.0.1:{s3_server.port()}"


def opened_with(
    keys: str, provider: str = "home", secret: str = SECRET_KEY, **other: Any
) -> S3Buckets:
    nowhere = Path("/nonexistent")
    environment = BackendEnvironment(
        ProviderProfile(name=provider, zone="test.lab", backends={}),
        "ab12cd34",
        Paths(nowhere, nowhere, nowhere),
        {"secret:key": ACCESS_KEY, "secret:secret": secret}.__getitem__,
        MemoryLeases(),
    )
    references = {"access_key_ref": "secret:key", "secret_key_ref": "secret:secret"}
    seconds = other.pop("seconds", 30.0)
    settings = {"endpoint": endpoint(), "keys": keys, **references, **other}
    return open_backend(environment, settings, seconds)


def as_seen_by(key: BucketKey, name: str = NAME) -> TrustedBucket:
    told = {"endpoint": endpoint(), "bucket": name, "prefix": "", "region": "us-east-1"}
    return TrustedBucket(told | {"key": key.access_key, "secret": key.secret_key}, "", 30.0)


def admin(name: str = NAME) -> TrustedBucket:
    return as_seen_by(BucketKey(ACCESS_KEY, SECRET_KEY), name)


def everything() -> tuple[bytes, list[str]]:
    """The server's buckets by their names, and the users of its IAM."""
    listed = parsed(admin("").ask("GET").read())
    users = opened_with("seaweedfs-iam").client.iam().act("ListUsers")
    return " ".join(texts(listed, "Name")).encode(), sorted(texts(users, "UserName"))


def works(key: BucketKey, name: str = NAME) -> bool:
    bucket = as_seen_by(key, name)
    try:
        bucket.ask("PUT", "chart", body=b"rocks").read()
        return bytes(bucket.ask("GET", "chart").read()) == b"rocks"
    except Refused:
        return False


def test_what_can_be_tried_without_harm_holds(service: S3Buckets) -> None:
    assert [text for text in exercise_buckets(service, OWNER) if text] == []


def test_a_deployment_gets_a_bucket_and_a_key_once(service: S3Buckets) -> None:
    key = service.ensure(OWNER, NAME, None)
    assert works(key)
    made = everything()
    assert service.ensure(OWNER, NAME, key) == key
    assert works(key)
    assert everything() == made
    assert service.find(OWNER, NAME)


def test_a_key_opens_its_own_bucket_and_may_not_change_whose_it_is() -> None:
    service = opened_with("seaweedfs-iam")
    other = "hp-other-dep00001-x1y2"
    key = service.ensure(OWNER, NAME, None)
    admin(other).ask("PUT").read()
    try:
        bucket = as_seen_by(key)
        bucket.ask("PUT", "chart", body=b"rocks").read()
        bucket.ask("PUT", "chart", query={"tagging": ""}, body=OBJECT).read()
        assert bucket.histories(versioned=False)
        assert not works(key, other)
        for verb, query, body in (
            ("PUT", {"tagging": ""}, OBJECT),
            ("PUT", {"policy": ""}, b"{}"),
            ("DELETE", {}, b""),
        ):
            with pytest.raises(Refused) as refused:
                bucket.ask(verb, query=query, body=body)
            assert refused.value.status == 403
        with pytest.raises(Refused):
            as_seen_by(key, "hp-mine").ask("PUT")
    finally:
        admin(other).ask("DELETE").read()
        service.drop(OWNER, NAME)


def test_a_key_whose_answer_got_lost_is_taken_back() -> None:
    service = opened_with("seaweedfs-iam")
    lost = service.ensure(OWNER, NAME, None)
    try:
        key = service.ensure(OWNER, NAME, None)
        assert key != lost
        assert works(key)
        assert not works(lost)
    finally:
        service.drop(OWNER, NAME)


def test_a_second_key_works_beside_the_first_until_that_is_given_up() -> None:
    service = opened_with("seaweedfs-iam")
    old = service.ensure(OWNER, NAME, None)
    try:
        lost, new = (service.renew(OWNER, NAME, old) for _ in range(2))
        assert [works(key) for key in (old, lost, new)] == [True, False, True]
        assert service.ensure(OWNER, NAME, new) == new
        assert [works(key) for key in (old, new)] == [False, True]
        with pytest.raises(Conflict):
            opened_with("seaweedfs-iam", "away").renew(OWNER, NAME, new)
        with pytest.raises(InvalidInput, match="makes no keys"):
            opened_with("static").renew(OWNER, NAME, new)
    finally:
        service.drop(OWNER, NAME)


def test_a_bucket_that_is_shut_is_read_and_not_written_until_it_is_opened() -> None:
    service = opened_with("seaweedfs-iam")
    key = service.ensure(OWNER, NAME, None)
    bucket = as_seen_by(key)
    try:
        service.set_writable(OWNER, NAME, allowed=True)
        assert works(key)
        bucket.ask("PUT", query={"versioning": ""}, body=KEPT).read()
        assert not service.refuses_write(NAME, key)
        assert list(bucket.histories(versioned=True)) == ["chart"]  # no trace of the proof
        bucket.ask("PUT", "chart", body=b"rocks").read()
        first, second = bucket.histories(versioned=True)["chart"]
        bucket.remove("chart", first["version"])
        begun = parsed(bucket.ask("POST", "huge", query={"uploads": ""}).read())
        [upload] = texts(begun, "UploadId")
        for _ in range(2):
            service.set_writable(OWNER, NAME, allowed=False)
        wait_until(lambda: service.refuses_write(NAME, key), 10)
        bodies = {"tagging": OBJECT, "versioning": KEPT}
        for verb, name, query in (
            ("PUT", "chart", {}),
            ("DELETE", "chart", {}),
            ("PUT", "huge", {"uploadId": upload, "partNumber": "1"}),
            ("PUT", "chart", {"tagging": ""}),
            ("PUT", "", {"versioning": ""}),
            ("DELETE", "chart", {"versionId": second["version"]}),
        ):
            with pytest.raises(Refused) as refused:
                bucket.ask(verb, name, query=query, body=bodies.get(next(iter(query), ""), b"sand"))
            assert refused.value.status == 403
        assert bucket.ask("GET", "chart").read() == b"rocks"
        assert list(bucket.histories(versioned=True)) == ["chart"]
        with pytest.raises(Conflict):
            opened_with("seaweedfs-iam", "away").set_writable(OWNER, NAME, allowed=True)
        service.set_writable(OWNER, NAME, allowed=True)
        wait_until(lambda: works(key), 10)
        with pytest.raises(InvalidInput, match="makes no keys"):
            opened_with("static").set_writable(OWNER, NAME, allowed=False)
    finally:
        service.drop(OWNER, NAME)
    assert service.refuses_write(NAME, key)
    service.set_writable(OWNER, NAME, allowed=False)


def test_what_is_half_made_is_finished(service: S3Buckets, keys: str) -> None:
    admin().ask("PUT").read()
    if keys != "static":
        service.client.iam().act("CreateUser", UserName=NAME)
    assert works(service.ensure(OWNER, NAME, None))
    assert service.find(OWNER, NAME)


def test_a_bucket_of_others_is_never_taken_nor_emptied(service: S3Buckets) -> None:
    admin().ask("PUT").read()
    try:
        for mark in (False, True):
            admin().ask("PUT", "theirs", body=b"rocks").read()
            if mark:
                admin().ask("PUT", query={"tagging": ""}, body=OBJECT).read()
            with pytest.raises(Conflict):
                service.ensure(OWNER, NAME, None)
            assert not service.drop(OWNER, NAME)
            assert admin().ask("GET", "theirs").read() == b"rocks"
    finally:
        admin().ask("DELETE", "theirs").read()
        admin().ask("DELETE").read()


def test_a_user_of_others_is_never_taken() -> None:
    service = opened_with("seaweedfs-iam")
    iam = service.client.iam()
    iam.act("CreateUser", UserName=NAME)
    iam.act("CreateAccessKey", UserName=NAME)
    try:
        with pytest.raises(Conflict):
            service.ensure(OWNER, NAME, None)
        service.drop(OWNER, NAME)
        assert iam.act("GetUser", UserName=NAME) is not None
    finally:
        iam.act("DeleteUser", UserName=NAME)


def test_another_provider_on_the_same_server_is_another_owner(
    service: S3Buckets, keys: str
) -> None:
    key = service.ensure(OWNER, NAME, None)
    away = opened_with(keys, "away")
    with pytest.raises(Conflict):
        away.ensure(OWNER, NAME, None)
    assert not away.drop(OWNER, NAME)
    assert works(key)


def test_a_drop_takes_all_objects_versions_and_unfinished_uploads(service: S3Buckets) -> None:
    key = service.ensure(OWNER, NAME, None)
    admin().ask("PUT", query={"versioning": ""}, body=KEPT).read()
    bucket = as_seen_by(key)
    for number in range(30):
        bucket.ask("PUT", f"charts/{number % 10}", body=b"%d" % number).read()
    bucket.ask("DELETE", "charts/1").read()
    bucket.ask("POST", "charts/huge", query={"uploads": ""}).read()
    assert service.drop(OWNER, NAME)
    assert not service.find(OWNER, NAME)
    assert not service.drop(OWNER, NAME)


def test_several_at_once_get_one_of_each(keys: str) -> None:
    service = opened_with(keys)
    before = everything()
    names = [f"hp-many-{number:04}" for number in range(5)]
    with ThreadPoolExecutor(5) as threads:
        made = list(threads.map(lambda name: service.ensure(f"hp-x-{name}", name, None), names))
        assert all(works(key, name) for key, name in zip(made, names, strict=True))
        assert all(threads.map(lambda name: service.drop(f"hp-x-{name}", name), names))
    assert everything() == before


def test_the_check_names_what_it_found(service: S3Buckets, keys: str) -> None:
    worst = {check.status for check in service.check()}
    assert worst == (
        {CheckStatus.PASS} if keys != "static" else {CheckStatus.PASS, CheckStatus.WARN}
    )


def test_a_wrong_key_is_denied_and_not_shown(keys: str) -> None:
    with pytest.raises(Denied) as denied:
        opened_with(keys, secret="canary-wrong-secret").check()
    assert "canary" not in str(denied.value.describe())


def test_a_server_that_is_away_or_silent_is_given_up(keys: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(RetryableError):
            opened_with(keys, endpoint=there, seconds=0.5).ensure(OWNER, NAME, None)
    with pytest.raises(Unreachable):
        opened_with(keys, endpoint=there).ensure(OWNER, NAME, None)


def test_a_name_that_is_none_is_refused(service: S3Buckets) -> None:
    for name in ("Hp-x", "../etc", "a", "hp x", ""):
        with pytest.raises(InvalidInput):
            service.ensure(OWNER, name, None)


def test_what_is_declared_to_opentofu_is_made_adopted_and_removed(tmp_path: Path) -> None:
    """By the same back-end, whose bucket, user and policy are OpenTofu's to make and to remove."""
    before = everything()
    references = {"access_key_ref": "secret:key", "secret_key_ref": "secret:secret"}
    settings = {"endpoint": endpoint(), "keys": "seaweedfs-iam", **references}
    profile = {"kind": "s3", "settings": settings}
    declared = TofuWorld(
        home=str(tmp_path),
        provider={"name": "home", "zone": "test.lab", "backends": {"buckets": profile}},
        hypervisor={},
        infrastructure=infrastructure(tmp_path / "mirror").settings,
        secrets={"secret:key": ACCESS_KEY, "secret:secret": SECRET_KEY},
    )

    def planned() -> list[str]:
        told = declared.buckets().preview(OWNER, "shelf", NAME, Journal())
        return [str(change.record["action"]) for change in told]

    assert planned() == ["create", "create", "create"]
    key = declared.buckets().ensure(OWNER, NAME, None)
    try:
        assert works(key)
        assert planned() == []
        files = [one for one in declared.root.rglob("*") if one.is_file()]
        for secret in (SECRET_KEY, key.secret_key):
            assert [one for one in files if secret.encode() in one.read_bytes()] == []
        shutil.rmtree(declared.buckets().directory(OWNER))  # with the state
        assert planned() == ["import", "import", "import"]
        assert declared.buckets().ensure(OWNER, NAME, key) == key
        with pytest.raises(PlanChanged):
            declared.buckets().bound_to([], "shelf").drop(OWNER, NAME)
        assert works(key)
    finally:
        assert declared.buckets().drop(OWNER, NAME)  # with the object in it, and its key
    assert everything() == before
    assert not declared.buckets().directory(OWNER)
