"""What the engine relies on of a hypervisor, asked of every Proxmox VE API there is here."""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.backends.hypervisor.proxmox import Proxmox, open_backend
from engine.backends.protocols import GuestSpec
from engine.backends.registry import BackendEnvironment, LeaseStore
from engine.errors import (
    Cancelled,
    Conflict,
    Denied,
    HomeportError,
    InvalidInput,
    Locked,
    NoCapacity,
    NotFound,
    RemoteFailure,
    RetryableError,
    Unreachable,
)
from engine.inventory.inventory import Inventory
from engine.model.provider import Check, CheckStatus, ProviderProfile
from engine.paths import Paths
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.proxmox_lab import LabWorld, lab_world
from tests.conformance.proxmox_worlds import HOST_KEY, FakeWorld, World, fake_world

SSH_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDkO6v8Pq0kX6J8V0n4kZzP0H0ZJm5x1q9b4Ym1n0c2E homeport"
)
PROOF = "5a" * 32
STATE = Path(tempfile.mkdtemp(prefix="hp-turns-"))
atexit.register(shutil.rmtree, STATE, ignore_errors=True)
DISK = {"vm": "scsi0", "lxc": "rootfs"}
TOOL = {"vm": "qm", "lxc": "pct"}
OWNER = "hp-ab12cd34-ef56gh78"


@pytest.fixture(scope="module")
def lab_provider() -> Iterator[LabWorld]:
    with lab_world() as opened:
        yield opened


@pytest.fixture(params=["fakepve", "lab"])
def machines(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world whose guests are virtual machines."""
    with opened(request, request.param) as world:
        yield world


@pytest.fixture(params=["fakepve vm", "fakepve lxc", "lab vm", "lab lxc"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world with guests of either kind."""
    name, kind = request.param.split()
    with opened(request, name) as world:
        world.kind = kind
        yield world


@contextmanager
def opened(request: pytest.FixtureRequest, name: str) -> Iterator[World]:
    if name == "fakepve":
        with fake_world() as fake:
            yield fake
        return
    lab: LabWorld = request.getfixturevalue("lab_provider")
    lab.reset()
    yield lab
    lab.reset()


@pytest.fixture
def leases() -> MemoryLeases:
    return MemoryLeases()


@pytest.fixture
def journal() -> Journal:
    return Journal()


def hypervisor(world: World, leases: LeaseStore, **changes: Any) -> Proxmox:
    """A backend as a worker opens it after a start: nothing remembered but the leases."""
    settings = {**world.settings(), **changes}
    profile = ProviderProfile(name="test", zone="test.lab", backends={})
    paths = Paths(state=STATE, config=Path("/nonexistent"), lab=Path("/nonexistent"))
    environment = BackendEnvironment(profile, "ab12cd34", paths, lambda _: world.token, leases)
    return open_backend(environment, settings)


def spec(world: World, owner: str = OWNER, number: int = 10) -> GuestSpec:
    return GuestSpec(
        owner=owner,
        name="radicale-1",
        cores=1,
        memory_mib=512,
        disk_gib=4,
        address=f"{world.network}.{number}/24",
        gateway=f"{world.network}.1",
        nameservers=(f"{world.network}.2",),
        search_domain="test.lab",
        user="root",
        ssh_public_keys=(SSH_KEY,),
        proof=PROOF,
    )


def owned(world: World, owner: str = OWNER) -> list[int]:
    return [vmid for vmid, config in world.guests().items() if owner in str(config.get("tags"))]


# --- making -----------------------------------------------------------------------------


def test_a_guest_is_made_with_all_settings_before_its_first_start(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    guest = hypervisor(world, leases).ensure(spec(world), journal)
    assert (guest.id, guest.name, guest.owner, guest.status) == (
        "9000",
        "radicale-1",
        OWNER,
        "stopped",
    )
    assert guest.address == f"{world.network}.10"
    config = world.guests()[9000]
    assert str(config["memory"]) == "512"
    assert config["tags"] == OWNER
    assert PROOF not in str(config)
    network = f"ip={world.network}.10/24,gw={world.network}.1"
    if world.kind == "lxc":
        assert set(network.split(",")) < set(config["net0"].split(","))
        assert (config["hostname"], int(config["unprivileged"])) == ("radicale-1", 1)
        assert config["features"] == "nesting=1"
    else:
        assert config["ipconfig0"] == network
        assert config["ciuser"] == "root"
        assert "cipassword" not in config
    assert "size=4G" in config[DISK[world.kind]]


def test_a_guest_that_is_off_gets_another_size_and_one_that_runs_is_left_alone(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    opened = hypervisor(world, leases)
    guest = opened.ensure(spec(world), journal)
    larger = replace(spec(world), cores=2, memory_mib=1024, disk_gib=6)
    opened.ensure(larger, journal)
    config = world.guests()[int(guest.id)]
    assert (str(config["cores"]), str(config["memory"])) == ("2", "1024")
    assert "size=6G" in config.get("rootfs", config.get("scsi0"))
    opened.start(guest, journal)
    running = world.guests()
    opened.ensure(replace(larger, cores=3), journal)
    assert world.guests() == running


def test_making_it_again_changes_nothing(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    first = hypervisor(world, leases).ensure(spec(world), journal)
    before = world.guests()
    assert hypervisor(world, leases).ensure(spec(world), journal) == first
    assert world.guests() == before


def test_two_deployments_get_two_guests(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(world, leases)
    first = backend.ensure(spec(world), journal)
    second = backend.ensure(spec(world, "hp-ab12cd34-zz99zz99", 11), journal)
    assert first.id != second.id
    assert backend.find(OWNER) == first


class Killed(BaseException):
    """The process died at this very request."""


@pytest.mark.parametrize("source", ["image", "template", "container"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request_there_is_one_guest_in_the_end(
    machines: World,
    leases: MemoryLeases,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    source: str,
) -> None:
    send = requests.Session.send
    left = [0]
    world, settings = machines, {}
    world.kind = "lxc" if source == "container" else "vm"
    if source == "template":
        world.add_template(9019)
        settings = {"image": "", "template": 9019}
    before, volumes = world.guests(), world.volumes()

    def send_or_die(*args: Any, **kwargs: Any) -> requests.Response:
        left[0] -= 1
        if left[0] == 0 and moment == "before":
            raise Killed
        answer = send(*args, **kwargs)
        if left[0] == 0:
            raise Killed
        return answer

    monkeypatch.setattr(requests.Session, "send", send_or_die)
    died_at = 0
    while True:
        died_at += 1
        left[0] = died_at
        try:
            hypervisor(world, leases, **settings).ensure(spec(world), journal)
        except Killed:
            left[0] = 0
        else:
            break
        guest = hypervisor(world, leases, **settings).ensure(spec(world), journal)
        assert owned(world) == [int(guest.id)], f"killed at request {died_at}"
        config = world.guests()[int(guest.id)]
        assert "size=4G" in config[DISK[world.kind]]
        assert f"ip={world.network}.10/24" in config.get("ipconfig0", config["net0"])
        assert "unfinished" not in config["description"]

        left[0] = died_at
        try:
            assert hypervisor(world, leases, **settings).destroy(OWNER, journal)
        except Killed:
            left[0] = 0
            hypervisor(world, leases, **settings).destroy(OWNER, journal)
        left[0] = 0
        assert world.guests() == before, f"killed at request {died_at}"
        assert world.volumes() == volumes
        assert leases.find("vmid:test", OWNER) is None
    assert died_at > 10


def test_an_answer_that_gets_lost_makes_no_second_guest(
    world: World, leases: MemoryLeases, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, lost = requests.Session.send, []

    def lose_the_first(session: Any, request: Any, **kwargs: Any) -> requests.Response:
        answer = send(session, request, **kwargs)
        if request.method == "POST" and not lost:
            lost.append(request.url)
            raise requests.exceptions.ReadTimeout
        return answer

    monkeypatch.setattr(requests.Session, "send", lose_the_first)
    guest = hypervisor(world, leases).ensure(spec(world), journal)
    assert lost
    assert owned(world) == [int(guest.id)]


def test_an_id_taken_by_somebody_else_is_left_alone(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    world.add_foreign(9000, name="theirs")
    world.add_foreign(9001, name="theirs-in-the-pool", pool="homeport")
    before = world.guests()
    guest = hypervisor(world, leases).ensure(spec(world), journal)
    assert guest.id == "9002"
    assert {vmid: world.guests()[vmid] for vmid in before} == before


def test_all_ids_taken_is_said(world: World, leases: MemoryLeases, journal: Journal) -> None:
    world.add_foreign(9000)
    world.add_foreign(9001)
    with pytest.raises(NoCapacity) as caught:
        hypervisor(world, leases, vmid_last=9001).ensure(spec(world), journal)
    assert "vmid_last" in caught.value.do


def test_a_copy_of_a_guest_is_not_taken_for_it(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(world, leases)
    guest = backend.ensure(spec(world), journal)
    config = world.guests()[int(guest.id)]
    world.add_foreign(9010, tags=OWNER, description=config["description"], pool="homeport")
    assert backend.find(OWNER) == guest
    assert backend.destroy(OWNER, journal)
    assert list(world.guests()) == [9010]


def test_a_tag_alone_is_no_proof(world: World, leases: MemoryLeases, journal: Journal) -> None:
    world.add_foreign(9010, tags=OWNER, pool="homeport")
    backend = hypervisor(world, leases)
    for call in (
        lambda: backend.find(OWNER),
        lambda: backend.ensure(spec(world), journal),
        lambda: backend.destroy(OWNER, journal),
    ):
        with pytest.raises(Conflict) as caught:
            call()
        assert "9010" in caught.value.why
        assert "homeport-mark:" in caught.value.do
    assert list(world.guests()) == [9010]


def test_hostile_values_never_reach_the_provider(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    good = spec(world)
    hostile = [
        replace(good, name="x; rm -rf /"),
        replace(good, name="x,media=cdrom"),
        replace(good, owner="hp-*"),
        replace(good, user="root\nssh"),
        replace(good, search_domain="a b"),
        replace(good, ssh_public_keys=(SSH_KEY + "\nssh-rsa AAAA",)),
        replace(good, address="10.0.0.1"),
        replace(good, gateway="192.0.2.1"),
        replace(good, nameservers=("evil,x=y",)),
        replace(good, cores=0),
    ]
    for wrong in hostile:
        with pytest.raises(InvalidInput):
            hypervisor(world, leases).ensure(wrong, journal)
    assert world.guests() == {}


def test_a_clone_of_a_template_ends_up_like_an_imported_guest(
    machines: World, leases: MemoryLeases, journal: Journal
) -> None:
    world = machines
    world.add_template(9019)
    backend = hypervisor(world, leases, image="", template=9019)
    guest = backend.ensure(spec(world), journal)
    config = world.guests()[int(guest.id)]
    assert config["tags"] == OWNER
    assert config["ipconfig0"].startswith(f"ip={world.network}.10/24")
    assert "unfinished" not in config["description"]
    assert backend.ensure(spec(world), journal) == guest
    assert backend.destroy(OWNER, journal)
    assert list(world.guests()) == [9019]


# --- running and removing ---------------------------------------------------------------


def test_start_and_stop_can_be_repeated(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(world, leases)
    guest = backend.ensure(spec(world), journal)
    for _ in range(2):
        backend.start(guest, journal)
        assert world.guests()[int(guest.id)]["status"] == "running"
    assert hypervisor(world, leases).ensure(spec(world), journal).status == "running"
    for _ in range(2):
        backend.stop(guest, journal)
        assert world.guests()[int(guest.id)]["status"] == "stopped"


def test_destroy_removes_a_running_guest_and_its_disks_and_only_once(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    world.add_foreign(9000, name="theirs", pool="homeport")
    backend = hypervisor(world, leases)
    backend.start(backend.ensure(spec(world), journal), journal)
    assert backend.destroy(OWNER, journal) is True
    assert backend.destroy(OWNER, journal) is False
    assert list(world.guests()) == [9000]
    assert not world.volumes()
    assert leases.find("vmid:test", OWNER) is None


def test_a_guest_removed_by_hand_is_said(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(world, leases)
    guest = backend.ensure(spec(world), journal)
    world.remove_foreign(int(guest.id))
    assert backend.find(OWNER) is None
    with pytest.raises(NotFound):
        backend.start(guest, journal)


# --- faults of a provider ---------------------------------------------------------------


def explained(error: HomeportError) -> None:
    assert error.what
    assert error.why
    assert error.do


def test_a_locked_guest_is_waited_for_and_then_goes_on(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(world, leases)
    guest = backend.ensure(spec(world), journal)
    world.lock(int(guest.id), "backup")
    for call in (
        lambda: backend.start(guest, journal),
        lambda: backend.destroy(OWNER, journal),
    ):
        with pytest.raises(Locked) as caught:
            call()
        explained(caught.value)
        assert "'backup'" in caught.value.why
        assert f"{TOOL[world.kind]} unlock {guest.id}" in caught.value.do
    world.lock(int(guest.id), "")
    backend.start(guest, journal)
    assert backend.destroy(OWNER, journal)


def test_no_space_is_said_before_anything_is_made(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    world.leave_free("local-lvm", 2 * 1024**3)
    with pytest.raises(NoCapacity) as caught:
        hypervisor(world, leases).ensure(spec(world), journal)
    explained(caught.value)
    assert "4 GiB" in caught.value.why
    assert world.guests() == {}
    world.leave_free("local-lvm", 100 * 1024**3)
    hypervisor(world, leases).ensure(spec(world), journal)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("unable to create VM: lvcreate: insufficient free space in thin pool", NoCapacity),
        ("unable to create VM 9000 - some disk broke", RemoteFailure),
        ("can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout", Locked),
    ],
)
def test_a_task_that_fails_says_why_and_can_be_repeated(
    world: World,
    leases: MemoryLeases,
    journal: Journal,
    message: str,
    kind: type[HomeportError],
) -> None:
    backend = hypervisor(world, leases)
    guest = backend.ensure(spec(world), journal)
    world.fail_tasks({"vm": "qmstart", "lxc": "vzstart"}[world.kind], message)
    with pytest.raises(kind) as caught:
        backend.start(guest, journal)
    explained(caught.value)
    assert caught.value.what == "the guest cannot be started"
    assert message[:20] in caught.value.why
    world.fail_tasks("", "")
    backend.start(guest, journal)


@pytest.mark.parametrize(
    ("path", "privilege"),
    [
        ("/pool/homeport", "VM.Allocate"),
        ("/pool/homeport", "VM.Audit"),
        ("/storage/local-lvm", "Datastore.AllocateSpace"),
    ],
)
def test_a_missing_right_is_named_with_the_command_that_grants_it(
    world: World, leases: MemoryLeases, journal: Journal, path: str, privilege: str
) -> None:
    world.revoke(path, privilege)
    with pytest.raises(Denied) as caught:
        hypervisor(world, leases).ensure(spec(world), journal)
    explained(caught.value)
    assert world.guests() == {}
    failures = [c for c in hypervisor(world, leases).check() if c.status is CheckStatus.FAIL]
    assert any(privilege in check.found for check in failures)
    assert any(f"pveum acl modify {path} --users homeport@pve" in c.do for c in failures)


def test_a_guest_that_cannot_be_seen_is_not_made_twice(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    hypervisor(world, leases).ensure(spec(world), journal)
    world.revoke("/pool/homeport", "VM.Audit")
    for call in (
        lambda: hypervisor(world, leases).find(OWNER),
        lambda: hypervisor(world, leases).ensure(spec(world), journal),
        lambda: hypervisor(world, leases).destroy(OWNER, journal),
    ):
        with pytest.raises(Denied):
            call()
    assert len(world.guests()) == 1


def test_a_wrong_token_is_refused_and_never_shown(
    world: World, leases: MemoryLeases, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "token", "canary-7d9f-wrong")
    with pytest.raises(Denied) as caught:
        hypervisor(world, leases).find(OWNER)
    explained(caught.value)
    assert "canary-7d9f-wrong" not in str(caught.value.describe())
    assert "pveum user token" in caught.value.do


def test_the_token_appears_in_no_log(
    world: World, leases: MemoryLeases, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("proxmoxer.core", "proxmoxer.backends.https", "urllib3"):
        caplog.set_level(logging.DEBUG, logger=name)
    backend = hypervisor(world, leases)
    backend.ensure(spec(world), journal)
    backend.destroy(OWNER, journal)
    assert "nodes/" in caplog.text
    assert world.token not in caplog.text + "".join(journal.lines)


@pytest.mark.parametrize("stored", ["", "a b", "caf\u00e9", "x\ny"])
def test_what_cannot_be_a_token_is_not_sent(
    world: World, leases: MemoryLeases, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "token", stored)
    with pytest.raises(Denied):
        hypervisor(world, leases)


def test_a_token_stored_with_its_name_is_understood(
    world: World, leases: MemoryLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "token", f"{world.settings()['token_id']}={world.token}\n")
    assert hypervisor(world, leases).find(OWNER) is None


def test_another_certificate_is_never_trusted(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    for changes in (
        {"ca_pem": "", "fingerprint": ":".join(["AB"] * 32)},
        {"ca_pem": "", "fingerprint": ""},
    ):
        with pytest.raises(Denied) as caught:
            hypervisor(world, leases, **changes).find(OWNER)
        explained(caught.value)
        assert "fingerprint" in caught.value.do


def test_offline_is_said_and_other_hosts_are_tried(
    world: World, leases: MemoryLeases, journal: Journal
) -> None:
    with pytest.raises(Unreachable) as caught:
        hypervisor(world, leases, hosts=["127.0.0.1:1"]).find(OWNER)
    explained(caught.value)
    hosts = ["127.0.0.1:1", *world.settings()["hosts"]]
    assert hypervisor(world, leases, hosts=hosts).find(OWNER) is None


def test_a_missing_image_is_said(world: World, leases: MemoryLeases, journal: Journal) -> None:
    missing = {
        "image": "local:import/other.qcow2",
        "container_template": "local:vztmpl/other_1_amd64.tar.zst",
    }
    with pytest.raises(InvalidInput) as caught:
        hypervisor(world, leases, **missing).ensure(spec(world), journal)
    explained(caught.value)
    assert "other" in caught.value.why


def test_everything_in_place_passes_the_check(world: World, leases: MemoryLeases) -> None:
    checks = hypervisor(world, leases).check()
    assert {c.status for c in checks} == {CheckStatus.PASS}, checks


def test_stopping_the_operation_stops_the_wait(world: World, leases: MemoryLeases) -> None:
    with pytest.raises(Cancelled):
        hypervisor(world, leases).ensure(spec(world), Journal(cancelled=True))


def test_a_started_guest_of_the_lab_shows_its_own_host_key(
    lab: LabWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(lab, leases)
    guest = backend.ensure(spec(lab), journal)
    backend.start(guest, journal)
    file = next(lab.handle.directory.rglob("ssh_host_ed25519_key.pub"))
    (key,) = backend.host_keys(guest, journal)
    assert file.read_text().startswith(key)
    assert backend.destroy(OWNER, journal)
    assert not list(lab.handle.directory.rglob("ssh_host_ed25519_key.pub"))


# --- the lab's faults -------------------------------------------------------------------


@pytest.fixture
def lab(lab_provider: LabWorld) -> Iterator[LabWorld]:
    lab_provider.reset()
    yield lab_provider
    lab_provider.reset()


def persist(call: Callable[[], Any], attempts: int = 4) -> Any:
    """Call again as a step does: only after errors that may pass by themselves."""
    while True:
        try:
            return call()
        except RetryableError:
            attempts -= 1
            if not attempts:
                raise


def test_with_every_answer_lost_once_everything_is_done_once(
    lab: LabWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(lab, leases)
    lab.fault("lost_answers", 1)
    guest = persist(lambda: backend.ensure(spec(lab), journal))
    assert owned(lab) == [int(guest.id)]
    assert "size=4G" in lab.guests()[int(guest.id)]["scsi0"]
    lab.fault("lost_answers", 1)
    persist(lambda: backend.start(guest, journal))
    assert lab.guests()[int(guest.id)]["status"] == "running"
    lab.fault("lost_answers", 2)
    assert persist(lambda: backend.destroy(OWNER, journal)) in (True, False)
    assert not lab.guests()
    assert not lab.volumes()


def test_an_id_that_is_snatched_away_is_left_to_whom_has_it(
    lab: LabWorld, leases: MemoryLeases, journal: Journal
) -> None:
    lab.fault("taken", [9000])
    lab.fault("stolen", 2)  # with the count used up, the lab takes the thief's guests away again
    theirs = lab.guests()[9000]
    guest = hypervisor(lab, leases).ensure(spec(lab), journal)
    assert "The id 9001 is taken by another guest; taking the next." in journal.lines
    assert guest.id not in ("9000", "9001")
    assert owned(lab) == [int(guest.id)]
    assert lab.guests()[9000] == theirs
    assert hypervisor(lab, leases).destroy(OWNER, journal)
    assert list(lab.guests()) == [9000]


def test_a_provider_that_vanishes_and_returns_is_retried(
    lab: LabWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(lab, leases)
    for name in ("offline", "unauthorised"):
        lab.fault(name, True)  # type: ignore[arg-type]
        with pytest.raises((Unreachable, Denied)) as caught:
            backend.ensure(spec(lab), journal)
        explained(caught.value)
        assert backend.check()[0].status is CheckStatus.FAIL
        lab.fault(name, None)  # type: ignore[arg-type]
    lab.fault("gateway", 2)
    persist(lambda: backend.ensure(spec(lab), journal))
    assert len(lab.guests()) == 1


def test_all_rights_revoked_is_told_apart_from_nothing_there(
    lab: LabWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(lab, leases)
    backend.ensure(spec(lab), journal)
    lab.fault("revoked", ["*"])
    with pytest.raises(Denied):
        backend.destroy(OWNER, journal)
    missing = [c for c in backend.check() if c.status is CheckStatus.FAIL and "missing" in c.found]
    assert {c.title.rpartition(" ")[2] for c in missing} >= {
        "/pool/homeport",
        "/storage/local-lvm",
        "/storage/local",
        "/sdn/zones/localnetwork/vmbr0",
    }
    lab.fault("revoked", None)
    assert backend.destroy(OWNER, journal)


def test_a_full_storage_and_a_silent_agent_are_said(
    lab: LabWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(lab, leases, agent_seconds=0.5)
    lab.fault("no_space", ["local-lvm"])
    with pytest.raises(NoCapacity):
        backend.ensure(spec(lab), journal)
    lab.fault("no_space", None)
    guest = backend.ensure(spec(lab), journal)
    backend.start(guest, journal)
    lab.fault("silent_agent", True)
    with pytest.raises(Unreachable) as caught:
        backend.host_keys(guest, journal)
    explained(caught.value)


# --- what only a double can be made to do -----------------------------------------------


@pytest.fixture
def fake() -> Iterator[FakeWorld]:
    with fake_world() as opened:
        yield opened


def test_a_creation_still_running_after_a_kill_is_waited_for(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.pve.creation_takes = 0.5
    send = requests.Session.send

    def die_after_post(session: Any, request: Any, **kwargs: Any) -> requests.Response:
        answer = send(session, request, **kwargs)
        if request.method == "POST":
            raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "send", die_after_post)
        with pytest.raises(Killed):
            hypervisor(fake, leases).ensure(spec(fake), journal)
    guest = hypervisor(fake, leases).ensure(spec(fake), journal)
    assert any("waiting for it" in line for line in journal.lines)
    assert owned(fake) == [int(guest.id)]


def test_the_host_key_comes_from_the_agent_and_is_waited_for(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(fake, leases)
    guest = backend.ensure(spec(fake), journal)
    backend.start(guest, journal)
    with pytest.raises(Unreachable) as caught:
        backend.host_keys(guest, journal)
    assert "qemu-guest-agent" in caught.value.do
    fake.give_agent(int(guest.id), {"/etc/ssh/ssh_host_ed25519_key.pub": HOST_KEY[:60]})
    with pytest.raises(Unreachable):
        backend.host_keys(guest, journal)
    fake.give_agent(int(guest.id), {"/etc/ssh/ssh_host_ed25519_key.pub": HOST_KEY + "\n"})
    assert backend.host_keys(guest, journal) == (HOST_KEY.rpartition(" ")[0],)


def test_a_guest_that_moved_to_another_node_is_still_found(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(fake, leases)
    guest = backend.ensure(spec(fake), journal)
    fake.pve.add_node("pve2")
    fake.pve.vm(int(guest.id)).node = "pve2"
    backend.start(guest, journal)
    found = backend.find(OWNER)
    assert found is not None
    assert (found.node, found.status) == ("pve2", "running")


def test_many_deployments_at_once_get_a_guest_each_and_the_node_is_spared(
    fake: FakeWorld, tmp_path: Path
) -> None:
    fake.pve.creation_takes = 0.05
    inventory = Inventory.open(Paths(tmp_path / "state", tmp_path / "config", tmp_path / "lab"))
    owners = [f"hp-ab12cd34-{number:08d}" for number in range(8)]

    def deploy(number: int) -> str:
        backend = hypervisor(fake, inventory.leases, parallel_tasks=3)
        return backend.ensure(spec(fake, owners[number], 10 + number), Journal()).id

    try:
        with ThreadPoolExecutor(8) as threads:
            ids = list(threads.map(deploy, range(8)))
    finally:
        inventory.close()
    assert len(set(ids)) == 8
    assert 1 < fake.pve.most_at_once <= 3
    assert [owned(fake, owner) for owner in owners] == [[int(vmid)] for vmid in ids]


def test_a_node_that_is_off_is_told_from_a_provider_that_is(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal
) -> None:
    backend = hypervisor(fake, leases)
    backend.ensure(spec(fake), journal)
    fake.pve.set_node_offline("pve1")
    with pytest.raises(Unreachable) as caught:
        backend.destroy(OWNER, journal)
    assert "node" in caught.value.why


def test_a_lost_majority_is_said_and_can_be_repeated(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal
) -> None:
    fake.pve.lose_quorum()
    with pytest.raises(Unreachable) as caught:
        hypervisor(fake, leases).ensure(spec(fake), journal)
    explained(caught.value)
    fake.pve.regain_quorum()
    hypervisor(fake, leases).ensure(spec(fake), journal)


def test_a_pinned_fingerprint_is_enough(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal
) -> None:
    pins = [":".join(["AB"] * 32), fake.fingerprint.lower()]
    assert hypervisor(fake, leases, ca_pem="", fingerprint=pins).find(OWNER) is None


def test_a_cluster_with_one_known_host_or_one_known_certificate_is_told(
    fake: FakeWorld, leases: MemoryLeases
) -> None:
    def hosts(**changes: Any) -> Check:
        checks = hypervisor(fake, leases, **changes).check()
        return next(check for check in checks if check.title == "API hosts")

    fake.pve.add_node("pve2")
    assert (hosts().status, "'hosts'" in hosts().do) == (CheckStatus.WARN, True)
    both = {"hosts": [*fake.settings()["hosts"], "127.0.0.1:1"]}
    assert hosts(**both).status is CheckStatus.PASS
    one = hosts(**both, ca_pem="", fingerprint=[fake.fingerprint])
    assert (one.status, "'fingerprint'" in one.do) == (CheckStatus.WARN, True)
    assert "pve2 shows" in one.found


def test_a_slow_provider_is_waited_for(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal
) -> None:
    fake.pve.slow_network(50)  # 0.05 s for each answer
    started = time.monotonic()
    hypervisor(fake, leases).ensure(spec(fake), journal)
    assert time.monotonic() - started > 0.5
    assert len(fake.guests()) == 1


def test_what_is_not_proxmox_is_said(
    fake: FakeWorld, leases: MemoryLeases, journal: Journal
) -> None:
    fake.pve.fail("GET", "/access/permissions", 200, "<html>Welcome</html>", html=True)
    with pytest.raises(RemoteFailure) as caught:
        hypervisor(fake, leases).find(OWNER)
    assert "not one of Proxmox" in caught.value.what
