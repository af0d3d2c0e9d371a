"""A deployment whose database is on a PostgreSQL server of its provider: made, used, backed up,
moved to a guest's own server and back, and gone, with the server as it was found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pymysql
import pytest

from engine.demo.use import use_application
from engine.homeport import DeployRequest, Homeport
from engine.model.plan import Effect, Operation
from engine.model.provider import BackendProfile, Service
from engine.operations.retry import LIMIT_VARIABLE
from tests.conformance.database_worlds import (
    REFERENCE,
    DatabaseWorld,
    PostgresWorld,
    database_world,
)
from tests.deployed import Installation, check_nothing_left
from tests.integration.test_secrets_stay_hidden import ProcessWatch, _files_with
from tests.lab_fixture import RunningLab
from tests.scripted_package import with_packages

pytestmark = [pytest.mark.integration, pytest.mark.real]

PASSWORD = "postgresql-password"
KILLED = [
    "secrets.renew:after",
    "databases.ensure:after",
    "app.start:20",
    "secrets.forget-old:after",
]
SERVED, OWN = "harbour-a", "harbour-b"
NAME = "log"


@pytest.fixture(scope="module")
def world() -> Iterator[DatabaseWorld]:
    with database_world(PostgresWorld) as started:
        yield started


@pytest.fixture(scope="module")
def here(
    lab: RunningLab, world: DatabaseWorld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with with_packages(lab, tmp_path_factory.mktemp("catalog"), "logbook") as opened:
        serve(opened.homeport, world)
        yield opened


def serve(homeport: Homeport, world: DatabaseWorld) -> None:
    """The harbour gets a database server."""
    profile = homeport.provider(SERVED)
    server = BackendProfile(kind=world.component, settings=world.settings)
    backends = {**profile.backends, Service.DATABASES: server}
    served = profile.model_copy(update={"backends": backends})
    homeport.save_provider(served, {REFERENCE: world.password})


def plan_of(here: Installation, application: str = "logbook", name: str = NAME) -> Any:
    return here.homeport.plan_deploy(
        DeployRequest(
            application=application,
            provider=SERVED,
            domain=f"{name}.{SERVED}.lab",
            name=name,
            values={},
        )
    )


def succeeded(operation: Operation) -> Operation:
    assert operation.status.value == "succeeded", repr(operation.error)
    return operation


class Book:
    def __init__(self, homeport: Homeport, name: str = NAME) -> None:
        self._endpoint = homeport.endpoint(name)

    def write(self, number: int) -> None:
        answer = self._endpoint.request("PUT", f"/{number}")
        assert answer.status == 200, answer.body

    def entries(self) -> list[int]:
        found: list[int] = json.loads(self._endpoint.request("GET", "/entries").body)
        return sorted(found)


def databases_of(world: DatabaseWorld) -> list[str]:
    return [str(row[0]) for row in world.objects()["databases"] if str(row[0]).startswith("hp_")]


@pytest.mark.usefixtures("repository")
def test_made_used_kept_moved_and_gone(here: Installation, world: DatabaseWorld) -> None:
    homeport, before = here.homeport, world.objects()
    plan = plan_of(here)
    [step] = [step for step in plan.steps if step.kind == "databases.ensure@1"]
    assert "127.0.0.1" in step.subject
    assert plan.warnings == ()
    succeeded(here.carry_out(plan))
    book = Book(homeport)
    for number in range(5):
        book.write(number)
    [database] = databases_of(world)
    assert world.admin("SELECT count(*) FROM entry", database) == [(5,)]
    assert not (here.guest_root(NAME) / "var/lib/postgresql").exists()
    # The application proves the server, and speaks to it over TLS.
    config = next(here.guest_root(NAME).glob("**/logbook.json")).read_text()
    assert '"verify-full"' in config

    # Kept and put back: what came in between is gone, what was there is there.
    succeeded(here.carry_out(homeport.plan_backup(NAME)))
    [backup] = homeport.repositories.backups(NAME)
    book.write(99)
    new = passwords_are_changed(here, world, database)
    # What a backup has of the password is dead by now.
    succeeded(here.carry_out(homeport.plan_restore(NAME, backup.id)))
    assert here.backends(SERVED).secrets.get(secret_of(here, NAME, PASSWORD)) == new
    assert book.entries() == [0, 1, 2, 3, 4]
    book.write(5)

    # Moved to a harbour without such a server: there it is on the guest.
    succeeded(here.carry_out(homeport.plan_migrate(NAME, OWN)))
    assert book.entries() == [0, 1, 2, 3, 4, 5]
    book.write(6)
    shut = world.admin(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{database}'")  # noqa: S608
    assert shut == [(False,)]
    confirm = homeport.plan_confirm(NAME)
    assert any(step.kind == "databases.drop@1" for step in confirm.deletes)
    succeeded(here.carry_out(confirm))
    assert world.objects() == before
    # On its guest, too, it gets another password.
    new = here.backends(OWN).secrets.get(secret_of(here, NAME, PASSWORD))
    watch = ProcessWatch([new])
    with watch.watching():
        succeeded(here.carry_out(homeport.plan_rotate(NAME)))
    assert not watch.seen
    assert here.backends(OWN).secrets.get(secret_of(here, NAME, PASSWORD)) != new
    assert book.entries() == list(range(7))
    # The way back is refused while the source serves: the server is older than a guest's own.
    failed = here.carry_out(homeport.plan_migrate(NAME, SERVED))
    assert failed.error is not None
    assert failed.error["code"] == "not-ready"
    assert book.entries() == list(range(7))
    gone = homeport.plan_destroy(NAME)
    [drop] = [step for step in gone.steps if step.kind == "databases.drop@1"]
    assert drop.effect is Effect.DELETE
    assert database in drop.subject
    succeeded(here.carry_out(gone))
    check_nothing_left(here, NAME)
    assert world.objects() == before


def passwords_are_changed(here: Installation, world: DatabaseWorld, database: str) -> str:
    """Taken back where the application does not start with the new one; then made, with a kill at
    many points. The new one."""
    store, path = here.backends(SERVED).secrets, secret_of(here, NAME, PASSWORD)
    old = store.get(path)

    def spoil(moment: str) -> None:
        world.admin(f"ALTER ROLE {database} PASSWORD 'canary-of-somebody-else'")

    plan = here.homeport.plan_rotate(NAME)
    assert [change.id for change in plan.deletes] == ["secrets.forget-old"]
    failed = here.killed_everywhere(plan, ["databases.ensure:after-journal"], spoil)
    assert failed.error is not None
    assert "passwords and keys from before" in failed.error["left"]
    assert here.homeport.deployment(NAME).deployment.status.value == "running"
    assert store.get(path) == old
    Book(here.homeport).entries()

    plan = here.homeport.plan_rotate(NAME, [PASSWORD])
    succeeded(here.killed_everywhere(plan, KILLED))
    new = store.get(path)
    assert new != old
    assert can_log_in(world, database, new)
    assert not can_log_in(world, database, old)
    Book(here.homeport).entries()
    prefix = path.rpartition("/")[0]
    assert not [kept for kept in store.list(prefix) if kept.startswith(f"{prefix}/before/")]
    assert not _files_with(here, [old, new])
    said = world.log.read_text(errors="replace")
    assert old not in said
    assert new not in said
    return new


def secret_of(here: Installation, name: str, secret: str) -> str:
    return f"deployments/{here.homeport.deployment(name).deployment.id}/{secret}"


def can_log_in(world: DatabaseWorld, name: str, password: str) -> bool:
    try:
        world.login(name, password, "SELECT 1", name)
    except (psycopg.OperationalError, pymysql.Error):
        return False
    return True


def test_a_server_that_is_in_the_way_holds_the_deployment_and_not_for_good(
    here: Installation, world: DatabaseWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away before anything is made, a stranger's role of that name, killed and away when it goes:
    each is said, and the same operation goes on."""
    homeport, before = here.homeport, world.objects()
    monkeypatch.setenv(LIMIT_VARIABLE, "1")
    here.end_worker()
    plan = plan_of(here, name="held")
    name = next(str(s.args["name"]) for s in plan.steps if s.kind == "databases.ensure@1")
    world.stop()
    operation = here.carry_out(plan)
    assert operation.error is not None
    assert operation.error["code"] == "unreachable"
    assert str(world.port) in operation.error["on"]
    world.start()
    world.admin(f"CREATE ROLE {name}")
    operation = here.finish(homeport.resume(operation.id))
    assert operation.error is not None
    assert operation.error["code"] == "conflict"
    world.admin(f"DROP ROLE {name}")
    with here.killed_at("databases.ensure:after"):
        operation = here.finish(homeport.resume(operation.id))
    succeeded(operation)
    Book(homeport, "held").write(1)

    gone = homeport.plan_destroy("held")
    world.stop()
    operation = here.carry_out(gone)
    assert operation.error is not None
    assert operation.error["code"] in ("unreachable", "outcome-unknown")
    world.start()
    succeeded(here.finish(homeport.resume(operation.id)))
    check_nothing_left(here, "held")
    assert world.objects() == before


def test_chat_on_a_database_server(here: Installation, world: DatabaseWorld) -> None:
    before = world.objects()
    plan = here.plan("synapse", "chat")
    assert any(step.kind == "databases.ensure@1" for step in plan.steps)
    succeeded(here.carry_out(plan))
    assert use_application(here.homeport, "chat")
    [database] = databases_of(world)
    assert world.admin("SELECT count(*) FROM users", database)[0][0] >= 1
    sessions = world.admin(
        "SELECT DISTINCT usename, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) "
        "WHERE usename LIKE 'hp!_%' ESCAPE '!'"
    )
    assert sessions == [(database, True)]
    succeeded(here.destroy("chat"))
    check_nothing_left(here, "chat")
    assert world.objects() == before
