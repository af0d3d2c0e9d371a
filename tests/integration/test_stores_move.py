"""Deployments whose data lie on servers of their provider move to another provider's: a bucket from
S3 server to S3 server, each with keys of its own, and a database in MariaDB."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from engine.backends.buckets.client import TrustedBucket, texts
from engine.backends.buckets.service import S3Buckets
from engine.backends.protocols import BucketKey
from engine.catalog.package import S3_SECRETS
from engine.errors import InvalidInput
from engine.model.deployment import ResourceKind
from engine.model.provider import BackendProfile, Service
from engine.operations.secret_paths import side_path
from engine.state.programs.s3 import Bucket, Refused, parsed
from tests import s3_server
from tests.conformance.database_worlds import REFERENCE, MariaWorld, database_world
from tests.deployed import Installation, check_nothing_left
from tests.integration.test_database_server import can_log_in, succeeded
from tests.integration.test_secrets_stay_hidden import ProcessWatch, _files_with
from tests.lab_fixture import RunningLab
from tests.ledger import Ledger
from tests.scripted_package import with_packages

pytestmark = [pytest.mark.integration, pytest.mark.real]

SOURCE, TARGET = "harbour-a", "harbour-b"
REFERENCES = {"access_key_ref": "secret:providers/s3-key", "secret_key_ref": "secret:providers/s3"}
KEYS = dict(zip(REFERENCES.values(), (s3_server.ACCESS_KEY, s3_server.SECRET_KEY), strict=True))
CHART = {"content-type": "image/png", "cache-control": "no-store", "x-amz-meta-owner": "ada"}


@pytest.fixture(scope="module")
def here(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with with_packages(lab, tmp_path_factory.mktemp("catalog"), "shelf", "tally") as opened:
        yield opened


def offer(
    here: Installation,
    provider: str,
    more: Mapping[Service, BackendProfile],
    secrets: Mapping[str, str] = KEYS,
) -> None:
    """These servers, and no others, beside what the lab's harbour has."""
    profile = here.lab.profile(provider)
    offering = profile.model_copy(update={"backends": {**profile.backends, **more}})
    here.homeport.save_provider(offering, secrets)


def s3(which: int, keys: str = "seaweedfs-iam") -> dict[Service, BackendProfile]:
    settings = {"endpoint": endpoint(which), "keys": keys, **REFERENCES}
    return {Service.BUCKETS: BackendProfile(kind="s3", settings=settings)}


def endpoint(which: int) -> str:
    return f"http://127.0.0.1:{s3_server.port(which)}"


def seen_by(key: BucketKey, which: int, name: str) -> TrustedBucket:
    told = {"endpoint": endpoint(which), "bucket": name, "prefix": "", "region": "us-east-1"}
    return TrustedBucket(told | {"key": key.access_key, "secret": key.secret_key}, "", 30.0)


def owner_of(which: int, name: str = "") -> TrustedBucket:
    return seen_by(BucketKey(s3_server.ACCESS_KEY, s3_server.SECRET_KEY), which, name)


def everything(here: Installation, provider: str, which: int) -> tuple[list[str], list[str]]:
    """Names of the server's buckets, and of the users of its IAM."""
    buckets = here.backends(provider).buckets
    assert isinstance(buckets, S3Buckets)
    users = texts(buckets.client.iam().act("ListUsers"), "UserName")
    return texts(parsed(owner_of(which).ask("GET").read()), "Name"), sorted(users)


@dataclass
class Shelf:
    """One side of the deployment `shelf`: its bucket and its key."""

    here: Installation
    provider: str
    which: int

    @property
    def name(self) -> str:
        [found] = [
            resource.external_id
            for resource in self.here.homeport.resources("shelf")
            if (resource.kind, resource.provider) == (ResourceKind.BUCKET, self.provider)
        ]
        return found

    @property
    def key(self) -> BucketKey:
        deployment = self.here.homeport.deployment("shelf").deployment.id
        store = self.here.backends(self.provider).secrets
        return BucketKey(*(store.get(side_path(deployment, self.provider, s)) for s in S3_SECRETS))

    @property
    def by_key(self) -> Bucket:
        """As the application sees it."""
        return seen_by(self.key, self.which, self.name)

    def has_chart(self) -> bool:
        answer = self.by_key.ask("GET", "charts/north sea")
        about = self.by_key.about("charts/north sea", None, answer)
        return answer.read() == b"rocks" and about == {"headers": CHART, "tags": {"kind": "a b"}}

    def may_write(self) -> bool:
        try:
            self.by_key.ask("PUT", "charts/later", body=b"").read()
        except Refused as refused:
            if refused.status != 403:
                raise
            return False
        self.by_key.remove("charts/later")
        return True


class NumberedBook:
    """`tests.ledger.Book` of an application that takes a number by PUT and lists them all."""

    def __init__(self, here: Installation, name: str) -> None:
        self._endpoint = here.homeport.endpoint(name)

    def write(self, number: int) -> bool:
        return bool(self._endpoint.request("PUT", f"/{number}", timeout=10.0).status == 200)

    def entries(self) -> list[int]:
        return sorted(json.loads(self._endpoint.request("GET", "/entries").body))


@pytest.mark.usefixtures("repository")
def test_a_bucket_moves_to_another_server_and_back_and_stays(here: Installation) -> None:
    homeport = here.homeport
    offer(here, SOURCE, s3(0))
    offer(here, TARGET, s3(1))
    before = everything(here, SOURCE, 0), everything(here, TARGET, 1)
    succeeded(here.deploy("shelf", "shelf", {}))
    source, target = Shelf(here, SOURCE, 0), Shelf(here, TARGET, 1)
    ledger = Ledger(NumberedBook(here, "shelf"), pause=0.2)
    assert ledger.write_one()
    chart = {"headers": CHART, "tags": {"kind": "a b"}}
    source.by_key.put("charts/north sea", chart, iter([b"rocks"]), 5)
    succeeded(here.carry_out(homeport.plan_backup("shelf")))
    [backup] = homeport.repositories.backups("shelf")
    kept_then = list(ledger.acknowledged)

    # Another key, with the old one kept until the application works with it.
    old = source.key
    rotate = homeport.plan_rotate("shelf")
    assert [step.id for step in rotate.deletes] == ["buckets.ensure", "secrets.forget-old"]
    succeeded(here.killed_everywhere(rotate, ["buckets.renew:after", "buckets.ensure:after"]))
    assert ledger.book.entries() == kept_then
    assert source.may_write()
    with pytest.raises(Refused):
        seen_by(old, 0, source.name).ask("GET")

    # No S3 server there, or one that makes no keys: said before anything is done.
    for server, why in (({}, "has no S3 server"), (s3(1, "static"), "only key cannot move")):
        offer(here, TARGET, server)
        with pytest.raises(InvalidInput, match=why):
            homeport.plan_migrate("shelf", TARGET)
        [refused] = [t.refusal for t in homeport.targets("shelf") if t.provider.name == TARGET]
        assert why in str(refused)
    offer(here, TARGET, s3(1))

    # Killed where one side's server was told something and nobody knows it yet.
    plan = homeport.plan_migrate("shelf", TARGET)
    with ledger.writing():
        moments = ["buckets.ensure:after", "source.fence:after"]
        succeeded(here.killed_everywhere(plan, moments))
    ledger.check()
    assert source.key != target.key
    assert source.name != target.name
    assert target.has_chart()
    assert source.has_chart()
    assert (source.may_write(), target.may_write()) == (False, True)
    secret = [old.secret_key, source.key.secret_key, target.key.secret_key]
    assert not _files_with(here, secret)

    # Back to the source as it was frozen, and there again.
    frozen = [int(key) for key in source.by_key.histories(False) if key.isdigit()]
    assert ledger.write_one()
    succeeded(here.carry_out(homeport.plan_revert("shelf")))
    assert ledger.book.entries() == sorted(frozen)
    assert (source.may_write(), target.may_write()) == (True, False)
    succeeded(here.carry_out(homeport.plan_confirm("shelf")))
    assert everything(here, TARGET, 1) == before[1]
    ledger.acknowledged = frozen
    watch = ProcessWatch(secret)
    with watch.watching(), ledger.writing():
        succeeded(here.carry_out(homeport.plan_migrate("shelf", TARGET)))
    assert not watch.seen
    ledger.check()
    gone = source.name
    confirm = homeport.plan_confirm("shelf")
    assert any(gone in step.subject for step in confirm.deletes)
    succeeded(here.carry_out(confirm))
    assert everything(here, SOURCE, 0) == before[0]
    deployment = homeport.deployment("shelf").deployment.id
    assert not here.backends(SOURCE).secrets.list(side_path(deployment, SOURCE))
    assert target.has_chart()

    # What was kept at the first provider is put back at the second.
    succeeded(here.carry_out(homeport.plan_restore("shelf", backup.id)))
    assert ledger.book.entries() == kept_then
    assert target.has_chart()
    gone = target.name
    destroy = homeport.plan_destroy("shelf")
    assert any(gone in step.subject for step in destroy.deletes)
    succeeded(here.carry_out(destroy))
    for provider in (SOURCE, TARGET):
        check_nothing_left(here, "shelf", provider)
    assert (everything(here, SOURCE, 0), everything(here, TARGET, 1)) == before


@pytest.mark.usefixtures("repository")
def test_a_database_in_mariadb_is_kept_moves_and_is_put_back(here: Installation) -> None:
    """The two harbours have one server, on which they have two databases."""
    homeport = here.homeport
    with database_world(MariaWorld) as maria:
        offered = {Service.DATABASES: BackendProfile(kind="mariadb", settings=maria.settings)}
        for provider in (SOURCE, TARGET):
            offer(here, provider, offered, {REFERENCE: maria.password})
        before = maria.objects()
        plan = here.plan("tally", "tally", {})
        assert plan.warnings == ()
        succeeded(here.carry_out(plan))
        assert not (here.guest_root("tally") / "var/lib/mysql").exists()
        ledger = Ledger(NumberedBook(here, "tally"), pause=0.2)
        assert ledger.write_one()
        succeeded(here.carry_out(homeport.plan_backup("tally")))
        [backup] = homeport.repositories.backups("tally")
        kept_then = list(ledger.acknowledged)

        store = here.backends(SOURCE).secrets
        path = f"deployments/{homeport.deployment('tally').deployment.id}/mariadb-password"
        old = store.get(path)
        rotated = here.killed_everywhere(homeport.plan_rotate("tally"), ["databases.ensure:after"])
        succeeded(rotated)
        [[source]] = maria.admin(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE "
            "SCHEMA_NAME LIKE 'hp!_%' ESCAPE '!'"
        )
        assert can_log_in(maria, source, store.get(path))
        assert not can_log_in(maria, source, old)

        moments = ["state.delta.visits:300", "source.fence:after"]
        with ledger.writing():
            moving = homeport.plan_migrate("tally", TARGET)
            succeeded(here.killed_everywhere(moving, moments))
        ledger.check()
        assert not can_log_in(maria, source, store.get(path))
        assert not _files_with(here, [old, store.get(path)])
        confirm = homeport.plan_confirm("tally")
        assert any(source in step.subject for step in confirm.deletes)
        succeeded(here.carry_out(confirm))
        succeeded(here.carry_out(homeport.plan_restore("tally", backup.id)))
        assert ledger.book.entries() == kept_then
        succeeded(here.destroy("tally"))
        for provider in (SOURCE, TARGET):
            check_nothing_left(here, "tally", provider)
        assert maria.objects() == before
