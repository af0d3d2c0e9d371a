"""State in a database on a server of the provider: kept, put back, and carried between servers
and guests. On a real MariaDB server behind TLS, as the account that a deployment gets there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from engine.backends.databases.mariadb.service import MariaDatabases
from engine.backends.protocols import DatabaseAccess
from engine.errors import RemoteFailure
from engine.methods.mariadb import Database
from engine.methods.place import Place
from engine.state.passage import GuestPassage
from engine.state.programs.mariadb import FRESH
from engine.state.protocols import Ground, Side, Unit
from engine.state.registry import state_kind
from tests.conformance import state_ground
from tests.conformance.database_worlds import DatabaseWorld, MariaWorld, database_world
from tests.conformance.test_databases_conformance import OWNER, opened_for
from tests.conformance.test_state_conformance import installed, mariadb
from tests.conformance.test_state_moves import Grounds, passage_between
from tests.deployed import installation
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.real]

PASSWORD = "canary-mariadb-password"
"""What the ground's application has for its account."""
HERE, THERE = "hp_ships_dep00001_aaaa", "hp_ships_dep00001_bbbb"
KIND = state_kind("mariadb")


def statements(script: str) -> list[str]:
    return script.split(";\n")


MADE = statements(
    """\
CREATE TABLE ships (id int AUTO_INCREMENT PRIMARY KEY, name varchar(80) UNIQUE, load_ float,
  note text) AUTO_INCREMENT = 4711;
INSERT INTO ships (id, name, load_, note) SELECT seq, CONCAT('ship ', seq), seq / 3,
  IF(seq % 2, 'it''s odd: DEFINER=`x`@`y`', NULL) FROM seq_1_to_300;
CREATE TABLE ports (id int PRIMARY KEY, ship int, FOREIGN KEY (ship) REFERENCES ships (id));
INSERT INTO ports VALUES (1, 1), (2, 2);
CREATE TABLE told (n int) WITH SYSTEM VERSIONING;
INSERT INTO told VALUES (1);
UPDATE told SET n = 2;
CREATE SEQUENCE numbers START WITH 100 CACHE 10;
DO NEXTVAL(numbers);
CREATE VIEW heavy AS SELECT id, name FROM ships WHERE load_ > 50;
CREATE FUNCTION twice (n int) RETURNS int DETERMINISTIC RETURN 2 * n;
CREATE PROCEDURE sink (IN one int) DELETE FROM ships WHERE id = one;
CREATE TRIGGER watching BEFORE UPDATE ON ports FOR EACH ROW SET NEW.ship = NEW.ship;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM ports WHERE id > 1000"""
)
CHANGED = statements(
    """\
DELETE FROM ships WHERE id BETWEEN 3 AND 9;
DO SETVAL(numbers, 4000);
DROP FUNCTION twice;
CREATE OR REPLACE VIEW heavy AS SELECT id, name FROM ships WHERE load_ > 60;
CREATE TABLE later (n int);
ALTER TABLE ports ADD COLUMN depth int"""
)
SHOWN = statements(
    """\
SELECT COUNT(*), SUM(CAST(load_ AS DOUBLE)), MD5(GROUP_CONCAT(name, note ORDER BY id)) FROM ships;
SELECT COUNT(*) FROM ports;
SELECT n FROM told FOR SYSTEM_TIME ALL ORDER BY n;
SELECT COUNT(*) FROM heavy;
SELECT next_not_cached_value FROM numbers;
SELECT twice(4);
SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1;
SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE();
SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()"""
)


@pytest.fixture(scope="module")
def world() -> Iterator[DatabaseWorld]:
    with database_world(MariaWorld) as started:
        yield started


@pytest.fixture(scope="module")
def grounds(lab: RunningLab) -> Iterator[Grounds]:
    with installation(lab) as here, state_ground.both_grounds(here, "radicale") as both:
        for ground in both[:2]:
            installed(ground, "mariadb-server", "mariadbd")
        yield both


@dataclass
class Store:
    """The ships at one side: on the server, or on the guest's own."""

    ground: Ground
    unit: Unit
    world: DatabaseWorld | None
    service: MariaDatabases | None = None

    @property
    def side(self) -> Side:
        return Side(self.unit, self.ground)

    def ask(self, *statements: str) -> list[str]:
        name = self.unit.locator
        if self.world is None:
            return [mariadb(self.ground, statement, name) for statement in statements]
        rows = (self.world.login(name, PASSWORD, statement, name) for statement in statements)
        return ["\n".join("\t".join(map(str, row)) for row in found) for found in rows]

    def shown(self) -> list[str]:
        return self.ask(*SHOWN)


@pytest.fixture
def served(grounds: Grounds, world: DatabaseWorld) -> Iterator[tuple[Store, Store]]:
    """The two providers have one server, on which they have two databases."""
    before, stores = world.objects(), []
    sides = (("home", HERE, grounds[0]), ("away", THERE, grounds[1]))
    for provider, name, ground in sides:
        service = opened_for(world, provider)
        assert isinstance(service, MariaDatabases)
        service.ensure(OWNER, name, PASSWORD)
        reached = reaching(ground, service.access(name))
        stores.append(Store(reached, Unit("ships", "mariadb", name), world, service))
    yield stores[0], stores[1]
    for store in stores:
        assert store.service is not None
        assert store.service.find(OWNER) == (store.unit.locator,)  # the mark outlives all of it
        store.service.drop(OWNER)
    assert world.objects() == before


def reaching(ground: Ground, access: DatabaseAccess) -> Ground:
    place: Place = ground.place
    app = replace(place.app, databases={"mariadb": access})
    authorities = f"{place.paths.config}/mariadb-ca.pem"
    place.write(authorities, access.ca_pem.encode())
    return replace(ground, place=replace(place, app=app))


@pytest.fixture
def own(grounds: Grounds) -> Iterator[tuple[Store, Store]]:
    """On the guests' own servers."""
    account = Database.of(grounds[0].place.app.package.id).account
    for ground in grounds[:2]:
        mariadb(ground, f"CREATE DATABASE ships; CREATE USER {account};")
        mariadb(ground, f"GRANT ALL PRIVILEGES ON ships.* TO {account};")
    here, there = (Store(ground, Unit("ships", "mariadb", "ships"), None) for ground in grounds[:2])
    yield here, there
    for ground in grounds[:2]:
        mariadb(ground, f"DROP DATABASE IF EXISTS ships; DROP USER {account};")


DAMAGE = {
    "UPDATE ships SET note = 'even' WHERE id = 2": "UPDATE ships SET note = NULL WHERE id = 2",
    "INSERT INTO ports VALUES (3, 1)": "DELETE FROM ports WHERE id = 3",
    "CREATE VIEW light AS SELECT id FROM ships": "DROP VIEW light",
    "DROP TRIGGER watching": MADE[-2],
    "DO NEXTVAL(numbers)": "DO 0",
}
"""What is found -> what takes it back; the last one stays."""


def carried(grounds: Grounds, source: Store, target: Store) -> None:
    passage: GuestPassage = passage_between(grounds)
    passage.open([])
    try:
        KIND.delta(source.side, target.side, passage)
        found = KIND.compare(source.side, target.side)
        assert (found.level, found.items) == (3, 304)
    finally:
        passage.close()


def test_kept_and_put_back_whatever_became_of_it(served: tuple[Store, Store]) -> None:
    store, other = served
    ground, unit, into = store.ground, store.unit, f"{store.ground.place.paths.data}/kept"
    assert KIND.capture(unit, ground, f"{into}-empty").items == 0
    store.ask(*MADE)
    shown = store.shown()
    captured = KIND.capture(unit, ground, into)
    KIND.verify(unit, ground, into, captured)
    assert not KIND.restore(unit, ground, into, captured)
    # Killed once while it was put back: what it loaded beside lies there.
    store.ask(*CHANGED, f"CREATE DATABASE {unit.locator}{FRESH}")
    assert KIND.restore(unit, ground, into, captured)
    assert store.shown() == shown
    assert not KIND.restore(unit, ground, into, captured)
    store.ask("DROP TABLE ports", "DELETE FROM ships WHERE id = 7")
    ground.place.run("cp", "--", f"{into}/tables.sql", f"{into}.tables")
    ground.place.run("truncate", "-s", "-4000", f"{into}/tables.sql")
    with pytest.raises(RemoteFailure):
        KIND.restore(unit, ground, into, captured)
    assert store.ask("SELECT COUNT(*) FROM ships") == ["299"]
    ground.place.run("mv", "--", f"{into}.tables", f"{into}/tables.sql")
    # Under the name that it has at another provider, too.
    access = other.ground.place.app.databases["mariadb"]
    assert KIND.restore(other.unit, reaching(ground, access), into, captured)
    assert other.shown() == shown
    assert PASSWORD not in store.world.log.read_text(errors="replace") if store.world else False


def test_carried_between_servers_and_guests(
    grounds: Grounds, served: tuple[Store, Store], own: tuple[Store, Store]
) -> None:
    here, there = served
    assert KIND.seed(here.side, own[1].side, passage_between(grounds)).waits
    here.ask(*MADE)
    shown = here.shown()
    carried(grounds, here, there)
    assert there.shown() == shown
    for damage, mended in DAMAGE.items():
        there.ask(damage)
        with pytest.raises(RemoteFailure, match="not what is at the source"):
            KIND.compare(here.side, there.side)
        there.ask(mended)
    # To a guest's own server, where what is defined acts as the application there.
    carried(grounds, here, own[1])
    assert own[1].shown() == shown
    account = Database.of(own[1].ground.place.app.package.id)
    for table in ("VIEWS", "TRIGGERS", "EVENTS", "ROUTINES"):
        where = f"{table.rstrip('S') if table != 'VIEWS' else 'TABLE'}_SCHEMA = 'ships'"
        acting = f"SELECT DISTINCT DEFINER FROM information_schema.{table} WHERE {where}"  # noqa: S608
        assert own[1].ask(acting) == [account.account.replace("`", "")]
    # And from a guest's own to a server, in the place of what is there.
    own[0].ask(*MADE)
    carried(grounds, own[0], there)
    assert there.shown() == own[0].shown()
