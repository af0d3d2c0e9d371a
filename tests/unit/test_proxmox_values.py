"""What is asked of Proxmox VE, and how its answers are read: values in, values out."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.hypervisor.creation import (
    boot_disk,
    check_spec,
    clone_parameters,
    configured_address,
    create_parameters,
    growth,
    has_cloud_init,
)
from engine.backends.hypervisor.mark import Mark, is_copy, notes, read_mark, read_tags
from engine.backends.hypervisor.refusals import Refusal, explain, explain_text
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.hypervisor.wire import encode
from engine.backends.protocols import GuestSpec
from engine.errors import (
    Conflict,
    Denied,
    HomeportError,
    InvalidInput,
    Locked,
    NoCapacity,
    NotFound,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
    Unsafe,
)
from tests.conformance.doubles import Journal

TOKEN_ID = "homeport@pve!homeport"
SETTINGS = ProxmoxSettings(
    hosts=("192.0.2.1", "[2001:db8::1]:443"),
    token_id=TOKEN_ID,
    token_ref="secret:providers/home/token",
    storage="local-lvm",
    image="local:import/debian-12.qcow2",
    pool="homeport",
)
KEYS = ("ssh-ed25519 AAAAC3Nza+C1/ZDI1 one@x", "ecdsa-sha2-nistp256 AAAAE2Vj==")


def spec(**changes: Any) -> GuestSpec:
    values: dict[str, Any] = {
        "owner": "hp-ab12cd34-ef56gh78",
        "name": "radicale-1",
        "cores": 2,
        "memory_mib": 1024,
        "disk_gib": 8,
        "address": "192.168.1.200/24",
        "gateway": "192.168.1.1",
        "nameservers": ("192.168.1.1", "2001:db8::53"),
        "search_domain": "example.org",
        "user": "root",
        "ssh_public_keys": KEYS,
    }
    return GuestSpec(**{**values, **changes})


# --- parameters -------------------------------------------------------------------------


def test_a_guest_is_created_from_the_cloud_image() -> None:
    check_spec(spec())
    made = create_parameters(spec(), SETTINGS, 9000, SETTINGS.image)
    assert made["scsi0"] == "local-lvm:0,import-from=local:import/debian-12.qcow2,discard=on"
    assert made["ide2"] == "local-lvm:cloudinit"
    assert made["ipconfig0"] == "ip=192.168.1.200/24,gw=192.168.1.1"
    assert made["nameserver"] == "192.168.1.1 2001:db8::53"
    assert made["ciupgrade"] is False
    assert "cipassword" not in made
    mark = read_mark(made, 9000)
    assert mark == Mark("hp-ab12cd34-ef56gh78", 9000)


def test_ssh_keys_are_escaped_whole_as_pve_wants_them() -> None:
    text = str(create_parameters(spec(), SETTINGS, 9000, SETTINGS.image)["sshkeys"])
    assert not set(text) & set(" +/=@\n")
    assert unquote(text) == "\n".join(KEYS)


def test_an_ipv6_guest_gets_the_names_of_ipv6() -> None:
    six = spec(address="2001:db8::5/64", gateway="2001:db8::1")
    check_spec(six)
    made = create_parameters(six, SETTINGS, 9000, SETTINGS.image)
    assert made["ipconfig0"] == "ip6=2001:db8::5/64,gw6=2001:db8::1"
    assert configured_address(made) == "2001:db8::5"


def test_a_clone_bears_an_unfinished_mark_until_it_has_its_settings() -> None:
    made = clone_parameters(spec(), SETTINGS, 9001)
    mark = read_mark(made, 9001)
    assert mark is not None
    assert not mark.finished
    assert made["full"] is True


@given(st.text(max_size=40))
def test_no_name_breaks_out_of_its_parameter(text: str) -> None:
    for field in ("name", "owner", "user", "search_domain", "gateway"):
        try:
            wanted = spec(**{field: text})
            check_spec(wanted)
        except InvalidInput:
            continue
        made = create_parameters(wanted, SETTINGS, 9000, SETTINGS.image)
        assert str(made["ipconfig0"]).count(",") <= 1
        assert set(str(made["name"])) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert "\n" not in f"{made['name']}{made['tags']}{made['ciuser']}{made['searchdomain']}"


@pytest.mark.parametrize(
    ("drive", "wanted", "asked"),
    [
        ("local-lvm:vm-9000-disk-0,discard=on,size=3G", 8, "8G"),
        ("local-lvm:vm-9000-disk-0,size=8G", 8, None),
        ("local-lvm:vm-9000-disk-0,size=2T", 8, None),
        ("local-lvm:vm-9000-disk-0,size=2252M", 3, "3G"),
        ("local-lvm:vm-9000-disk-0,size=3584M", 3, None),
        ("local-lvm:vm-9000-disk-0", 8, None),
    ],
)
def test_disks_grow_and_never_shrink(drive: str, wanted: int, asked: str | None) -> None:
    config = {"boot": "order=scsi0;net0", "scsi0": drive}
    expected = {"disk": "scsi0", "size": asked} if asked else None
    assert growth(config, spec(disk_gib=wanted)) == expected


def test_the_boot_disk_of_a_template_is_found() -> None:
    config = {"boot": "order=ide2;virtio0", "ide2": "x:cloudinit,media=cdrom", "virtio0": "x:d"}
    assert boot_disk(config) == "virtio0"
    assert boot_disk({"scsi0": "x"}) == "scsi0"
    assert boot_disk({}) == ""
    assert has_cloud_init(config)
    assert not has_cloud_init({"ide2": "none,media=cdrom"})


def test_values_go_out_in_pves_form() -> None:
    assert encode({"a": True, "b": False, "c": None, "d": ("x", "y"), "e": 0, "f": ""}) == {
        "a": 1,
        "b": 0,
        "d": "x,y",
        "e": 0,
        "f": "",
    }


def test_hosts_get_their_port() -> None:
    assert SETTINGS.hosts == ("192.0.2.1:8006", "[2001:db8::1]:443")


# --- the mark ---------------------------------------------------------------------------


@given(st.integers(100, 999999999), st.integers(100, 999999999), st.booleans())
def test_a_mark_holds_for_one_guest_only(vmid: int, other: int, finished: bool) -> None:
    mark = Mark("hp-ab12cd34-ef56gh78", vmid, finished)
    config = {"description": notes(mark, "radicale-1")}
    assert read_mark(config, vmid) == mark
    if other != vmid:
        assert read_mark(config, other) is None
        assert is_copy(config, mark.owner, other)
    assert not is_copy(config, mark.owner, vmid)


@given(st.text())
def test_no_other_text_is_a_mark(text: str) -> None:
    assert read_mark({"description": text}, 9000) is None
    assert read_mark({}, 9000) is None


def test_a_mark_survives_what_people_write_around_it() -> None:
    text = "# My calendar\r\n\n" + notes(Mark("hp-a-b", 9000), "x") + "\nCall Bob.\n"
    assert read_mark({"description": text}, 9000) == Mark("hp-a-b", 9000)
    edited = text.replace("hp-a-b 9000", "hp-a-c 9000")
    assert read_mark({"description": edited}, 9000) is None


def test_tags_are_read_as_a_set() -> None:
    assert read_tags({"tags": "b;a,c d"}) == {"a", "b", "c", "d"}
    assert read_tags({"tags": None}) == read_tags({}) == set()


# --- refusals ---------------------------------------------------------------------------

SENTENCES: list[tuple[str, type[HomeportError]]] = [
    ("VM is locked (backup)", Locked),
    ("can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout", Locked),
    ("cfs-lock 'storage-nfs' error: got lock request timeout", Locked),
    ("cluster not ready - no quorum?", Unreachable),
    ("unable to create image: No space left on device", NoCapacity),
    ("lvcreate 'pve/vm-9000-disk-0' error: insufficient free space", NoCapacity),
    ("start failed: kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory", NoCapacity),
    ("Configuration file 'nodes/pve/qemu-server/9000.conf' does not exist", NotFound),
    ("unable to find configuration file for VM 9000 on node 'pve'", NotFound),
    ("unable to create VM 9000 - VM 9000 already exists on node 'pve'", Conflict),
    ("unable to create VM 9000: config file already exists", Conflict),
    ("close (rename) atomic file '/etc/pve/x' failed: File exists", Conflict),
    ("storage 'nope' does not exist", InvalidInput),
    ("storage 'local' does not support 'import' content", InvalidInput),
    ("hostname lookup 'x' failed - failed to get address info for: x", InvalidInput),
    ("can't remove VM 9000 - protection mode enabled", Unsafe),
    ("403 Permission check failed (/vms/9000, VM.Backup)", Denied),
    ("something else broke", RemoteFailure),
]


@pytest.mark.parametrize(("sentence", "kind"), SENTENCES)
def test_sentences_of_proxmox_are_understood(sentence: str, kind: type[HomeportError]) -> None:
    error = explain_text(sentence, TOKEN_ID)
    assert type(error) is kind
    assert error.why == sentence


@pytest.mark.parametrize(
    ("status", "message", "reading", "kind"),
    [
        (401, "", True, Denied),
        (403, "Permission check failed (/storage/x, Datastore.AllocateSpace)", False, Denied),
        (403, "Permission check failed", False, Denied),
        (501, "Method 'GET /x' not implemented", True, RemoteFailure),
        (596, "Connection timed out", True, Unreachable),
        (596, "Connection timed out", False, OutcomeUnknown),
        (504, "Gateway Timeout", False, OutcomeUnknown),
        (599, "Too many redirections", False, OutcomeUnknown),
    ],
)
def test_statuses_are_understood(
    status: int, message: str, reading: bool, kind: type[HomeportError]
) -> None:
    error = explain(Refusal(status, message), TOKEN_ID, reading=reading)
    assert type(error) is kind
    assert error.do


@pytest.mark.parametrize(
    ("path", "privilege", "role"),
    [
        ("/pool/homeport", "VM.Allocate", "PVEVMAdmin"),
        ("/storage/local-lvm", "Datastore.AllocateSpace|Datastore.Audit", "PVEDatastoreUser"),
        ("/sdn/zones/localnetwork/vmbr0", "SDN.Use", "PVESDNUser"),
    ],
)
def test_a_missing_right_comes_with_one_command(path: str, privilege: str, role: str) -> None:
    message = f"Permission check failed ({path}, {privilege})"
    error = explain(Refusal(403, message), TOKEN_ID, reading=False)
    assert privilege.replace("|", " or ") in error.what
    assert (
        f"pveum acl modify {path} --users homeport@pve --tokens '{TOKEN_ID}' --roles {role}"
        in error.do
    )


def test_a_wrong_parameter_is_named() -> None:
    refusal = Refusal(400, "Parameter verification failed.", {"net0": "no such bridge\n"})
    assert explain(refusal, TOKEN_ID, reading=False).why == "net0: no such bridge"


# --- tasks ------------------------------------------------------------------------------

UPID = "UPID:pve1:000003E8:00001B58:6744D000:qmcreate:9000:homeport@pve!homeport:"


class ScriptedClient:
    """Answers of a task, one after the other; time passes only by waiting."""

    settings = SETTINGS

    def __init__(self, statuses: list[Any], log: list[str] | None = None) -> None:
        self.statuses = statuses
        self.lines = log or []
        self.slept: list[float] = []

    def clock(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def get(self, path: str, /, **params: Any) -> Any:
        assert path.startswith("nodes/pve1/tasks/UPID")
        if path.endswith("/log"):
            start = params["start"]
            page = self.lines[start : start + params["limit"]]
            return [{"n": start + n + 1, "t": text} for n, text in enumerate(page)]
        answer = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def wait(client: ScriptedClient, seconds: float = 60) -> list[str]:
    journal = Journal()
    Tasks(client).wait(UPID, journal, seconds)  # type: ignore[arg-type]
    return journal.lines


def stopped(outcome: str) -> dict[str, str]:
    return {"status": "stopped", "exitstatus": outcome}


RUNNING = {"status": "running"}


def test_a_task_is_polled_ever_more_seldom() -> None:
    client = ScriptedClient([RUNNING] * 12 + [stopped("OK")])
    assert wait(client) == []
    assert client.slept == sorted(client.slept)
    assert client.slept[0] < 0.1
    assert max(client.slept) <= 5


def test_a_short_outage_while_waiting_is_sat_out() -> None:
    wait(ScriptedClient([RUNNING, Unreachable("gone"), Unreachable("gone"), stopped("OK")]))


def test_a_long_outage_is_told() -> None:
    with pytest.raises(Unreachable):
        wait(ScriptedClient([Unreachable("gone")]), seconds=10)


def test_warnings_are_success_and_are_shown() -> None:
    lines = wait(ScriptedClient([stopped("WARNINGS: 1")], ["a", "WARN: no cloud-init", "TASK"]))
    assert lines == ["WARN: no cloud-init"]


def test_a_failure_is_explained_by_the_whole_log() -> None:
    log = [f"transferred {n}" for n in range(1200)] + ["ERROR: No space left on device"]
    with pytest.raises(NoCapacity) as caught:
        wait(ScriptedClient([stopped("unable to create VM 9000 - import failed")], log))
    assert "import failed" in caught.value.why
    assert caught.value.on == UPID


@pytest.mark.parametrize("outcome", ["unexpected status", ""])
def test_an_end_that_nobody_saw_is_unknown(outcome: str) -> None:
    with pytest.raises(OutcomeUnknown):
        wait(ScriptedClient([stopped(outcome)]))


def test_a_task_that_does_not_end_is_left_running() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        wait(ScriptedClient([RUNNING]), seconds=30)
    assert "goes on" in caught.value.left


def test_the_prefix_is_checked_before_proxmox_sees_it() -> None:
    with pytest.raises(InvalidInput):
        check_spec(spec(address=str(ipaddress.ip_address("192.168.1.5"))))
