"""The lab's API answers as Proxmox VE 9.2 does (reference: proxmox.md, section 7), row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab_provider import NODE, Provider, provider

HERE = f"/nodes/{NODE}"
VM = {"vmid": "500", "name": "a"}


@pytest.fixture(scope="module")
def pve() -> Iterator[Provider]:
    with provider() as started:
        yield started


@pytest.fixture(scope="module")
def root(pve: Provider) -> dict[str, str]:
    """The administrator's login, with one VM made."""
    headers = pve.administrator()
    data = {"vmid": 400, "name": "there", "pool": "homeport", "memory": 64}
    answer = pve.raw("POST", f"{HERE}/qemu", headers, data=data)
    assert pve.outcome(answer.json()["data"]) == "OK"
    return headers


# --- who asks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "No ticket"),
        ({"Authorization": "PVEAPIToken=homeport@pve!homeport=wrong"}, "Authentication failed!"),
        ({"Authorization": "PVEAPIToken=nobody@pve!nothing=x"}, "Authentication failed!"),
        ({"Cookie": "PVEAuthCookie=PVE:root@pam:old"}, "permission denied - invalid PVE ticket"),
    ],
)
def test_unauthenticated_requests_get_an_empty_401(
    pve: Provider, headers: dict[str, str], reason: str
) -> None:
    answer = pve.raw("GET", "/version", headers)
    assert (answer.status_code, answer.reason, answer.text) == (401, reason, "")


def test_a_wrong_password_is_said_in_json(pve: Provider) -> None:
    answer = pve.raw("POST", "/access/ticket", data={"username": "root@pam", "password": "no"})
    assert (answer.status_code, answer.reason) == (401, "authentication failure")
    assert answer.json()["message"] == "authentication failure\n"


def test_a_login_without_its_csrf_token_may_only_read(pve: Provider, root: dict[str, str]) -> None:
    cookie = {"Cookie": root["Cookie"]}
    assert pve.raw("GET", "/version", cookie).ok
    answer = pve.raw("POST", "/pools", cookie, data={"poolid": "other"})
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.reason == "Permission denied - invalid csrf token"


# --- requests that are not understood ---------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("DELETE", "/version"), ("PATCH", "/version")]
)
def test_unknown_paths_and_methods_are_not_implemented(
    pve: Provider, root: dict[str, str], method: str, path: str
) -> None:
    answer = pve.raw(method, path, root)
    assert answer.status_code == 501
    assert answer.json()["message"] == f"Method '{method} {path}' not implemented\n"


def test_head_and_bodies_of_reading_requests_are_refused(
    pve: Provider, root: dict[str, str]
) -> None:
    assert pve.raw("HEAD", "/version", root).status_code == 501
    answer = pve.raw("GET", "/version", root, data={"a": "b"})
    assert (answer.status_code, answer.reason) == (501, "Unexpected content")
    answer = pve.raw("POST", "/pools", root, data={"comment": "x" * 600_000})
    assert (answer.status_code, answer.reason) == (501, "for data too large")


@pytest.mark.parametrize(
    ("changes", "name", "error"),
    [
        (
            {"bogus": "1"},
            "bogus",
            "property is not defined in schema and the schema does not allow additional properties",
        ),
        (
            {"memory": "lots"},
            "memory",
            "invalid format - format error\n"
            "memory.current: type check ('integer') failed - got 'lots'\n",
        ),
        (
            {"net0": "nonsense"},
            "net0",
            "net0.model: value 'nonsense' does not have a value in the enumeration",
        ),
        (
            {"ipconfig0": "ip=999.1.1.1/8"},
            "ipconfig0",
            "value does not look like a valid ipv4 network configuration\n\n",
        ),
        (
            {"ipconfig0": "gw=10.0.0.1"},
            "ipconfig0",
            "ipconfig0.ip: missing property required by 'ipconfig0.gw'\n",
        ),
        ({"name": "a_b"}, "name", "invalid format - value does not look like a valid DNS name\n"),
        ({"name": "hä"}, "name", "invalid format - value does not look like a valid DNS name\n"),
        ({"tags": "bad tag!"}, "tags", "invalid format - invalid characters in tag\n"),
        ({"description": "x" * 8193}, "description", "value may only be 8192 characters long"),
        ({"onboot": "True"}, "onboot", "type check ('boolean') failed - got 'True'"),
        ({"sshkeys": "ssh-rsa nope"}, "sshkeys", "invalid format - invalid urlencoded string"),
        ({"vmid": None}, "vmid", "property is missing and it is not optional"),
    ],
)
def test_wrong_parameters_are_named(
    pve: Provider, root: dict[str, str], changes: dict[str, Any], name: str, error: str
) -> None:
    answer = pve.raw("POST", f"{HERE}/qemu", root, data=VM | changes)
    assert answer.status_code == 400
    assert error in answer.json()["errors"][name]


@pytest.mark.parametrize(
    ("method", "path", "data", "status", "text"),
    [
        ("GET", "/nodes/other/qemu", {}, 500, "hostname lookup 'other' failed - failed to get"),
        (
            "POST",
            f"{HERE}/qemu/400/clone",
            {"newid": 401, "target": "other"},
            500,
            "no such cluster node 'other'",
        ),
        (
            "POST",
            f"{HERE}/qemu/400/clone",
            {"newid": 401, "pool": "other"},
            403,
            "Permission check failed (pool 'other' does not exist)",
        ),
        (
            "POST",
            f"{HERE}/qemu/400/clone",
            {"newid": 400},
            500,
            "unable to create VM 400: config file already exists",
        ),
        (
            "POST",
            f"{HERE}/qemu",
            {"vmid": 400},
            500,
            f"unable to create VM 400 - VM 400 already exists on node '{NODE}'",
        ),
        (
            "GET",
            f"{HERE}/qemu/999/config",
            {},
            500,
            f"Configuration file 'nodes/{NODE}/qemu-server/999.conf' does not exist",
        ),
        ("GET", f"{HERE}/storage/none/content", {}, 500, "storage 'none' does not exist"),
        (
            "POST",
            "/pools",
            {"poolid": "homeport"},
            500,
            "create pool failed: pool 'homeport' already exists",
        ),
        (
            "PUT",
            f"{HERE}/qemu/400/config",
            {"digest": "0" * 40, "memory": 65},
            500,
            "checksum mismatch (file change by other user?)",
        ),
        (
            "PUT",
            f"{HERE}/qemu/400/config",
            {"sshkeys": "ssh-rsa%20AAAA"},
            500,
            "SSH public key validation error",
        ),
        ("POST", f"{HERE}/qemu/400/agent/ping", {}, 500, "No QEMU guest agent configured"),
    ],
)
def test_what_cannot_be_done_is_said_in_the_words_of_proxmox(
    pve: Provider,
    root: dict[str, str],
    method: str,
    path: str,
    data: dict[str, Any],
    status: int,
    text: str,
) -> None:
    answer = pve.raw(method, path, root, **({"data": data} if data else {}))
    assert answer.status_code == status
    assert answer.json()["message"].startswith(text)
    assert answer.reason.startswith(text)


def test_parameters_with_errors_of_their_own(pve: Provider, root: dict[str, str]) -> None:
    answer = pve.raw("PUT", f"{HERE}/qemu/400/config", root, data={"delete": "nonsense"})
    assert answer.json()["errors"] == {"delete": "unknown option 'nonsense'"}
    answer = pve.raw("GET", f"{HERE}/tasks/garbage/status", root)
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"upid": "unable to parse worker upid"}
    answer = pve.raw("GET", "/cluster/nextid", root, params={"vmid": 400})
    assert answer.json()["errors"] == {"vmid": "VM 400 already exists"}
    assert pve.raw("GET", "/cluster/nextid", root).json()["data"] == "100"


# --- tasks ------------------------------------------------------------------------------


def task(pve: Provider, root: dict[str, str], method: str, path: str, **data: Any) -> str:
    answer = pve.raw(method, path, root, **({"data": data} if data else {}))
    assert answer.status_code == 200, answer.text
    return pve.outcome(answer.json()["data"])


def test_some_conditions_fail_in_the_task(pve: Provider, root: dict[str, str]) -> None:
    stop_missing = task(pve, root, "POST", f"{HERE}/qemu/999/status/stop")
    assert stop_missing == f"unable to find configuration file for VM 999 on node '{NODE}'"
    assert task(pve, root, "POST", f"{HERE}/qemu/400/status/start") == "OK"
    again = task(pve, root, "POST", f"{HERE}/qemu/400/status/start")
    assert again == "VM 400 already running"
    destroy = pve.raw("DELETE", f"{HERE}/qemu/400", root)
    assert (destroy.status_code, destroy.reason) == (500, "VM 400 is running - destroy failed")
    assert task(pve, root, "POST", f"{HERE}/qemu/400/status/stop") == "OK"


def test_task_lists_have_filters_and_a_total(pve: Provider, root: dict[str, str]) -> None:
    task(pve, root, "POST", f"{HERE}/qemu/999/status/stop")
    everything = pve.raw("GET", f"{HERE}/tasks", root).json()
    assert everything["total"] == len(everything["data"]) >= 2
    one = pve.raw("GET", f"{HERE}/tasks", root, params={"limit": 1}).json()
    assert (len(one["data"]), one["total"]) == (1, everything["total"])
    filtered = {"typefilter": "qmcreate", "vmid": 400}
    made = pve.raw("GET", f"{HERE}/tasks", root, params=filtered).json()["data"]
    assert [(row["type"], row["id"], row["status"]) for row in made] == [("qmcreate", "400", "OK")]
    assert pve.raw("GET", f"{HERE}/tasks?source=active", root).json() == {"data": [], "total": 0}
    log = pve.raw("GET", f"{HERE}/tasks/{made[0]['upid']}/log", root).json()
    assert log["data"][-1]["t"] == "TASK OK"
    assert log["total"] == len(log["data"])


# --- rights -----------------------------------------------------------------------------


def test_the_token_reaches_its_pool_and_nothing_else(pve: Provider, root: dict[str, str]) -> None:
    theirs = {"vmid": 410, "name": "theirs"}
    assert task(pve, root, "POST", f"{HERE}/qemu", **theirs) == "OK"
    mine = pve.token()
    seen = {row["vmid"] for row in pve.raw("GET", f"{HERE}/qemu", mine).json()["data"]}
    assert 400 in seen
    assert 410 not in seen
    for method, path in (
        ("POST", f"{HERE}/qemu/410/status/start"),
        ("DELETE", f"{HERE}/qemu/410"),
        ("GET", f"{HERE}/qemu/410/config"),
    ):
        answer = pve.raw(method, path, mine)
        assert answer.status_code == 403
        assert answer.reason.startswith("Permission check failed (/vms/410, ")
    outside = pve.raw("POST", f"{HERE}/qemu", mine, data={"vmid": 411})
    assert outside.status_code == 403
    card = {"vmid": 411, "pool": "homeport", "net0": "virtio,bridge=vmbr7"}
    bridge = pve.raw("POST", f"{HERE}/qemu", mine, data=card)
    assert bridge.reason == "Permission check failed (/sdn/zones/localnetwork/vmbr7, SDN.Use)"


def test_a_token_with_separated_rights_has_only_what_both_have(
    pve: Provider, root: dict[str, str]
) -> None:
    path = "/access/users/homeport@pve/token/narrow"
    made = pve.raw("POST", path, root, data={"privsep": 1}).json()["data"]
    narrow = {"Authorization": f"PVEAPIToken={made['full-tokenid']}={made['value']}"}
    assert pve.raw("GET", "/access/permissions", narrow).json()["data"] == {}
    assert pve.raw("GET", f"{HERE}/qemu/400/config", narrow).status_code == 403
    pve.raw("POST", "/access/roles", root, data={"roleid": "Look", "privs": "VM.Audit,Sys.Modify"})
    rule = {"path": "/vms/400", "roles": "Look", "tokens": made["full-tokenid"]}
    assert pve.raw("PUT", "/access/acl", root, data=rule).ok
    assert pve.raw("GET", f"{HERE}/qemu/400/config", narrow).ok
    held = pve.raw("GET", "/access/permissions", narrow, params={"path": "/vms/400"}).json()
    assert held["data"] == {"/vms/400": {"VM.Audit": 1}}
    assert pve.raw("DELETE", path, root).ok
    assert pve.raw("GET", "/version", narrow).status_code == 401


# --- state ------------------------------------------------------------------------------


def test_a_new_vm_is_listed_before_its_figures_are_known(
    pve: Provider, root: dict[str, str]
) -> None:
    assert task(pve, root, "POST", f"{HERE}/qemu", vmid=420, name="new", tags="b;a") == "OK"
    rows = pve.raw("GET", "/cluster/resources", root, params={"type": "vm"}).json()["data"]
    row = next(row for row in rows if row["vmid"] == 420)
    assert row["status"] == "unknown"
    assert "name" not in row
    config = pve.raw("GET", f"{HERE}/qemu/420/config", root).json()["data"]
    assert config["name"] == "new"
    assert config["meta"].startswith("creation-qemu=")


def test_an_imported_disk_has_the_size_of_its_image_and_grows_only(pve: Provider) -> None:
    before = pve.ask("GET", f"{HERE}/storage/local-lvm/status")["avail"]
    place = pve.make(9100, 100)
    assert "size=3G" in pve.ask("GET", f"{place}/config")["scsi0"]
    pve.do("PUT", f"{place}/resize", disk="scsi0", size="8G")
    assert "size=8G" in pve.ask("GET", f"{place}/config")["scsi0"]
    smaller = pve.ask("PUT", f"{place}/resize", disk="scsi0", size="4G")
    assert pve.outcome(smaller) == "shrinking disks is not supported"
    taken = before - pve.ask("GET", f"{HERE}/storage/local-lvm/status")["avail"]
    assert taken == 8 * 1024**3 + 4 * 1024**2
    pve.do("DELETE", place)
    assert pve.ask("GET", f"{HERE}/storage/local-lvm/status")["avail"] == before


def test_a_disk_too_large_for_the_storage_leaves_nothing_behind(pve: Provider) -> None:
    before = pve.ask("GET", f"{HERE}/storage/local-lvm/content")
    data = {"vmid": 9101, "pool": "homeport", "scsi0": "local-lvm:9000"}
    upid = pve.ask("POST", f"{HERE}/qemu", **data)
    assert "No space left on device" in pve.outcome(upid)
    assert pve.ask("GET", f"{HERE}/storage/local-lvm/content") == before
    assert pve.ask("GET", "/cluster/nextid", vmid=9101) == "9101"


def test_clones_of_a_template(pve: Provider, root: dict[str, str]) -> None:
    template = pve.make(9110, 110)
    assert task(pve, root, "POST", f"{template}/template") == "OK"
    pve.do("POST", f"{template}/clone", newid=9111, name="linked", pool="homeport")
    pve.do("POST", f"{template}/clone", newid=9112, name="whole", pool="homeport", full=1)
    linked, whole = (pve.ask("GET", f"{HERE}/qemu/{vmid}/config") for vmid in (9111, 9112))
    assert linked["scsi0"].startswith("local-lvm:vm-9111-disk-0")
    assert linked["ide2"].startswith("local-lvm:vm-9111-cloudinit")
    assert linked["net0"] != whole["net0"]
    assert linked["smbios1"] != whole["smbios1"]
    in_use = pve.outcome(pve.ask("DELETE", template))
    assert "is still in use by linked cloned" in in_use
    for vmid in (9111, 9112, 9110):
        pve.do("DELETE", f"{HERE}/qemu/{vmid}")
    volumes = pve.ask("GET", f"{HERE}/storage/local-lvm/content")
    assert [row for row in volumes if row.get("vmid") in (9110, 9111, 9112)] == []
