"""A lab comes up, survives what happens to its parts, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import dns.message
import dns.query
import pytest

from engine.backends.dns.octodns_backend import OctodnsDns
from engine.backends.dns.octodns_backend import open_backend as open_dns
from engine.backends.hypervisor.proxmox import open_backend as open_hypervisor
from engine.backends.protocols import DnsRecord, Guest, GuestSpec, Hypervisor
from engine.backends.registry import BackendEnvironment
from engine.errors import Conflict, NotFound
from engine.lab.guest.processes import start_time, wait_for_end
from engine.lab.lab import Lab, PartStatus
from engine.model.provider import CheckStatus, Service
from engine.paths import Paths
from tests.conformance.doubles import Journal, MemoryLeases
from tests.lab_fixture import NoLeases

pytestmark = pytest.mark.integration

PARTS = ("names", "authority", "harbour-a", "harbour-b")


@pytest.fixture
def make_lab() -> Iterator[Callable[[], Lab]]:
    """Labs that do not exist yet; all of them are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hp-labs-") as base:
        labs: list[Lab] = []

        def make() -> Lab:
            labs.append(Lab(Path(base) / f"lab-{len(labs)}"))
            return labs[-1]

        yield make
        for lab in labs:
            lab.reset()


def states(lab: Lab) -> dict[str, str]:
    return {part.name: part.state for part in lab.status()}


def part(lab: Lab, name: str) -> PartStatus:
    return next(each for each in lab.status() if each.name == name)


def dns_of(lab: Lab, name: str = "harbour-a") -> OctodnsDns:
    profile, secrets = next(each for each in lab.provider_profiles() if each[0].name == name)
    environment = BackendEnvironment(
        provider=profile,
        installation="testtest",
        paths=Paths(lab.directory / "own", lab.directory / "own", lab.directory),
        read_secret=lambda reference: secrets[reference.removeprefix("secret:")],
        leases=NoLeases(),
    )
    return open_dns(environment, profile.backends[Service.DNS].settings)


def publish(lab: Lab, record: DnsRecord) -> None:
    backend = dns_of(lab)
    backend.apply(backend.plan("hp-test-test", [record]), [record])


def processes_of(lab: Lab) -> list[int]:
    """Live processes that mention the lab's directory or bear its mark."""
    wanted = (str(lab.directory).encode(), lab.record().id.encode() if lab.exists else b"\0none")
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if any(each in text for each in wanted) and start_time(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found


def test_up_brings_every_part_up_and_both_providers_pass_their_checks(make_lab):
    lab = make_lab()
    assert {each.name: each.state for each in lab.up()} == dict.fromkeys(PARTS, "running")
    for name in ("harbour-a", "harbour-b"):
        assert {check.status for check in dns_of(lab, name).check()} == {CheckStatus.PASS}


def test_up_again_starts_nothing_twice(make_lab):
    lab = make_lab()
    before = lab.up()
    assert lab.up() == before


def test_what_was_published_is_still_there_after_down_and_up(make_lab):
    lab = make_lab()
    lab.up()
    record = DnsRecord("cal.harbour-a.lab", "A", ("127.0.0.9",))
    publish(lab, record)
    profiles = lab.provider_profiles()
    pids = [each.pid for each in lab.status()]

    assert lab.down()
    assert states(lab) == dict.fromkeys(PARTS, "stopped")
    assert all(start_time(pid) is None for pid in pids if pid)
    with pytest.raises(NotFound):
        lab.provider_profiles()

    lab.up()
    assert dns_of(lab).find("hp-test-test") == [record]
    assert lab.provider_profiles() == profiles


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_is_seen_and_started_again(make_lab, name):
    lab = make_lab()
    lab.up()
    record = DnsRecord("cal.harbour-a.lab", "A", ("127.0.0.9",))
    publish(lab, record)
    victim = part(lab, name).pid
    assert victim
    os.kill(victim, signal.SIGKILL)
    assert wait_for_end(victim, 10)
    assert states(lab) == dict.fromkeys(PARTS, "running") | {name: "crashed"}

    others = {each.name: each.pid for each in lab.status() if each.name != name}
    lab.up()
    assert states(lab) == dict.fromkeys(PARTS, "running")
    assert others == {each.name: each.pid for each in lab.status() if each.name != name}
    assert dns_of(lab).find("hp-test-test") == [record]


@pytest.fixture
def lab_with_guest(make_lab, tmp_path) -> tuple[Lab, Hypervisor, Guest]:
    """A running guest at harbour-a, made the way a deployment makes it."""
    lab = make_lab()
    lab.up()
    profile, secrets = lab.provider_profiles()[0]
    environment = BackendEnvironment(
        provider=profile,
        installation="testtest",
        paths=Paths(tmp_path / "state", tmp_path / "config", lab.directory),
        read_secret=lambda reference: secrets[reference.removeprefix("secret:")],
        leases=MemoryLeases(),
    )
    hypervisor = open_hypervisor(environment, profile.backends[Service.HYPERVISOR].settings)
    address = profile.backends[Service.ADDRESSES].settings["first"]
    spec = GuestSpec(
        owner="hp-testtest-guest000",
        name="guest",
        cores=1,
        memory_mib=512,
        disk_gib=4,
        address=f"{address}/24",
        gateway=None,
        nameservers=(),
        search_domain=profile.zone,
        user="root",
        ssh_public_keys=(
            asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip(),
        ),
    )
    guest = hypervisor.ensure(spec, Journal())
    hypervisor.start(guest, Journal())
    return lab, hypervisor, guest


def inits_of(lab: Lab) -> list[int]:
    return [
        pid
        for pid in processes_of(lab)
        if b"engine.lab.guest" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_guests_stop_with_the_lab_and_start_with_it(lab_with_guest):
    lab, hypervisor, guest = lab_with_guest
    keys = hypervisor.host_keys(guest, Journal())
    assert keys
    guests = inits_of(lab)
    assert guests
    lab.down()
    assert processes_of(lab) == []
    lab.up()
    assert hypervisor.find("hp-testtest-guest000").status == "running"
    assert hypervisor.host_keys(guest, Journal()) == keys
    assert set(inits_of(lab)).isdisjoint(guests)


def test_a_killed_guest_is_started_again_by_up(lab_with_guest):
    lab, hypervisor, guest = lab_with_guest
    for pid in inits_of(lab):
        os.kill(pid, signal.SIGKILL)
        assert wait_for_end(pid, 10)
    lab.up()
    assert inits_of(lab)
    assert hypervisor.host_keys(guest, Journal())


def test_a_starter_killed_before_it_wrote_the_process_down_leaves_no_stray(make_lab):
    lab = make_lab()
    lab.up()
    pid = part(lab, "names").pid
    (lab.directory / "run" / "names.pid").write_bytes(b"")
    assert part(lab, "names").pid == pid
    lab.down()
    assert pid is not None
    assert start_time(pid) is None


def test_reset_leaves_neither_process_nor_file(make_lab):
    lab = make_lab()
    lab.up()
    running = processes_of(lab)
    assert len(running) >= len(PARTS)
    assert lab.reset()
    assert not lab.directory.exists()
    assert [pid for pid in running if start_time(pid) is not None] == []
    assert not lab.reset()
    assert lab.status() == []


def test_reset_does_not_touch_a_directory_that_is_no_lab(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"irreplaceable")
    with pytest.raises(Conflict):
        Lab(tmp_path).reset()
    assert (tmp_path / "photo.jpg").exists()


def test_two_labs_run_side_by_side(make_lab):
    one, two = make_lab(), make_lab()
    one.up()
    two.up()
    assert {each.address for each in one.status()}.isdisjoint(each.address for each in two.status())
    publish(one, DnsRecord("cal.harbour-a.lab", "A", ("127.0.0.1",)))
    publish(two, DnsRecord("cal.harbour-a.lab", "A", ("127.0.0.2",)))
    one.reset()
    assert states(two) == dict.fromkeys(PARTS, "running")
    assert dns_of(two).find("hp-test-test")[0].values == ("127.0.0.2",)


def test_the_lab_outlives_the_terminal_it_was_started_from(make_lab):
    lab = make_lab()
    code = (
        "import sys; from pathlib import Path; from engine.lab.lab import Lab;"
        "Lab(Path(sys.argv[1])).up(); print('up', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lab.directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        os.killpg(starter.pid, signal.SIGHUP)
        starter.wait(10)
    assert states(lab) == dict.fromkeys(PARTS, "running")


def test_two_ups_at_once_make_one_lab(make_lab):
    lab = make_lab()
    code = (
        "import sys; from pathlib import Path; from engine.lab.lab import Lab;"
        "print([p.pid for p in Lab(Path(sys.argv[1])).up()])"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", code, str(lab.directory)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = {starter.communicate(timeout=60)[0] for starter in starters}
    assert len(answers) == 1
    assert b"None" not in answers.pop()


def test_secrets_are_for_their_owner_only_and_in_no_command_line(make_lab):
    lab = make_lab()
    lab.up()
    values = [value for _, secrets in lab.provider_profiles() for value in secrets.values()]
    assert len(values) == 4
    for path in lab.directory.rglob("*"):
        if path.is_file() and any(value.encode() in path.read_bytes() for value in values):
            assert path.stat().st_mode & 0o077 == 0, path
    assert lab.directory.stat().st_mode & 0o077 == 0
    for pid in processes_of(lab):
        shown = (
            Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        )
        assert not any(value.encode() in shown for value in values)


def test_the_authority_removes_no_folder_that_a_certificate_is_written_to(make_lab):
    """Caddy cleans its storage when it starts; what it found empty was its own new folder."""
    lab = make_lab()
    empty = lab.directory / "authority" / "storage" / "certificates" / "lab" / "being-written"
    empty.mkdir(parents=True)
    lab.up()
    assert empty.is_dir()
    assert "cleaning" not in (lab.directory / "run" / "authority.log").read_text()


def test_the_authority_keeps_its_hands_off_the_systems_trust(make_lab):
    lab = make_lab()
    lab.up()
    log = (lab.directory / "run" / "authority.log").read_text()
    messages = [json.loads(line)["msg"] for line in log.splitlines() if line.startswith("{")]
    assert any("trust store installation disabled" in message for message in messages)
    assert not any("installing root certificate" in message for message in messages)


@pytest.mark.parametrize(
    ("fault", "outcome"), [({"refuse": True}, "REFUSED"), ({"offline": True}, "silence")]
)
def test_name_server_faults_can_be_switched_on_and_off(make_lab, fault, outcome):
    lab = make_lab()
    lab.up()
    faults = lab.directory / "names" / "faults.json"
    faults.write_text(json.dumps(fault))
    failed = [check for check in dns_of(lab).check() if check.status is CheckStatus.FAIL]
    assert failed
    if outcome == "REFUSED":
        assert "REFUSED" in failed[0].found
    faults.unlink()
    assert {check.status for check in dns_of(lab).check()} == {CheckStatus.PASS}


def test_a_slow_name_server_still_answers(make_lab):
    lab = make_lab()
    lab.up()
    (lab.directory / "names" / "faults.json").write_text('{"slow": 0.5}')
    host, port = part(lab, "names").address.split(":")
    query = dns.message.make_query("harbour-a.lab", "SOA")
    started = time.monotonic()
    assert dns.query.udp(query, host, port=int(port), timeout=5).answer
    assert time.monotonic() - started >= 0.5
