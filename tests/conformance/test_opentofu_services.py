"""Databases on a real PostgreSQL server that are declared to a real OpenTofu, or Terraform, beside
the guest of the same deployment."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.errors import Conflict, PlanChanged
from tests.conformance.database_worlds import (
    REFERENCE,
    PostgresWorld,
    database_world,
)
from tests.conformance.doubles import Journal
from tests.conformance.proxmox_lab import LabWorld, lab_world
from tests.conformance.terraform_world import program
from tests.conformance.test_hypervisor_conformance import OWNER, spec
from tests.conformance.tofu_world import TofuWorld, descendants, infrastructure
from tests.deployed import wait_until

pytestmark = pytest.mark.real

NAME = f"hp_radicale_{OWNER.rpartition('-')[2]}_x1y2"
PASSWORD = "canary-of-the-role"
ROLE, BASE, GRANT = (f"postgresql_{kind}.{NAME}" for kind in ("role", "database", "grant"))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresWorld]:
    program()
    with database_world(PostgresWorld) as started:
        assert isinstance(started, PostgresWorld)
        yield started


@pytest.fixture(scope="module")
def lab() -> Iterator[LabWorld]:
    with lab_world() as opened:
        yield opened


@pytest.fixture
def world(lab: LabWorld, server: PostgresWorld, tmp_path: Path) -> Iterator[TofuWorld]:
    """Leaves the server as it was found."""
    lab.reset()
    before, settings = server.objects(), lab.settings()
    databases = {"kind": "postgresql", "settings": server.settings}
    opened = TofuWorld(
        home=str(tmp_path),
        provider={"name": "home", "zone": "test.lab", "backends": {"databases": databases}},
        hypervisor=settings,
        infrastructure=infrastructure(tmp_path / "mirror").settings,
        secrets={settings["token_ref"]: lab.token, REFERENCE: server.password},
    )
    yield opened
    opened.let_go()
    opened.databases().drop(OWNER)
    assert server.objects() == before


def planned(world: TofuWorld) -> list[tuple[str, str]]:
    told = world.databases().preview(OWNER, "radicale-1", NAME, Journal())
    return [(change.record["action"], change.record["address"]) for change in told]


def test_a_database_and_a_guest_in_one_declaration(
    world: TofuWorld, lab: LabWorld, server: PostgresWorld
) -> None:
    assert planned(world) == [("create", BASE), ("create", GRANT), ("create", ROLE)]
    told = world.databases().preview(OWNER, "radicale-1", NAME, Journal())
    with pytest.raises(PlanChanged, match="create"):
        world.databases().bound_to([], "radicale-1").ensure(OWNER, NAME, PASSWORD)
    bound = world.databases().bound_to([one.record for one in told], "radicale-1", Journal())
    guests = world.open()
    with ThreadPoolExecutor(2) as side_by_side:
        guest_made = side_by_side.submit(guests.ensure, spec(lab), Journal())
        assert side_by_side.submit(bound.ensure, OWNER, NAME, PASSWORD).result()
        guest = guest_made.result()
    assert server.login(NAME, PASSWORD, "SELECT 1", NAME) == [(1,)]
    as_made = server.objects()
    directory = Path(world.open().directory(OWNER))
    assert directory.name.startswith("radicale-1-")
    assert {"guest.tf.json", "database.tf.json"} <= {one.name for one in directory.iterdir()}
    for secret in (lab.token, server.password, PASSWORD):
        files = [one for one in world.root.rglob("*") if one.is_file()]
        assert [one for one in files if secret.encode() in one.read_bytes()] == []

    # A fence, another password and what others changed at the guest are no concern of its; nor is
    # that the guest's part is not here, as on another machine that has the same state.
    world.databases().set_login(OWNER, NAME, allowed=False)
    guests.client.put(f"nodes/{guest.node}/qemu/{guest.id}/config", {"onboot": 0})
    assert planned(world) == []
    (directory / "guest.tf.json").unlink()
    assert not world.databases().ensure(OWNER, NAME, "another")
    assert str(lab.guests()[int(guest.id)]["onboot"]) == "0"
    assert server.login(NAME, "another", "SELECT 1", NAME) == [(1,)]

    shutil.rmtree(directory)  # with the state: all that is known is at the providers
    assert planned(world) == [("import", BASE), ("create", GRANT), ("import", ROLE)]
    world.databases().ensure(OWNER, NAME, PASSWORD)
    assert planned(world) == []
    assert server.objects() == as_made

    world.open().ensure(spec(lab), Journal())
    assert world.databases().drop(OWNER)
    assert world.databases().find(OWNER) == ()
    assert world.open().directory(OWNER)
    assert world.open().destroy(OWNER, Journal())
    assert not world.open().directory(OWNER)


def test_all_of_a_run_killed_at_once(world: TofuWorld, server: PostgresWorld) -> None:
    """A database that was made and never written down is taken over."""
    world.hold("after-create")
    worker = world.start((OWNER, NAME, PASSWORD))
    wait_until(lambda: world.is_held, 60)
    for process in [*descendants(worker.pid), Path(f"/proc/{worker.pid}")]:
        os.kill(int(process.name), signal.SIGKILL)
    worker.wait()
    world.let_go()
    world.databases().ensure(OWNER, NAME, PASSWORD)
    assert server.login(NAME, PASSWORD, "SELECT 1", NAME) == [(1,)]
    assert planned(world) == []


def test_somebody_elses_role_is_never_taken_over(world: TofuWorld, server: PostgresWorld) -> None:
    server.admin(f'CREATE ROLE "{NAME}"')
    try:
        for ask in (
            lambda: world.databases().preview(OWNER, "radicale-1", NAME, Journal()),
            lambda: world.databases().ensure(OWNER, NAME, PASSWORD),
        ):
            with pytest.raises(Conflict):
                ask()
    finally:
        server.admin(f'DROP ROLE "{NAME}"')
