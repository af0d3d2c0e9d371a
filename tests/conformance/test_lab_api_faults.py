"""A provider's faults can be switched on and off, and do what they say."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from engine.lab.api.faults import clear_faults, set_fault
from tests.lab_provider import NODE, Provider, provider

HERE = f"/nodes/{NODE}"


@pytest.fixture(scope="module")
def shared() -> Iterator[Provider]:
    with provider() as started:
        yield started


@pytest.fixture
def pve(shared: Provider) -> Iterator[Provider]:
    yield shared
    clear_faults(shared.directory)
    for row in shared.ask("GET", f"{HERE}/qemu"):
        shared.do("DELETE", f"{HERE}/qemu/{row['vmid']}")


def test_offline_cuts_every_connection(pve: Provider) -> None:
    set_fault(pve.directory, "offline", True)
    with pytest.raises(requests.ConnectionError):
        pve.ask("GET", "/version")
    set_fault(pve.directory, "offline", False)
    assert pve.ask("GET", "/version")


def test_slow_delays_every_answer(pve: Provider) -> None:
    set_fault(pve.directory, "slow", 0.3)
    before = time.monotonic()
    pve.ask("GET", "/version")
    assert time.monotonic() - before >= 0.3


def test_a_gateway_error_is_used_up(pve: Provider) -> None:
    set_fault(pve.directory, "gateway", 2)
    statuses = [pve.raw("GET", "/version", pve.token()).status_code for _ in range(3)]
    assert statuses == [596, 596, 200]


def test_no_token_is_accepted(pve: Provider) -> None:
    set_fault(pve.directory, "unauthorised", True)
    assert pve.raw("GET", "/version", pve.token()).status_code == 401
    assert pve.raw("GET", "/version", pve.administrator()).ok


def test_a_revoked_right_is_missed_and_shown_as_missing(pve: Provider) -> None:
    set_fault(pve.directory, "revoked", ["VM.Allocate"])
    answer = pve.raw("POST", f"{HERE}/qemu", pve.token(), data={"vmid": 9000, "pool": "homeport"})
    assert answer.status_code == 403
    held = pve.ask("GET", "/access/permissions", path="/pool/homeport")["/pool/homeport"]
    assert "VM.Allocate" not in held
    assert "VM.Audit" in held


def test_a_lock_comes_and_goes(pve: Provider) -> None:
    place = pve.make(9000, 10)
    set_fault(pve.directory, "locked", {"*": "backup"})
    assert pve.ask("GET", f"{place}/config")["lock"] == "backup"
    refused = pve.outcome(pve.ask("POST", f"{place}/status/start"))
    assert refused == "VM is locked (backup)"
    set_fault(pve.directory, "locked", None)
    assert "lock" not in pve.ask("GET", f"{place}/config")


def test_no_space_is_left(pve: Provider) -> None:
    set_fault(pve.directory, "no_space", ["local-lvm"])
    assert pve.ask("GET", f"{HERE}/storage/local-lvm/status")["avail"] == 0
    data = {"vmid": 9000, "pool": "homeport", "scsi0": "local-lvm:1"}
    assert "No space left on device" in pve.outcome(pve.ask("POST", f"{HERE}/qemu", **data))


def test_ids_are_taken_by_somebody_who_is_not_seen(pve: Provider) -> None:
    set_fault(pve.directory, "taken", [9000])
    probe = pve.raw("GET", "/cluster/nextid", pve.token(), params={"vmid": 9000})
    assert probe.json()["errors"] == {"vmid": "VM 9000 already exists"}
    assert pve.ask("GET", f"{HERE}/qemu") == []
    set_fault(pve.directory, "taken", None)
    assert pve.ask("GET", "/cluster/nextid", vmid=9000) == "9000"


def test_an_id_is_lost_between_asking_and_taking(pve: Provider) -> None:
    set_fault(pve.directory, "stolen", 1)
    assert pve.ask("GET", "/cluster/nextid", vmid=9000) == "9000"
    data = {"vmid": 9000, "pool": "homeport"}
    lost = pve.raw("POST", f"{HERE}/qemu", pve.token(), data=data)
    assert (lost.status_code, lost.reason) == (
        500,
        f"unable to create VM 9000 - VM 9000 already exists on node '{NODE}'",
    )
    pve.do("POST", f"{HERE}/qemu", vmid=9001, pool="homeport")


def test_a_task_fails_as_often_as_asked(pve: Provider) -> None:
    place = pve.make(9000, 10)
    set_fault(pve.directory, "fail_task", {"resize": {"text": "lvextend failed", "times": 1}})
    upid = pve.ask("PUT", f"{place}/resize", disk="scsi0", size="4G")
    assert pve.outcome(upid) == "lvextend failed"
    log = pve.ask("GET", f"{HERE}/tasks/{upid}/log")
    assert log[-1]["t"] == "TASK ERROR: lvextend failed"
    pve.do("PUT", f"{place}/resize", disk="scsi0", size="4G")


def test_a_failed_create_leaves_nothing(pve: Provider) -> None:
    set_fault(pve.directory, "fail_task", {"qmcreate": "start failed: org.freedesktop.DBus"})
    upid = pve.ask("POST", f"{HERE}/qemu", vmid=9000, pool="homeport", scsi0="local-lvm:1")
    assert "DBus" in pve.outcome(upid)
    assert pve.ask("GET", f"{HERE}/qemu") == []
    assert pve.ask("GET", "/cluster/nextid", vmid=9000) == "9000"


def test_an_answer_is_lost_though_the_work_is_done(pve: Provider) -> None:
    set_fault(pve.directory, "lost_answers", 1)
    with pytest.raises(requests.ConnectionError):
        pve.ask("POST", f"{HERE}/qemu", vmid=9000, pool="homeport", name="made")
    (row,) = pve.ask(
        "GET", f"{HERE}/tasks", source="all", typefilter="qmcreate", vmid=9000, limit=1
    )
    assert pve.outcome(row["upid"]) == "OK"
    assert pve.ask("GET", f"{HERE}/qemu/9000/config")["name"] == "made"
