"""What every buckets backend must do: on a real SeaweedFS whose IAM makes the keys, and in the
words of AWS."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from engine.backends.buckets.client import texts
from engine.backends.buckets.service import S3Buckets
from engine.backends.exercise import exercise_buckets
from engine.backends.protocols import BucketKey
from engine.errors import Conflict, Denied, InvalidInput, PlanChanged, RetryableError, Unreachable
from engine.model.provider import CheckStatus
from engine.state.programs.s3 import Refused, parsed
from tests.conformance.doubles import Journal
from tests.conformance.s3_worlds import NAME, S3World, aws, seaweedfs
from tests.conformance.tofu_world import TofuWorld, infrastructure
from tests.deployed import wait_until
from tests.s3_server import ACCESS_KEY, SECRET_KEY

pytestmark = [pytest.mark.integration, pytest.mark.real]

OWNER = "hp-ab12cd34-dep00001"
OBJECT = b"<Tagging><TagSet><Tag><Key>homeport</Key><Value>mine</Value></Tag></TagSet></Tagging>"
KEPT = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


WORLDS: dict[str, Callable[[], S3World]] = {
    "seaweedfs-iam": seaweedfs,
    "aws-iam": aws,
    "static": partial(seaweedfs, "static"),
}


@pytest.fixture(params=["seaweedfs-iam", "aws-iam"])
def iam_world(request: pytest.FixtureRequest) -> S3World:
    """A server that makes keys."""
    return WORLDS[request.param]()


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> S3World:
    return WORLDS[request.param]()


@pytest.fixture
def service(world: S3World) -> Iterator[S3Buckets]:
    before = world.everything()
    opened = world.opened()
    yield opened
    opened.drop(OWNER, NAME)
    assert world.everything() == before


def works(world: S3World, key: BucketKey, name: str = NAME) -> bool:
    bucket = world.as_seen_by(key, name)
    try:
        bucket.ask("PUT", "chart", body=b"rocks").read()
        return bytes(bucket.ask("GET", "chart").read()) == b"rocks"
    except Refused:
        return False


def test_what_can_be_tried_without_harm_holds(service: S3Buckets) -> None:
    assert [text for text in exercise_buckets(service, OWNER) if text] == []


def test_a_deployment_gets_a_bucket_and_a_key_once(world: S3World, service: S3Buckets) -> None:
    key = service.ensure(OWNER, NAME, None)
    assert works(world, key)
    made = world.everything()
    assert service.ensure(OWNER, NAME, key) == key
    assert works(world, key)
    assert world.everything() == made
    assert service.find(OWNER, NAME)


def test_a_key_opens_its_own_bucket_and_may_not_change_whose_it_is(iam_world: S3World) -> None:
    service = iam_world.opened()
    other = "hp-other-dep00001-x1y2"
    key = service.ensure(OWNER, NAME, None)
    iam_world.admin(other).ask("PUT").read()
    try:
        bucket = iam_world.as_seen_by(key)
        bucket.ask("PUT", "chart", body=b"rocks").read()
        bucket.ask("PUT", "chart", query={"tagging": ""}, body=OBJECT).read()
        assert bucket.histories(versioned=False)
        assert not works(iam_world, key, other)
        for verb, query, body in (
            ("PUT", {"tagging": ""}, OBJECT),
            ("PUT", {"policy": ""}, b"{}"),
            ("DELETE", {}, b""),
        ):
            with pytest.raises(Refused) as refused:
                bucket.ask(verb, query=query, body=body)
            assert refused.value.status == 403
        with pytest.raises(Refused):
            iam_world.as_seen_by(key, "hp-mine").ask("PUT")
    finally:
        iam_world.admin(other).ask("DELETE").read()
        service.drop(OWNER, NAME)


def test_a_key_whose_answer_got_lost_is_taken_back(iam_world: S3World) -> None:
    service = iam_world.opened()
    lost = service.ensure(OWNER, NAME, None)
    try:
        key = service.ensure(OWNER, NAME, None)
        assert key != lost
        assert works(iam_world, key)
        assert not works(iam_world, lost)
    finally:
        service.drop(OWNER, NAME)


def test_a_second_key_works_beside_the_first_until_that_is_given_up(iam_world: S3World) -> None:
    service = iam_world.opened()
    old = service.ensure(OWNER, NAME, None)
    try:
        lost, new = (service.renew(OWNER, NAME, old) for _ in range(2))
        assert [works(iam_world, key) for key in (old, lost, new)] == [True, False, True]
        assert service.ensure(OWNER, NAME, new) == new
        assert [works(iam_world, key) for key in (old, new)] == [False, True]
        with pytest.raises(Conflict):
            iam_world.opened("away").renew(OWNER, NAME, new)
        with pytest.raises(InvalidInput, match="makes no keys"):
            seaweedfs("static").opened().renew(OWNER, NAME, new)
    finally:
        service.drop(OWNER, NAME)


def test_a_bucket_that_is_shut_is_read_and_not_written_until_it_is_opened(
    iam_world: S3World,
) -> None:
    service = iam_world.opened()
    key = service.ensure(OWNER, NAME, None)
    bucket = iam_world.as_seen_by(key)
    try:
        service.set_writable(OWNER, NAME, allowed=True)
        assert works(iam_world, key)
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
            iam_world.opened("away").set_writable(OWNER, NAME, allowed=True)
        service.set_writable(OWNER, NAME, allowed=True)
        wait_until(lambda: works(iam_world, key), 10)
        with pytest.raises(InvalidInput, match="makes no keys"):
            seaweedfs("static").opened().set_writable(OWNER, NAME, allowed=False)
    finally:
        service.drop(OWNER, NAME)
    assert service.refuses_write(NAME, key)
    service.set_writable(OWNER, NAME, allowed=False)


def test_what_is_half_made_is_finished(service: S3Buckets, world: S3World) -> None:
    world.admin().ask("PUT").read()
    if world.keys != "static":
        service.client.iam().act("CreateUser", UserName=NAME)
    assert works(world, service.ensure(OWNER, NAME, None))
    assert service.find(OWNER, NAME)


def test_a_bucket_of_others_is_never_taken_nor_emptied(world: S3World, service: S3Buckets) -> None:
    theirs = "hp-theirs-dep00001-x1y2"
    world.admin(theirs).ask("PUT").read()
    try:
        for mark in (False, True):
            world.admin(theirs).ask("PUT", "theirs", body=b"rocks").read()
            if mark:
                world.admin(theirs).ask("PUT", query={"tagging": ""}, body=OBJECT).read()
            with pytest.raises(Conflict):
                service.ensure(OWNER, theirs, None)
            assert not service.drop(OWNER, theirs)
            assert world.admin(theirs).ask("GET", "theirs").read() == b"rocks"
    finally:
        world.admin(theirs).ask("DELETE", "theirs").read()
        world.admin(theirs).ask("DELETE").read()


def test_a_user_of_others_is_never_taken(iam_world: S3World) -> None:
    service = iam_world.opened()
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
    service: S3Buckets, world: S3World
) -> None:
    key = service.ensure(OWNER, NAME, None)
    away = world.opened("away")
    with pytest.raises(Conflict):
        away.ensure(OWNER, NAME, None)
    assert not away.drop(OWNER, NAME)
    assert works(world, key)


def test_a_drop_takes_all_objects_versions_and_unfinished_uploads(
    world: S3World, service: S3Buckets
) -> None:
    key = service.ensure(OWNER, NAME, None)
    world.admin().ask("PUT", query={"versioning": ""}, body=KEPT).read()
    bucket = world.as_seen_by(key)
    for number in range(30):
        bucket.ask("PUT", f"charts/{number % 10}", body=b"%d" % number).read()
    bucket.ask("DELETE", "charts/1").read()
    bucket.ask("POST", "charts/huge", query={"uploads": ""}).read()
    assert service.drop(OWNER, NAME)
    assert not service.find(OWNER, NAME)
    assert not service.drop(OWNER, NAME)


def test_several_at_once_get_one_of_each(world: S3World) -> None:
    service = world.opened()
    before = world.everything()
    names = [f"hp-many-{number:04}" for number in range(5)]
    with ThreadPoolExecutor(5) as threads:
        made = list(threads.map(lambda name: service.ensure(f"hp-x-{name}", name, None), names))
        assert all(works(world, key, name) for key, name in zip(made, names, strict=True))
        assert all(threads.map(lambda name: service.drop(f"hp-x-{name}", name), names))
    assert world.everything() == before


def test_the_check_names_what_it_found(service: S3Buckets, world: S3World) -> None:
    worst = {check.status for check in service.check()}
    assert worst == (
        {CheckStatus.PASS} if world.keys != "static" else {CheckStatus.PASS, CheckStatus.WARN}
    )


def test_what_an_iam_says_no_with_is_told(iam_world: S3World) -> None:
    """It wraps its errors once more than the server of buckets."""
    key = iam_world.opened().ensure(OWNER, NAME, None)
    try:
        stranger = replace(iam_world, own=key).opened()
        with pytest.raises(Denied, match=r"AccessDenied \(HTTP status 403\)"):
            stranger.set_writable(OWNER, NAME, allowed=True)
    finally:
        iam_world.opened().drop(OWNER, NAME)


def test_a_wrong_key_is_denied_and_not_shown(world: S3World) -> None:
    with pytest.raises(Denied) as denied:
        world.opened(secret="canary-wrong-secret").check()
    assert "canary" not in str(denied.value.describe())


def test_a_server_that_is_away_or_silent_is_given_up(world: S3World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(RetryableError):
            world.opened(endpoint=there, seconds=0.5).ensure(OWNER, NAME, None)
    with pytest.raises(Unreachable):
        world.opened(endpoint=there).ensure(OWNER, NAME, None)


def test_a_name_that_is_none_is_refused(service: S3Buckets) -> None:
    for name in ("Hp-x", "../etc", "a", "hp x", ""):
        with pytest.raises(InvalidInput):
            service.ensure(OWNER, name, None)


def test_what_is_declared_to_opentofu_is_made_adopted_and_removed(tmp_path: Path) -> None:
    """By the same back-end, whose bucket, user and policy are OpenTofu's to make and to remove."""
    world = seaweedfs()
    before = world.everything()
    profile = {"kind": "s3", "settings": world.settings()}
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
        assert works(world, key)
        assert planned() == []
        files = [one for one in declared.root.rglob("*") if one.is_file()]
        for secret in (SECRET_KEY, key.secret_key):
            assert [one for one in files if secret.encode() in one.read_bytes()] == []
        shutil.rmtree(declared.buckets().directory(OWNER))  # with the state
        assert planned() == ["import", "import", "import"]
        assert declared.buckets().ensure(OWNER, NAME, key) == key
        with pytest.raises(PlanChanged):
            declared.buckets().bound_to([], "shelf").drop(OWNER, NAME)
        assert works(world, key)
    finally:
        assert declared.buckets().drop(OWNER, NAME)  # with the object in it, and its key
    assert world.everything() == before
    assert not declared.buckets().directory(OWNER)
