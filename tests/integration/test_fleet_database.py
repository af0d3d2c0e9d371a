"""The same engine on PostgreSQL, as a fleet runs it: inventory, journal and recovery."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import Busy, Conflict
from engine.inventory import schema
from engine.inventory.inventory import Inventory
from engine.model.events import LogLine
from engine.operations.fault import KILL_VARIABLE, RECORD
from tests.database_server import postgresql
from tests.integration.toy_operations import ToyInstallation, step, toy_installation

pytestmark = [pytest.mark.integration, pytest.mark.real]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as directory:
        yield f"postgresql://homeport@/postgres?host={directory}"


@pytest.fixture
def toys(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyInstallation]:
    empty(server)
    monkeypatch.setenv("HOMEPORT_DATABASE_URL", server)
    with toy_installation(tmp_path, monkeypatch) as installation:
        yield installation


def empty(server: str) -> None:
    engine = sa.create_engine(sa.make_url(server).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for name in ("public", "dbos"):
            connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()


def test_migrations_make_what_the_tables_say(toys: ToyInstallation) -> None:
    with toys.inventory.database.read() as connection:
        found = sa.inspect(connection)
        for table in schema.metadata.sorted_tables:
            made = {column["name"] for column in found.get_columns(table.name)}
            assert made == {column.name for column in table.columns}
    assert not toys.paths.database.exists()


def test_many_may_open_a_new_database_at_once(server: str, toys: ToyInstallation) -> None:
    empty(server)
    with ThreadPoolExecutor(6) as threads:
        opened = list(threads.map(lambda _: Inventory.open(toys.paths), range(6)))
    assert len({inventory.installation.id() for inventory in opened}) == 1
    for inventory in opened:
        inventory.close()


def test_one_operation_at_a_time_whoever_comes_first(toys: ToyInstallation) -> None:
    plan = toys.begin([step("a")]).plan
    toys.run(toys.inventory.operations.all()[0])
    gate = threading.Barrier(5)

    def attempt(_: int) -> str:
        gate.wait()
        try:
            return toys.inventory.operations.begin(plan).id
        except Busy:
            return "busy"

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(attempt, range(5))).count("busy") == 4


def test_a_name_is_taken_once(toys: ToyInstallation) -> None:
    made = toys.begin([step("a")])
    again = toys.inventory.deployments.get("toytoy01").model_copy(update={"id": "toytoy02"})
    plan = made.plan.model_copy(update={"deployment": "toytoy02"})
    with pytest.raises(Conflict):
        toys.inventory.operations.begin(
            plan, lambda connection: toys.inventory.deployments.add(again, connection)
        )
    assert len(toys.inventory.operations.all()) == 1


def test_leases_and_events_under_concurrency(toys: ToyInstallation) -> None:
    operation = toys.begin([step("a")])
    items = [str(number) for number in range(8)]

    def work(number: int) -> str | None:
        line = LogLine(at=operation.created, text=str(number))
        toys.inventory.events.append(operation.id, [line, line])
        return toys.inventory.leases.claim("pool", f"owner-{number}", items)

    with ThreadPoolExecutor(6) as threads:
        held = list(threads.map(work, range(12)))
    assert sorted(item for item in held if item) == items
    events = toys.inventory.events.after(operation.id, 0)
    assert [event.seq for event in events] == list(range(1, 26))


@pytest.mark.parametrize("moment", ["b:before", "b:after", "b:after-journal", "c:40"])
def test_a_killed_worker_is_followed_by_one_that_ends_the_operation(
    toys: ToyInstallation, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setenv(KILL_VARIABLE, moment)
    operation = toys.begin(
        [
            step("a"),
            step("b", after=("a",), seconds=0.2),
            step("c", after=("a",), seconds=0.2),
            step("d", after=("b", "c")),
        ]
    )
    toys.run(operation)
    assert (toys.paths.state / RECORD).exists()
    assert toys.status(operation) == "succeeded"
    assert Counter(toys.lines("effects")) == Counter("abcd")
