"""What every databases backend must do, on real PostgreSQL and MariaDB servers behind TLS."""

from __future__ import annotations

import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from engine.backends.databases.mariadb.service import open_backend as open_mariadb
from engine.backends.databases.postgresql.service import open_backend as open_postgresql
from engine.backends.exercise import exercise_databases
from engine.backends.protocols import Databases
from engine.backends.registry import BackendEnvironment
from engine.errors import Conflict, Denied, HomeportError, InvalidInput, RetryableError, Unreachable
from engine.model.provider import CheckStatus, ProviderProfile
from engine.paths import Paths
from tests.conformance.database_worlds import (
    HOST,
    REFERENCE,
    DatabaseWorld,
    MariaWorld,
    PostgresWorld,
    database_world,
)
from tests.conformance.doubles import MemoryLeases
from tests.conformance.openbao_world import make_tls
from tests.deployed import wait_until
from tests.struck_line import Blow, struck_line

pytestmark = [pytest.mark.integration, pytest.mark.real]

OWNER = "hp-ab12cd34-dep00001"
NAME = "hp_synapse_dep00001_x1y2"
PASSWORD = "canary-database-password"
REFUSED = (psycopg.OperationalError, pymysql.Error)
_OPEN: dict[str, Callable[..., Databases]] = {
    "postgresql": open_postgresql,
    "mariadb": open_mariadb,
}


def environment(password: str, provider: str = "home") -> BackendEnvironment:
    nowhere = Path("/nonexistent")
    return BackendEnvironment(
        ProviderProfile(name=provider, zone="test.lab", backends={}),
        "ab12cd34",
        Paths(nowhere, nowhere, nowhere),
        {REFERENCE: password}.__getitem__,
        MemoryLeases(),
    )


@pytest.fixture(scope="module", params=[PostgresWorld, MariaWorld])
def world(request: pytest.FixtureRequest) -> Iterator[DatabaseWorld]:
    with database_world(request.param) as started:
        yield started


@pytest.fixture
def service(world: DatabaseWorld) -> Iterator[Databases]:
    """Leaves the server as it was found, whatever the test did by this owner."""
    before = world.objects()
    opened = opened_for(world)
    yield opened
    opened.drop(OWNER)
    assert world.objects() == before


def opened_for(
    world: DatabaseWorld, provider: str = "home", answer: float = 60.0, **other: Any
) -> Databases:
    told = environment(other.pop("password", world.password), provider)
    return _OPEN[world.component](told, {**world.settings, **other}, answer)


def works(world: DatabaseWorld, password: str = PASSWORD, name: str = NAME) -> bool:
    try:
        world.login(name, password, "CREATE TABLE IF NOT EXISTS ahoy (n int)", name)
    except REFUSED:
        return False
    return True


def test_a_deployment_gets_a_database_and_a_role_once(
    world: DatabaseWorld, service: Databases
) -> None:
    assert service.ensure(OWNER, NAME, PASSWORD)
    made = world.objects()
    assert works(world)
    assert not service.ensure(OWNER, NAME, PASSWORD)
    assert world.objects() == made
    assert service.find(OWNER) == (NAME,)


def test_what_can_be_tried_without_harm_holds(service: Databases) -> None:
    assert [text for text in exercise_databases(service, OWNER) if text] == []


def test_it_sorts_and_stores_as_on_a_guest(world: DatabaseWorld, service: Databases) -> None:
    service.ensure(OWNER, NAME, PASSWORD)
    if world.component == "postgresql":
        found = world.admin(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database "  # noqa: S608
            f"WHERE datname = '{NAME}'"
        )
        assert found == [("UTF8", "C", "C")]
    else:
        shown = world.admin(f"SHOW CREATE DATABASE `{NAME}`")[0][1]
        assert "utf8mb4" in shown


def test_a_role_reaches_nothing_but_its_own_database(
    world: DatabaseWorld, service: Databases
) -> None:
    other = NAME[:-1] + "3"
    neighbour = opened_for(world, "away")
    service.ensure(OWNER, NAME, PASSWORD)
    neighbour.ensure(OWNER, other, PASSWORD)
    try:
        assert works(world, name=other)
        with pytest.raises(REFUSED):
            world.login(NAME, PASSWORD, "SELECT 1", other)
        for forbidden in ("CREATE DATABASE mine", "CREATE USER mine"):
            with pytest.raises((psycopg.Error, pymysql.Error)):
                world.login(NAME, PASSWORD, forbidden, NAME)
    finally:
        neighbour.drop(OWNER)
    assert service.find(OWNER) == (NAME,)


def test_a_new_password_takes_the_place_of_the_old(
    world: DatabaseWorld, service: Databases
) -> None:
    service.ensure(OWNER, NAME, PASSWORD)
    service.ensure(OWNER, NAME, PASSWORD + "-2")
    assert not works(world)
    assert works(world, PASSWORD + "-2")


def test_no_password_reaches_the_server_in_words(world: DatabaseWorld, service: Databases) -> None:
    service.ensure(OWNER, NAME, PASSWORD)
    assert works(world)
    log = world.log.read_text(errors="replace")
    assert NAME in log
    assert PASSWORD not in log
    assert f"'{world.password}'" not in log.replace(f"PASSWORD '{world.password}'", "").replace(
        f"BY '{world.password}'", ""
    )


def test_what_is_half_made_is_finished(world: DatabaseWorld, service: Databases) -> None:
    """As a kill leaves it between any two statements."""
    service.ensure(OWNER, NAME, PASSWORD)
    whole = world.objects()
    if world.component == "postgresql":
        world.admin(f"COMMENT ON DATABASE {NAME} IS NULL")
        world.admin(f"GRANT CONNECT ON DATABASE {NAME} TO PUBLIC")
    else:
        world.admin(f"DROP USER `{NAME}`@`%`")
    service.ensure(OWNER, NAME, PASSWORD)
    assert world.objects() == whole
    assert works(world)
    if world.component == "postgresql":
        world.admin(f"DROP DATABASE {NAME}")
    else:
        world.admin(f"REVOKE ALL ON `{NAME.replace('_', chr(92) + '_')}`.* FROM `{NAME}`@`%`")
    service.ensure(OWNER, NAME, PASSWORD)
    assert world.objects() == whole


@pytest.mark.parametrize("what", ["role", "database"])
def test_what_is_of_others_is_never_taken(
    world: DatabaseWorld, service: Databases, what: str
) -> None:
    made = {
        ("postgresql", "role"): (f"CREATE ROLE {NAME} LOGIN", f"DROP ROLE {NAME}"),
        ("postgresql", "database"): (f"CREATE DATABASE {NAME}", f"DROP DATABASE {NAME}"),
        ("mariadb", "role"): (f"CREATE USER {NAME} IDENTIFIED BY 'x'", f"DROP USER {NAME}"),
        ("mariadb", "database"): (f"CREATE DATABASE {NAME}", f"DROP DATABASE {NAME}"),
    }[world.component, what]
    world.admin(made[0])
    try:
        before = world.objects()
        with pytest.raises(Conflict) as refused:
            service.ensure(OWNER, NAME, PASSWORD)
        assert refused.value.do
        assert not service.drop(OWNER)
        assert world.objects() == before
    finally:
        world.admin(made[1])


def test_another_provider_on_the_same_server_is_another_owner(
    world: DatabaseWorld, service: Databases
) -> None:
    service.ensure(OWNER, NAME, PASSWORD)
    with pytest.raises(Conflict):
        opened_for(world, "away").ensure(OWNER, NAME, PASSWORD)
    assert not opened_for(world, "away").drop(OWNER)
    assert works(world)


def test_a_login_that_is_forbidden_ends_connections_and_is_proven(
    world: DatabaseWorld, service: Databases
) -> None:
    service.ensure(OWNER, NAME, PASSWORD)
    assert not service.refuses_login(NAME, PASSWORD)
    ended = threading.Event()

    def hold() -> None:
        wait = "SELECT pg_sleep(60)" if world.component == "postgresql" else "SELECT SLEEP(60)"
        try:
            world.login(NAME, PASSWORD, wait, NAME)
        except REFUSED:
            ended.set()

    holding = threading.Thread(target=hold)
    holding.start()
    sessions = {
        "postgresql": f"SELECT 1 FROM pg_stat_activity WHERE usename = '{NAME}'",  # noqa: S608
        "mariadb": f"SELECT 1 FROM information_schema.processlist WHERE user = '{NAME}'",  # noqa: S608
    }[world.component]
    while not world.admin(sessions):
        pass
    service.set_login(OWNER, NAME, allowed=False)
    holding.join(20)
    assert ended.is_set()
    assert service.refuses_login(NAME, PASSWORD)
    assert not works(world)
    service.set_login(OWNER, NAME, allowed=True)
    assert works(world)


def test_a_drop_takes_a_database_in_use_and_nothing_else(
    world: DatabaseWorld, service: Databases
) -> None:
    before = world.objects()
    service.ensure(OWNER, NAME, PASSWORD)
    assert works(world)
    assert service.drop(OWNER)
    assert world.objects() == before
    assert not service.drop(OWNER)


def test_sixteen_at_once_take_nothing_twice(world: DatabaseWorld, service: Databases) -> None:
    owners = [f"hp-ab12cd34-many{n:04}" for n in range(16)]
    before = world.objects()
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda o: service.ensure(o, f"hp_{o[12:]}", PASSWORD), owners))
        # Two attempts at the same one, as after a kill.
        again = list(threads.map(lambda o: service.ensure(o, f"hp_{o[12:]}", PASSWORD), owners * 2))
        assert all(made)
        assert not any(again)
        assert all(threads.map(service.drop, owners))
    assert world.objects() == before


def test_a_name_that_would_need_quotes_is_refused(service: Databases) -> None:
    for name in ("hp_x'; DROP ROLE homeport; --", "Hp", "", "a" * 64):
        with pytest.raises(InvalidInput):
            service.ensure(OWNER, name, PASSWORD)


def test_the_check_is_green_with_the_rights_of_the_readme(
    world: DatabaseWorld, service: Databases
) -> None:
    readme = Path(__file__).resolve().parents[2].joinpath("README.md").read_text()
    assert world.set_up_script() in readme
    assert {check.status for check in service.check()} == {CheckStatus.PASS}


def test_the_check_names_what_lacks_and_the_statement_that_grants_it(
    world: DatabaseWorld, service: Databases
) -> None:
    taken = {
        "postgresql": ["ALTER ROLE homeport NOCREATEDB", "ALTER ROLE homeport NOCREATEROLE"],
        "mariadb": [
            "REVOKE CREATE USER ON *.* FROM homeport",
            "REVOKE ALL, GRANT OPTION FROM homeport",
        ],
    }[world.component]
    for statement in taken:
        world.admin(statement)
        (failed,) = (check for check in service.check() if check.status is CheckStatus.FAIL)
        for line in failed.do.splitlines():
            if line.endswith(";"):
                world.admin(line)
        assert all(check.status is CheckStatus.PASS for check in service.check())


def test_without_rights_it_is_denied_with_what_to_do(
    world: DatabaseWorld, service: Databases
) -> None:
    if world.component == "postgresql":
        take, give = "ALTER ROLE homeport NOCREATEROLE", "ALTER ROLE homeport CREATEROLE"
    else:
        take = "REVOKE CREATE USER ON *.* FROM homeport"
        give = "GRANT CREATE USER ON *.* TO homeport"
    world.admin(take)
    try:
        with pytest.raises(Denied) as denied:
            service.ensure(OWNER, NAME, PASSWORD)
    finally:
        world.admin(give)
    assert "homeport" in denied.value.what
    assert service.ensure(OWNER, NAME, PASSWORD) in (True, False)
    assert works(world)


def test_a_wrong_password_is_denied_and_not_shown(world: DatabaseWorld) -> None:
    with pytest.raises(Denied) as denied:
        opened_for(world, password="canary-wrong-password").check()
    assert "canary" not in str(denied.value.describe())


def test_a_server_of_another_authority_is_not_believed(
    world: DatabaseWorld, tmp_path: Path
) -> None:
    for other in ({"ca_pem": make_tls(tmp_path)}, {"host": "localhost"}, {"ca_pem": ""}):
        with pytest.raises(Denied) as denied:
            opened_for(world, **other).check()
        assert "cannot prove" in denied.value.what


def test_a_server_without_tls_gets_no_password(world: DatabaseWorld) -> None:
    """One that listens there instead, and offers nothing but the clear."""
    heard = bytearray()
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(10)

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                line.settimeout(5)
                if world.component == "postgresql":
                    line.recv(8)  # SSLRequest
                    line.sendall(b"N")
                else:
                    greeting = b"\x0a5.5.5-10.11.9-MariaDB\0" + b"\x01\0\0\0" + b"abcdefgh\0"
                    greeting += b"\xff\xf7\x2d\x02\0\x3f\xa0\x15" + b"\0" * 10
                    greeting += b"ijklmnopqrst\0mysql_native_password\0"
                    line.sendall(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
                try:
                    while piece := line.recv(4096):
                        heard.extend(piece)
                except OSError:
                    pass

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(Denied):
            opened_for(world, port=listener.getsockname()[1]).check()
        answering.join()
    assert not heard


def test_a_server_that_is_away_holds_nothing_up_for_good(world: DatabaseWorld) -> None:
    with socket.create_server((HOST, 0)) as listener:
        closed = listener.getsockname()[1]
    with pytest.raises(Unreachable) as away:
        opened_for(world, port=closed).ensure(OWNER, NAME, PASSWORD)
    assert str(closed) in away.value.on


def test_a_login_that_is_given_up_does_not_stay_with_the_server(world: DatabaseWorld) -> None:
    """PostgreSQL waits a minute for its end, and drops no database meanwhile."""
    gc.disable()  # or it might end by chance
    try:
        with struck_line(world.port) as line:
            line.strike(Blow.SILENT)
            with pytest.raises(Unreachable):
                opened_for(world, answer=1.0, port=line.port).find(OWNER)
            wait_until(lambda: not line.in_use)
    finally:
        gc.enable()


def test_a_frozen_server_is_given_up_and_found_again(
    world: DatabaseWorld, service: Databases
) -> None:
    impatient = opened_for(world, answer=1.0)
    world.signal(signal.SIGSTOP)
    try:
        with pytest.raises(RetryableError):
            impatient.ensure(OWNER, NAME, PASSWORD)
    finally:
        world.signal(signal.SIGCONT)
    service.ensure(OWNER, NAME, PASSWORD)
    assert works(world)


def test_a_server_that_never_comes_to_an_end_is_given_up(
    world: DatabaseWorld, service: Databases
) -> None:
    """The connection lives, and nothing comes: somebody holds a lock."""
    impatient = opened_for(world, answer=1.0)
    if world.component == "postgresql":
        root = {"user": "root", "password": world.root_password, "dbname": "postgres"}
        holder: Any = psycopg.connect(host=HOST, port=world.port, **root)
        holder.execute(f"CREATE ROLE {NAME}")
    else:
        holder = pymysql.connect(unix_socket=str(world.directory / "socket"), user="root")
        holder.cursor().execute("FLUSH TABLES WITH READ LOCK")
    try:
        with pytest.raises(RetryableError):
            impatient.ensure(OWNER, NAME, PASSWORD)
    finally:
        holder.close()
    service.ensure(OWNER, NAME, PASSWORD)
    assert works(world)


def test_a_server_without_connections_left_is_told_apart(
    world: DatabaseWorld, service: Databases
) -> None:
    service.ensure(OWNER, NAME, PASSWORD)
    with ExitStack() as held:
        wait_for: Any = _hold_one(world)
        while True:
            try:
                held.enter_context(wait_for())
            except REFUSED:
                break
        with pytest.raises(Unreachable) as full:
            service.ensure(OWNER, NAME, PASSWORD)
    assert "no connection left" in full.value.what
    while True:
        try:
            service.ensure(OWNER, NAME, PASSWORD)
            break
        except Unreachable:
            pass


def _hold_one(world: DatabaseWorld) -> Callable[[], Any]:
    if world.component == "postgresql":
        return lambda: psycopg.connect(
            host=HOST, port=world.port, user=NAME, password=PASSWORD, dbname=NAME
        )
    return lambda: pymysql.connect(
        host=HOST, port=world.port, user="homeport", password=world.password
    )


def test_a_server_that_dies_in_between_is_gone_on_with(
    world: DatabaseWorld, service: Databases
) -> None:
    """Killed again and again while deployments are made; in the end each has one of its own."""
    owners = [f"hp-ab12cd34-dies{n:04}" for n in range(6)]
    before = world.objects()
    stop = threading.Event()

    def until_made(owner: str) -> None:
        while True:
            try:
                service.ensure(owner, f"hp_{owner[12:]}", PASSWORD)
                return
            except RetryableError:
                stop.wait(0.05)

    with ThreadPoolExecutor(6) as threads:
        making = [threads.submit(until_made, owner) for owner in owners]
        world.stop()
        world.start()
        for one in making:
            one.result(60)
    assert all(works(world, name=f"hp_{owner[12:]}") for owner in owners)
    for owner in owners:
        service.drop(owner)
    assert world.objects() == before


def test_errors_are_homeports_own(world: DatabaseWorld) -> None:
    if world.component == "postgresql":
        with pytest.raises(HomeportError) as wrong:
            opened_for(world, database="nowhere").check()
        assert "nowhere" in wrong.value.why
