"""An application with a RabbitMQ of its own: moved with what waits in it, its password changed,
backed up and restored."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator

import pytest

from tests.deployed import Installation, check_nothing_left
from tests.integration.test_database_server import succeeded
from tests.lab_fixture import RunningLab
from tests.ledger import Ledger
from tests.scripted_package import with_packages

pytestmark = [pytest.mark.integration, pytest.mark.real]

TARGET, NAME = "harbour-b", "parcels"
WAITING = 40


@pytest.fixture(scope="module")
def here(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if shutil.which("rabbitmqctl", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("this machine has no RabbitMQ")
    with with_packages(lab, tmp_path_factory.mktemp("catalog"), "courier") as opened:
        yield opened


class Courier:
    """Parcels are numbers; a delivered one is in the register."""

    def __init__(self, here: Installation) -> None:
        self._endpoint = here.homeport.endpoint(NAME)

    def write(self, number: int) -> bool:
        return self._endpoint.request("PUT", f"/{number}", timeout=10).status == 200

    def hold(self) -> None:
        assert self._endpoint.request("PUT", "/held").status == 200

    def go_on(self) -> None:
        assert self._endpoint.request("DELETE", "/held").status == 200

    def waiting(self) -> int:
        return int(self._endpoint.request("GET", "/waiting").body.split()[1])

    def entries(self) -> list[int]:
        """Delivered, in this order."""
        found: list[int] = json.loads(self._endpoint.request("GET", "/delivered").body)
        return found

    def delivered(self, number: int) -> list[int]:
        deadline = time.monotonic() + 60
        while len(found := self.entries()) < number and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


@pytest.mark.usefixtures("repository")
def test_moved_with_what_waits_and_worked_off_once_and_in_order(here: Installation) -> None:
    homeport = here.homeport
    try:
        succeeded(here.deploy("courier", NAME, {}))
        courier = Courier(here)
        courier.hold()
        early = list(range(1_000_000, 1_000_000 + WAITING))
        assert all(courier.write(number) for number in early)
        assert courier.waiting() == WAITING

        ledger = Ledger(courier)
        with ledger.writing():
            moved = succeeded(here.carry_out(homeport.plan_migrate(NAME, TARGET)))
        finished = homeport._inventory.finished_steps.of(moved.id)
        proofs = finished["source.fence"].output["proofs"]
        assert any("account at rabbitmq-server.service may not" in proof for proof in proofs)
        watched = finished["backlog.watch"].output["backlog"]["parcels"]
        assert watched["usual"]
        assert watched["before"] >= WAITING
        # What waited and what came meanwhile: each once, in its order.
        delivered = courier.delivered(WAITING + len(ledger.acknowledged))
        assert delivered[:WAITING] == early
        assert [n for n in delivered if n in ledger.acknowledged] == sorted(ledger.acknowledged)
        assert len(set(delivered)) == len(delivered)
        succeeded(here.carry_out(homeport.plan_confirm(NAME)))

        courier.hold()
        assert courier.write(1)
        succeeded(here.carry_out(homeport.plan_backup(NAME)))
        [backup] = homeport.repositories.backups(NAME)
        old = password(here)
        succeeded(here.carry_out(homeport.plan_rotate(NAME)))
        assert password(here) != old
        courier.hold()
        assert courier.write(2)
        succeeded(here.carry_out(homeport.plan_restore(NAME, backup.id)))
        assert courier.delivered(len(delivered) + 1) == [*delivered, 1]
    finally:
        succeeded(here.destroy(NAME))
    check_nothing_left(here, NAME, TARGET)


def password(here: Installation) -> str:
    found = here.homeport.deployment(NAME).deployment
    store = here.backends(TARGET).secrets
    return store.get(f"deployments/{found.id}/rabbitmq-password")
