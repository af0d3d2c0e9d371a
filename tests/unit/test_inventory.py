"""What the inventory keeps, and that it keeps it under concurrency and across releases."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import Busy, Conflict, InvalidInput, NotFound, Unsafe
from engine.inventory import schema
from engine.inventory.database import Database, database_url, open_database, open_journal_engine
from engine.inventory.inventory import Inventory
from engine.inventory.leases import Leases
from engine.inventory.migrations import MIGRATIONS, migrate
from engine.model.deployment import (
    Deployment,
    DeploymentStatus,
    Health,
    HealthReport,
    Resource,
    ResourceKind,
)
from engine.model.events import LogLine
from engine.model.move import MovePhase
from engine.model.plan import Intent, Operation, OperationStatus, Plan
from engine.paths import Paths

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.from_environment({"HOMEPORT_HOME": str(tmp_path)})


@pytest.fixture
def inventory(paths: Paths) -> Iterator[Inventory]:
    opened = Inventory.open(paths)
    yield opened
    opened.close()


def deployment(identity: str = "abcd1234", name: str = "cal", **changes: object) -> Deployment:
    fields: dict[str, object] = {
        "id": identity,
        "name": name,
        "application": "radicale",
        "release": "3.9.0",
        "provider": "home",
        "domain": f"{name}.home.example",
        "created": NOW,
        "changed": NOW,
    }
    return Deployment.model_validate(fields | changes)


def begin(inventory: Inventory, made: Deployment) -> Operation:
    plan = Plan(
        intent=Intent.DEPLOY,
        deployment=made.id,
        **made.model_dump(include={"name", "application", "release", "provider", "domain"}),
    )
    return inventory.operations.begin(
        plan, lambda connection: inventory.deployments.add(made, connection)
    )


# the database


def test_migrations_make_what_the_tables_say(inventory: Inventory) -> None:
    with inventory.database.read() as connection:
        found = sa.inspect(connection)
        for table in schema.metadata.sorted_tables:
            made = {c["name"]: c["nullable"] for c in found.get_columns(table.name)}
            assert set(made) == {column.name for column in table.columns}
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]


def test_migrations_go_on_from_where_they_stopped(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    database = open_database(url)
    assert migrate(database) == len(MIGRATIONS)
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO drafts VALUES ('k', '{}', 'now')"))
    further = (*MIGRATIONS, ("ALTER TABLE drafts ADD COLUMN owner TEXT",))
    assert migrate(database, further) == len(further)
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT key, owner FROM drafts")).one() == ("k", None)
    database.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/x.db")
    migrate(database)
    half = (*MIGRATIONS, ("CREATE TABLE half (x TEXT)", "THIS IS NOT SQL"))
    with pytest.raises(Exception, match="syntax"):
        migrate(database, half)
    with database.read() as connection:
        assert not sa.inspect(connection).has_table("half")
    assert migrate(database) == len(MIGRATIONS)
    database.close()


def test_a_database_of_a_newer_program_is_refused(paths: Paths, inventory: Inventory) -> None:
    with inventory.database.write() as connection:
        connection.execute(sa.text("INSERT INTO homeport_migrations VALUES (999, 'later')"))
    with pytest.raises(Unsafe) as refused:
        Inventory.open(paths)
    assert "Update Homeport" in refused.value.do


def test_many_may_open_a_new_database_at_once(paths: Paths) -> None:
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: Inventory.open(paths), range(8)))
    assert len({inventory.installation.id() for inventory in opened}) == 1
    for inventory in opened:
        inventory.close()


def test_only_the_owner_can_read_the_database(paths: Paths, inventory: Inventory) -> None:
    inventory.audit.record("something")
    for path in paths.state.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    paths.database.chmod(0o644)
    Inventory.open(paths).close()
    assert stat.S_IMODE(paths.database.stat().st_mode) == 0o600


def test_a_process_that_leaves_does_not_take_the_log_from_those_that_stay(
    paths: Paths, inventory: Inventory
) -> None:
    """Closing any descriptor of the file drops a process's locks on it, and SQLite would
    think that nobody is there any more."""
    inventory.drafts.save("k", {"seen": 0})
    journal = open_journal_engine(database_url(paths, {}))
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from engine.inventory.inventory import Inventory\n"
        "from engine.paths import Paths\n"
        "inventory = Inventory.open(Paths.from_environment({'HOMEPORT_HOME': sys.argv[1]}))\n"
        "inventory.drafts.save('k', {'seen': int(sys.argv[2])})\n"
        "inventory.close()\n"
    )
    home = str(paths.state.parent)
    for number in (1, 2):
        subprocess.run([sys.executable, "-c", code, home, str(number)], check=True, timeout=60)
        assert inventory.drafts.get("k") == {"seen": number}
    journal.dispose()


def test_a_password_in_the_address_is_refused(paths: Paths) -> None:
    url = "postgresql://homeport:hunter2@db.example.org/homeport"
    with pytest.raises(InvalidInput) as refused:
        database_url(paths, {"HOMEPORT_DATABASE_URL": url})
    assert "hunter2" not in str(refused.value.describe())
    plain = database_url(paths, {"HOMEPORT_DATABASE_URL": "postgresql://db.example.org/homeport"})
    assert plain == "postgresql+psycopg://db.example.org/homeport"


def test_readers_see_one_moment_while_others_write(inventory: Inventory) -> None:
    inventory.drafts.save("k", {"n": 0})
    count = sa.select(sa.func.count()).select_from(schema.drafts)
    with inventory.database.read() as connection:
        before = connection.execute(count).scalar()
        inventory.drafts.save("other", {})
        assert connection.execute(count).scalar() == before
    with inventory.database.read() as connection:
        assert connection.execute(count).scalar() == 2


# deployments and resources


def test_names_are_free_again_when_a_deployment_is_destroyed(inventory: Inventory) -> None:
    first = begin(inventory, deployment())
    with pytest.raises(Conflict):
        begin(inventory, deployment("zzzz9999"))
    inventory.operations.end(first.id, OperationStatus.SUCCEEDED)
    inventory.deployments.change("abcd1234", status=DeploymentStatus.DESTROYED)
    begin(inventory, deployment("zzzz9999"))
    assert inventory.deployments.get("cal").id == "zzzz9999"
    assert inventory.deployments.get("abcd1234").status is DeploymentStatus.DESTROYED
    assert [d.id for d in inventory.deployments.all()] == ["zzzz9999"]
    assert len(inventory.deployments.all(destroyed=True)) == inventory.deployments.count() == 2


def test_a_refused_deployment_leaves_no_operation(inventory: Inventory) -> None:
    begin(inventory, deployment())
    with pytest.raises(Conflict):
        begin(inventory, deployment("zzzz9999"))
    assert len(inventory.operations.all()) == 1


def test_unknown_names_are_explained(inventory: Inventory) -> None:
    begin(inventory, deployment())
    with pytest.raises(NotFound, match="cal"):
        inventory.deployments.get("nope")
    with pytest.raises(NotFound):
        inventory.operations.get("")
    with pytest.raises(NotFound):
        inventory.providers.get("nope")


def test_resources_are_remembered_once(inventory: Inventory) -> None:
    begin(inventory, deployment())
    for host_keys in ([], ["ssh-ed25519 AAAA"]):
        inventory.resources.remember(
            Resource(
                deployment="abcd1234",
                provider="home",
                kind=ResourceKind.GUEST,
                key="main",
                external_id="9000",
                attributes={"host_keys": host_keys},
                created=NOW,
            )
        )
    (guest,) = inventory.resources.of("abcd1234")
    assert guest.attributes == {"host_keys": ["ssh-ed25519 AAAA"]}
    inventory.resources.forget("abcd1234", "home", ResourceKind.GUEST, "main")
    assert inventory.resources.get("abcd1234", "home", ResourceKind.GUEST, "main") is None


def test_a_deployment_that_moves_has_the_same_resource_at_two_providers(
    inventory: Inventory,
) -> None:
    begin(inventory, deployment())
    for provider, address in (("home", "192.0.2.7/24"), ("away", "198.51.100.7/24")):
        inventory.resources.remember(
            Resource(
                deployment="abcd1234",
                provider=provider,
                kind=ResourceKind.ADDRESS,
                key="main",
                external_id=address,
                created=NOW,
            )
        )
    assert inventory.resources.addresses() == {"abcd1234": "192.0.2.7/24"}
    inventory.deployments.change("abcd1234", status=DeploymentStatus.RUNNING, provider="away")
    assert inventory.resources.addresses() == {"abcd1234": "198.51.100.7/24"}
    inventory.resources.forget("abcd1234", "away", ResourceKind.ADDRESS, "main")
    (left,) = inventory.resources.of("abcd1234")
    assert left.provider == "home"


def test_resources_of_an_older_inventory_are_carried(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/old.db")
    migrate(database, MIGRATIONS[:2])
    with database.write() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO deployments VALUES ('abcd1234', 'cal', 'radicale', '3.9.0', 'home', "
                "'cal.home.example', '{}', 'running', 'now', 'now', 'cal', 'cal.home.example')"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO resources (deployment, kind, key, provider, external_id, attributes,"
                " created) VALUES ('abcd1234', 'record', 'cal.home.example A', 'home',"
                " 'cal.home.example', '{}', '2026-01-01T00:00:00Z')"
            )
        )
    migrate(database)
    inventory = Inventory(database)
    (kept,) = inventory.resources.of("abcd1234")
    assert (kept.provider, kept.key) == ("home", "cal.home.example A")
    assert inventory.resources.names_at("abcd1234") == "home"
    assert inventory.moves.of("abcd1234") is None
    inventory.close()


def test_a_move_is_frozen_and_served_once_and_begins_anew_with_another_operation(
    inventory: Inventory,
) -> None:
    begin(inventory, deployment())
    moves = inventory.moves
    first = moves.begin("abcd1234", "home", "away", "op-1")
    assert (first.phase, first.writer, first.is_fenced) == (MovePhase.MOVING, "home", False)
    moves.frozen("abcd1234")
    frozen = moves.begin("abcd1234", "home", "away", "op-1").frozen
    assert frozen is not None
    moves.frozen("abcd1234")
    moves.change("abcd1234", writer="away")
    moves.served("abcd1234", datetime.now(UTC))
    move = moves.of("abcd1234")
    assert move is not None
    assert move.frozen == frozen
    assert move.is_fenced
    assert move.downtime_seconds is not None
    again = moves.begin("abcd1234", "home", "elsewhere", "op-2")
    assert (again.writer, again.frozen) == ("home", None)


def test_last_health_is_kept(inventory: Inventory) -> None:
    begin(inventory, deployment())
    for health in (Health.HEALTHY, Health.UNREACHABLE):
        report = HealthReport(health=health, at=NOW, detail="x")
        inventory.deployments.remember_health("abcd1234", report)
    assert inventory.deployments.health()["abcd1234"].health is Health.UNREACHABLE


# operations and events


def test_one_operation_at_a_time_whoever_comes_first(paths: Paths, inventory: Inventory) -> None:
    done = begin(inventory, deployment())
    inventory.operations.end(done.id, OperationStatus.SUCCEEDED)
    others = [Inventory.open(paths) for _ in range(6)]
    gate = threading.Barrier(len(others))

    def attempt(other: Inventory) -> str:
        gate.wait()
        try:
            return other.operations.begin(done.plan).id
        except Busy:
            return "busy"

    with ThreadPoolExecutor(len(others)) as threads:
        outcomes = list(threads.map(attempt, others))
    assert outcomes.count("busy") == len(others) - 1
    for other in others:
        other.close()


def test_an_end_is_final(inventory: Inventory) -> None:
    operation = begin(inventory, deployment())
    inventory.operations.end(operation.id, OperationStatus.FAILED, {"what": "it broke"})
    inventory.operations.end(operation.id, OperationStatus.SUCCEEDED)
    assert not inventory.operations.ask_to_stop(operation.id)
    inventory.operations.started(operation.id)
    found = inventory.operations.get(operation.id)
    assert (found.status, found.error) == (OperationStatus.FAILED, {"what": "it broke"})


def test_only_the_newest_operation_can_go_on(inventory: Inventory) -> None:
    old = begin(inventory, deployment())
    inventory.operations.end(old.id, OperationStatus.FAILED)
    new = inventory.operations.begin(old.plan)
    with pytest.raises(Busy):
        inventory.operations.begin_again(old)
    inventory.operations.end(new.id, OperationStatus.FAILED)
    with pytest.raises(Conflict):
        inventory.operations.begin_again(inventory.operations.get(old.id))
    again = inventory.operations.begin_again(inventory.operations.get(new.id))
    assert (again.attempt, again.status) == (2, OperationStatus.WAITING)


def test_operations_are_found_by_the_beginning_of_their_id(inventory: Inventory) -> None:
    operation = begin(inventory, deployment())
    assert inventory.operations.get(operation.id[:5]) == inventory.operations.get(operation.id)
    with pytest.raises(NotFound):
        inventory.operations.get("%")


def test_events_are_numbered_without_gaps_by_many_writers(inventory: Inventory) -> None:
    operation = begin(inventory, deployment())

    def write(writer: int) -> None:
        for number in range(20):
            line = LogLine(at=NOW, step=str(writer), text=str(number))
            inventory.events.append(operation.id, [line, line])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    events = inventory.events.after(operation.id, 0)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(events) == 1 + 4 * 20 * 2
    assert inventory.events.after(operation.id, 150)[0].seq == 151


# leases


def test_a_lease_has_one_holder(paths: Paths, inventory: Inventory) -> None:
    others = [Inventory.open(paths) for _ in range(4)]
    items = [f"10.0.0.{n}" for n in range(12)]

    def claim(number: int) -> str | None:
        return others[number % 4].leases.claim("pool", f"owner-{number}", items)

    with ThreadPoolExecutor(8) as threads:
        held = list(threads.map(claim, range(20)))
    given = [item for item in held if item]
    assert sorted(given) == sorted(items)
    assert held.count(None) == 8
    for other in others:
        other.close()


def test_leases_are_the_same_when_asked_again_and_free_when_released(
    inventory: Inventory,
) -> None:
    leases: Leases = inventory.leases
    assert leases.claim("pool", "one", ["a", "b"]) == "a"
    assert leases.claim("pool", "one", ["b"]) == "a"
    assert leases.claim("other", "one", ["a"]) == "a"
    leases.reject("pool", "one", "a")
    assert leases.find("pool", "one") is None
    assert leases.claim("pool", "one", ["a", "b"]) == "b"
    assert leases.release("pool", "one")
    assert not leases.release("pool", "one")
    assert leases.claim("pool", "two", ["a", "b"]) == "b"


def test_durations_are_the_median_of_the_last_runs(inventory: Inventory) -> None:
    for seconds in [1000.0, *[float(n) for n in range(1, 21)]]:
        inventory.durations.record("app.install@1", "radicale", seconds)
    assert inventory.durations.expected("radicale") == {"app.install@1": 10.5}
    assert inventory.durations.expected("isso") == {}


def test_audit_only_grows(inventory: Inventory) -> None:
    for what in ("first", "second"):
        inventory.audit.record(what, "detail")
    assert [entry["what"] for entry in inventory.audit.entries()] == ["second", "first"]


def test_loss_of_the_database_is_explained(tmp_path: Path) -> None:
    database: Database = open_database(f"sqlite:///{tmp_path}/x.db")
    with (
        pytest.raises(Exception, match="does not answer") as lost,
        database.read() as connection,
    ):
        connection.execute(sa.text("SELECT * FROM nowhere"))
    assert "disk" in lost.value.do  # type: ignore[attr-defined]
    database.close()
