"""A lab of full Debian guests: deployed, used, rebooted by the hypervisor, off and on with
the lab, destroyed, and nothing of it left on this machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from engine.backends.protocols import Guest
from engine.demo.use import use_application
from engine.errors import HomeportError
from engine.lab.api.launch import ca_path, running_api
from engine.lab.guest import power
from engine.lab.guest.boot import Boot
from engine.lab.nspawn.control_group import group_of
from tests.deployed import Installation, check_nothing_left, check_one_of_each, installation
from tests.lab_fixture import RunningLab
from tests.systemd_guest import full_lab

__all__ = ["full_lab"]

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("systemd-guest")]

NAME = "full"


@pytest.fixture
def here(full_lab: RunningLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("HOMEPORT_HOME", str(full_lab.paths.lab.parent))  # for its worker
    with installation(full_lab) as opened:
        yield opened


def guest_of(here: Installation) -> Guest:
    guest = here.backends().hypervisor.find(here.owner(NAME))
    assert guest is not None
    return guest


def reboot(here: Installation) -> None:
    """As an operator does on the hypervisor's page; returns when the task is over."""
    api = running_api(here.lab.paths.lab / "harbour-a")
    assert api is not None
    headers = {"Authorization": f"PVEAPIToken={api.token_id}={api.token}"}
    node = f"https://{api.address}/api2/json/nodes/harbour-a"
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(ca_path(api.directory))
        asked = session.post(f"{node}/qemu/{guest_of(here).id}/status/reboot", headers=headers)
        task = asked.json()["data"]
        deadline = time.monotonic() + 60
        while True:
            status = session.get(f"{node}/tasks/{task}/status", headers=headers).json()["data"]
            if status["status"] == "stopped":
                break
            assert time.monotonic() < deadline, status
            time.sleep(0.1)
    assert status["exitstatus"] == "OK"


def inside(directory: Path, *argv: str) -> str:
    """What a program prints in the guest; run by its agent."""
    started: Any = power.ask_agent(directory, "exec", {"command": argv}, 10)
    ended: dict[str, Any] = {"exited": 0}
    while not ended["exited"]:
        ended = cast(dict[str, Any], power.ask_agent(directory, "exec-status", started, 10))
        time.sleep(0.05)
    assert ended["exitcode"] == 0, ended
    return str(ended.get("out-data", ""))


def use(here: Installation, seconds: float = 60.0) -> None:
    """As its users do, once it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            assert use_application(here.homeport, NAME)
            return
        except HomeportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def traces(word: str) -> list[str]:
    """What of a guest or a lab with this word in its name is left on this machine."""
    links = subprocess.run(("ip", "-oneline", "link"), capture_output=True, text=True, check=True)
    lines = links.stdout.splitlines() + Path("/proc/self/mounts").read_text().splitlines()
    places = ("/sys/fs/cgroup", "/run/systemd/nspawn", "/run/netns")
    paths = [str(path) for place in places for path in Path(place).rglob(f"*{word}*")]
    return paths + [line for line in lines if word in line]


def test_deployed_used_rebooted_switched_off_and_destroyed(here: Installation) -> None:
    locks = Path("/run/systemd/nspawn/locks")
    lab, locked = here.lab.lab, set(locks.glob("*"))
    deployed = here.deploy("radicale", NAME)
    try:
        assert deployed.status.value == "succeeded", repr(deployed.error)
        check_one_of_each(here, NAME)
        use(here)
        directory = here.guest_root(NAME).parent
        name = group_of(Boot.load(directory).mark)
        assert traces(name)
        found = inside(directory, "getent", "hosts", f"{NAME}.harbour-a.lab").split()[0]
        assert found == guest_of(here).address
        assert inside(directory, "systemctl", "list-units", "--failed", "--no-legend") == ""

        before = power.running(directory)
        reboot(here)
        assert power.running(directory) not in (None, before)
        use(here)
        check_one_of_each(here, NAME)

        lab.down()
        assert traces(name) == traces(lab.record().bridge) == []
        lab.up()
        assert {part.state for part in lab.status()} == {"running"}
        use(here)
    finally:
        destroyed = here.destroy(NAME)
    assert destroyed.status.value == "succeeded", repr(destroyed.error)
    check_nothing_left(here, NAME)
    assert not directory.exists()
    assert traces(name) == []
    assert set(locks.glob("*")) <= locked  # one of an earlier guest with the same inode goes, too
