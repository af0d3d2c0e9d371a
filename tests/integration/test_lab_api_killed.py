"""The API of a provider may be killed at any moment: what it made is whole, or is not there."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator

import pytest
import requests

from engine.lab.guest import power
from engine.lab.guest.processes import wait_for_end
from tests.lab_provider import NODE, Provider, provider

pytestmark = pytest.mark.integration
HERE = f"/nodes/{NODE}"
VMID = 9000


@pytest.fixture(scope="module")
def pve() -> Iterator[Provider]:
    with provider() as started:
        yield started


@pytest.mark.parametrize("seed", range(6))
def test_killed_while_a_guest_is_made_and_destroyed(pve: Provider, seed: int) -> None:
    moment = random.Random(seed).uniform(0.0, 0.9)
    killer = threading.Timer(moment, os.kill, (pve.handle.pid, signal.SIGKILL))
    killer.start()
    try:
        place = pve.make(VMID, 10)
        pve.do("POST", f"{place}/status/start")
        pve.do("POST", f"{place}/status/stop")
        pve.do("DELETE", place)
    except (requests.ConnectionError, AssertionError):
        pass  # killed under way
    killer.join()
    wait_for_end(pve.handle.pid, 10)
    pve.start()

    guests = pve.ask("GET", f"{HERE}/qemu")
    volumes = pve.ask("GET", f"{HERE}/storage/local-lvm/content")
    tasks = pve.ask("GET", f"{HERE}/tasks", source="active")
    assert tasks == []
    if not guests:
        assert volumes == []
        assert not pve.guest_directory(VMID).exists()
        return
    (guest,) = guests
    config = pve.ask("GET", f"{HERE}/qemu/{VMID}/config")
    assert "lock" not in config
    assert {config["scsi0"].split(",")[0], config["ide2"].split(",")[0]} == {
        volume["volid"] for volume in volumes
    }
    runs = power.running(pve.guest_directory(VMID)) is not None
    assert runs == (guest["status"] == "running")
    if runs:
        pve.do("POST", f"{HERE}/qemu/{VMID}/status/stop")
    pve.do("DELETE", f"{HERE}/qemu/{VMID}")
    assert pve.ask("GET", f"{HERE}/storage/local-lvm/content") == []
