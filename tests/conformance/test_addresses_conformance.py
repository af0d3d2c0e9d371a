"""What the engine relies on of an address service, asked of each of them; and what NetBox adds."""

from __future__ import annotations

import ast
import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.backends.addresses import pool
from engine.backends.addresses.netbox import service
from engine.backends.addresses.netbox.rights import MADE, set_up_script
from engine.backends.exercise import exercise_addresses
from engine.backends.protocols import Addresses, GuestRecord
from engine.backends.registry import BackendEnvironment
from engine.errors import (
    Conflict,
    Denied,
    InvalidInput,
    NoCapacity,
    NotReady,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
)
from engine.model.provider import CheckStatus, ProviderProfile
from engine.paths import Paths
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.netbox_world import REFERENCE, NetBoxWorld, netbox
from tests.conformance.openbao_world import make_tls
from tests.conformance.tofu_world import TofuWorld, infrastructure

pytestmark = [pytest.mark.real, pytest.mark.slow]

CANARY = "nbt_canary000000.canary3f9averysecret0000000000000000"
V4, V6 = "10.77.{}.0/29", "2001:db8:{:x}::/64"

_numbers = itertools.count(1)


@dataclass
class Place:
    """One network of a service, and how somebody elsewhere would open the same one."""

    network: str
    open_service: Callable[[], Addresses]
    world: NetBoxWorld | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    provider: str = "home"


def environment(token: str = "", leases: Any = None, name: str = "home") -> BackendEnvironment:
    nowhere = Path("/nonexistent")
    return BackendEnvironment(
        ProviderProfile(name=name, zone="test.lab", backends={}),
        "ab12cd34",
        Paths(nowhere, nowhere, nowhere),
        {REFERENCE: token}.__getitem__,
        leases or MemoryLeases(),
    )


@pytest.fixture(scope="module")
def world() -> Iterator[NetBoxWorld]:
    with netbox() as started:
        yield started


def pool_place(network: str, **more: Any) -> Place:
    leases = MemoryLeases()
    settings = {"network": network, **more}
    return Place(network, lambda: pool.open_backend(environment(leases=leases), settings))


def netbox_place(world: NetBoxWorld, network: str, *, made: bool = True, **more: Any) -> Place:
    """A prefix and a provider of its own for each test, as their owner would enter it."""
    name = f"home{next(_numbers)}"
    vrf = more.get("vrf")
    if made:
        known = world.admin().ipam.vrfs.get(name=vrf) if vrf else None
        world.admin().ipam.prefixes.create(prefix=network, vrf=known.id if known else None)
    settings = world.settings(prefix=network, **more)
    return Place(
        network,
        lambda: service.open_backend(environment(world.token, name=name), settings),
        world,
        settings,
        name,
    )


@pytest.fixture(params=["pool", "netbox"])
def make_place(request: pytest.FixtureRequest) -> Callable[..., Place]:
    if request.param == "pool":
        return pool_place
    started = request.getfixturevalue("world")
    return lambda network, **more: netbox_place(started, network, **more)


@pytest.fixture(params=[V4, V6], ids=["IPv4", "IPv6"])
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param).format(next(_numbers))


# --- the protocol -----------------------------------------------------------------------


def test_the_harmless_part_holds(make_place: Callable[..., Place], network: str) -> None:
    here = make_place(network)
    assert not [line for line in here.open_service().check() if line.status is CheckStatus.FAIL]
    assert set(exercise_addresses(here.open_service(), "hp-ab12cd34-probe1")) == {None}


def test_an_owner_keeps_its_address_and_nobody_else_has_it(
    make_place: Callable[..., Place], network: str
) -> None:
    gateway = network.partition("/")[0].rstrip("0") + "1"
    here = make_place(network, gateway=gateway, nameservers=[gateway])
    first = here.open_service().allocate("hp-a", "radicale-1")
    assert first == here.open_service().allocate("hp-a", "radicale-1")
    assert first == here.open_service().find("hp-a")
    assert first.address.partition("/")[2] == network.partition("/")[2]
    assert (first.gateway, first.nameservers) == (gateway, (gateway,))
    second = here.open_service().allocate("hp-b", "radicale-2")
    addresses = {lease.address.partition("/")[0] for lease in (first, second)}
    assert len(addresses) == 2
    assert gateway not in addresses


def test_a_released_address_is_free_again(make_place: Callable[..., Place], network: str) -> None:
    here = make_place(network).open_service()
    lease = here.allocate("hp-a", "one")
    assert here.release("hp-a") is True
    assert here.release("hp-a") is False
    assert here.find("hp-a") is None
    assert here.allocate("hp-b", "two").address == lease.address


def test_an_exhausted_network_says_what_to_do(make_place: Callable[..., Place]) -> None:
    here = make_place(f"10.77.{next(_numbers)}.0/30").open_service()
    here.allocate("hp-a", "one")
    here.allocate("hp-b", "two")
    with pytest.raises(NoCapacity) as caught:
        here.allocate("hp-c", "one too many")
    assert "Destroy a deployment" in caught.value.do
    assert here.find("hp-c") is None
    here.release("hp-a")
    assert here.allocate("hp-c", "one too many").address


def test_describing_harms_nothing_where_no_books_are_kept(
    make_place: Callable[..., Place], network: str
) -> None:
    here = make_place(network).open_service()
    lease = here.allocate("hp-a", "one")
    here.describe(RECORD)
    assert here.find("hp-a") == lease


# --- NetBox: allocating ---------------------------------------------------------------------

RECORD = GuestRecord(
    owner="hp-a",
    name="calendar",
    domain="cal.example.org",
    cores=2,
    memory_mib=2048,
    disk_gib=8,
    is_running=False,
)


def free_network() -> str:
    return V4.format(next(_numbers)).replace("/29", "/24")


def test_two_homeports_and_a_person_allocating_at_once_never_collide(world: NetBoxWorld) -> None:
    here = netbox_place(world, free_network())
    start = threading.Barrier(6)

    def take(number: int) -> str:
        start.wait()
        if number == 5:
            prefix = world.admin().ipam.prefixes.get(prefix=here.network)
            return str(prefix.available_ips.create({"description": "a person's"}).address)
        return here.open_service().allocate(f"hp-{number}", f"guest-{number}").address

    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(take, range(6)))
    assert len(set(taken)) == 6


def test_one_owner_asking_at_once_gets_one_address(world: NetBoxWorld) -> None:
    here = netbox_place(world, free_network())
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: here.open_service().allocate("hp-same", "one"), range(4)))
    lease = here.open_service().find("hp-same")
    kept = list(world.admin().ipam.ip_addresses.filter(parent=here.network))
    assert lease is not None
    assert [str(address.address) for address in kept] == [lease.address]


def test_an_address_whose_answer_was_lost_is_found_again(
    world: NetBoxWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = netbox_place(world, free_network())
    send = requests.Session.send
    lost = iter([True])

    def losing(session: requests.Session, request: Any, **kwargs: Any) -> requests.Response:
        answer = send(session, request, **kwargs)
        if request.method == "POST" and "available-ips" in request.url and next(lost, False):
            raise requests.ReadTimeout("lost")
        return answer

    monkeypatch.setattr(requests.Session, "send", losing)
    with pytest.raises(OutcomeUnknown):
        here.open_service().allocate("hp-lost", "one")
    lease = here.open_service().allocate("hp-lost", "one")
    kept = list(world.admin().ipam.ip_addresses.filter(parent=here.network))
    assert [str(address.address) for address in kept] == [lease.address]


def test_gateway_and_name_servers_that_netbox_does_not_know_are_not_handed_out(
    world: NetBoxWorld,
) -> None:
    network = free_network()
    base = network.removesuffix("0/24")
    here = netbox_place(world, network, gateway=f"{base}1", nameservers=[f"{base}2", f"{base}3"])
    warned = [line for line in here.open_service().check() if "does not know" in line.found]
    assert f"{base}1, {base}2, {base}3" in warned[0].found
    lease = here.open_service().allocate("hp-a", "one")
    assert lease.address == f"{base}4/24"
    kept = list(world.admin().ipam.ip_addresses.filter(parent=network))
    assert [str(address.address) for address in kept] == [lease.address]


def test_a_vrf_and_a_range_are_kept_to(world: NetBoxWorld) -> None:
    network = free_network()
    base = network.removesuffix("0/24")
    vrf = world.admin().ipam.vrfs.create(name=f"vrf {base}", enforce_unique=True)
    world.admin().ipam.prefixes.create(prefix=network)  # the same outside of the VRF
    world.admin().ipam.ip_ranges.create(
        start_address=f"{base}100/24", end_address=f"{base}101/24", vrf=vrf.id, status="active"
    )
    here = netbox_place(world, network, vrf=vrf.name, range_start=f"{base}100")
    leases = [here.open_service().allocate(f"hp-{number}", "one").address for number in range(2)]
    assert leases == [f"{base}100/24", f"{base}101/24"]
    with pytest.raises(NoCapacity, match="range"):
        here.open_service().allocate("hp-more", "one")
    [kept] = world.admin().ipam.ip_addresses.filter(address=leases[0])
    assert kept.vrf.id == vrf.id


# --- NetBox: its books ------------------------------------------------------------------------


@pytest.fixture
def cluster(world: NetBoxWorld) -> str:
    name = f"cluster-{next(_numbers)}"
    kinds = world.admin().virtualization.cluster_types
    kind = kinds.get(slug="pve") or kinds.create(name="pve", slug="pve")
    world.admin().virtualization.clusters.create(name=name, type=kind.id)
    return name


@pytest.mark.parametrize("pattern", [V4, V6], ids=["IPv4", "IPv6"])
def test_netbox_tells_what_runs_and_nothing_is_left_of_it(
    world: NetBoxWorld, cluster: str, pattern: str
) -> None:
    here = netbox_place(world, pattern.format(next(_numbers)), cluster=cluster)
    lease = here.open_service().allocate("hp-a", "calendar")
    for is_running in (False, True, True):
        record = GuestRecord(**{**vars(RECORD), "is_running": is_running})
        here.open_service().describe(record)
    admin = world.admin()
    [address] = admin.ipam.ip_addresses.filter(tag=f"hp-a-{here.provider}", parent=here.network)
    [machine] = admin.virtualization.virtual_machines.filter(tag=f"hp-a-{here.provider}")
    assert str(address.address) == lease.address
    assert (address.status.value, address.dns_name) == ("active", "cal.example.org")
    assert address.assigned_object.virtual_machine.id == machine.id
    assert (machine.name, machine.status.value) == ("calendar", "active")
    assert (machine.vcpus, machine.memory, machine.disk) == (2, 2048, 8192)
    assert machine.primary_ip.id == address.id
    changes = len(list(admin.core.object_changes.filter(changed_object_id=machine.id)))
    here.open_service().describe(record)  # what is true already is not written again
    assert len(list(admin.core.object_changes.filter(changed_object_id=machine.id))) == changes
    assert here.open_service().release("hp-a") is True
    assert not list(admin.virtualization.virtual_machines.filter(cluster=cluster))
    assert not list(admin.ipam.ip_addresses.filter(parent=here.network))
    assert not list(admin.extras.tags.filter(slug=f"hp-a-{here.provider}"))


def test_somebody_elses_machine_and_address_are_left_alone(
    world: NetBoxWorld, cluster: str
) -> None:
    here = netbox_place(world, free_network(), cluster=cluster)
    admin = world.admin()
    known = admin.virtualization.clusters.get(name=cluster)
    theirs = admin.virtualization.virtual_machines.create(name="calendar", cluster=known.id)
    prefix = admin.ipam.prefixes.get(prefix=here.network)
    address = prefix.available_ips.create({"description": "theirs"})
    here.open_service().allocate("hp-a", "calendar")
    with pytest.raises(Conflict) as caught:
        here.open_service().describe(RECORD)
    assert "not Homeport's" in caught.value.what
    assert here.open_service().release("hp-a") is True
    assert admin.virtualization.virtual_machines.get(theirs.id) is not None
    kept = list(admin.ipam.ip_addresses.filter(parent=here.network))
    assert [one.id for one in kept] == [address.id]


def test_two_providers_in_one_netbox_keep_apart_the_sides_of_a_move(world: NetBoxWorld) -> None:
    network = free_network()
    source = netbox_place(world, network).open_service()
    target = netbox_place(world, network, made=False).open_service()
    assert source.allocate("hp-a", "one").address != target.allocate("hp-a", "one").address
    assert source.release("hp-a") is True
    assert target.find("hp-a") is not None


# --- NetBox: refusals ---------------------------------------------------------------------------


def test_what_is_declared_to_opentofu_is_adopted_kept_and_removed(
    world: NetBoxWorld, tmp_path: Path
) -> None:
    """One address through everything; NetBox does not know that the first one is the gateway's."""
    network = free_network()
    here = netbox_place(world, network, gateway=network.replace("0/24", "1"))
    declared = TofuWorld(
        home=str(tmp_path),
        provider={
            "name": here.provider,
            "zone": "test.lab",
            "backends": {"addresses": {"kind": "netbox", "settings": here.settings}},
        },
        hypervisor={},
        infrastructure=infrastructure(tmp_path / "mirror").settings,
        secrets={REFERENCE: world.token},
    )
    owner = "hp-ab12cd34-dec1ared"

    def planned(name: str) -> list[tuple[str, str]]:
        told = declared.addresses().preview(owner, name, name, Journal())
        return [(change.record["action"], change.record["address"]) for change in told]

    told = declared.addresses().preview(owner, "cal", "cal", Journal())
    assert {change.record["action"] for change in told} == {"create"}
    journal = Journal()
    bound = declared.addresses().bound_to([change.record for change in told], "cal", journal)
    lease = bound.allocate(owner, "cal")
    assert lease == here.open_service().find(owner)
    assert any("import netbox_ip_address.cal" in line for line in journal.lines)
    here.open_service().describe(replace(RECORD, owner=owner, is_running=True))
    assert planned("cal") == []
    files = [one for one in declared.root.rglob("*") if one.is_file()]
    assert [one for one in files if world.token.encode() in one.read_bytes()] == []

    assert {action for action, _ in planned("other")} == {"move"}
    shutil.rmtree(declared.addresses().directory(owner))  # with the state
    imports = [("import", "netbox_ip_address.other"), ("import", "netbox_tag.other")]
    assert planned("other") == imports
    assert declared.addresses().allocate(owner, "other") == lease

    address = world.admin().ipam.ip_addresses.get(address=lease.address)
    tags = [tag.id for tag in address.tags]
    address.update({"tags": []})  # somebody else's now
    with pytest.raises(Conflict, match="does not bear"):
        declared.addresses().release(owner)
    address.update({"tags": tags})
    assert declared.addresses().release(owner)
    assert world.admin().ipam.ip_addresses.get(address=lease.address) is None
    assert world.admin().extras.tags.get(slug=f"{owner}-{here.provider}") is None
    assert not declared.addresses().directory(owner)


def test_what_is_not_in_netbox_is_named(world: NetBoxWorld) -> None:
    network = free_network()
    for changed, named in (
        ({}, f"no such prefix ({network})"),
        ({"vrf": "nowhere"}, "no such VRF"),
        ({"range_start": network.replace("0/24", "9")}, "no such IP range"),
    ):
        here = netbox_place(world, network, made=False, **changed)
        with pytest.raises(NotReady) as caught:
            here.open_service().allocate("hp-a", "one")
        assert named in str(caught.value)
        assert [line.status for line in here.open_service().check()] == [CheckStatus.FAIL]
        assert here.open_service().release("hp-a") is False


def test_a_wrong_token_and_a_missing_right_are_told_apart(world: NetBoxWorld) -> None:
    here = netbox_place(world, free_network())
    with pytest.raises(Denied) as wrong:
        service.open_backend(environment(CANARY), here.settings).allocate("hp-a", "one")
    assert "token" in wrong.value.what
    assert CANARY not in str(wrong.value.describe())
    permission = world.admin().users.permissions.get(name="Homeport: its own")
    permission.update({"object_types": ["extras.tag"]})
    try:
        with pytest.raises(Denied) as lacking:
            here.open_service().allocate("hp-a", "one")
        [line] = [line for line in here.open_service().check() if "may not add" in line.found]
        assert line.status is CheckStatus.FAIL
        assert "ipam.ipaddress" in line.found
        assert "ObjectPermission" in line.do
        assert "ObjectPermission" in lacking.value.do
    finally:
        permission.update({"object_types": list(MADE)})
    assert here.open_service().allocate("hp-a", "one")


def test_another_authority_is_not_believed(
    world: NetBoxWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.directory / "ca.pem"))
    here = netbox_place(world, free_network())
    for trust in ({"ca_pem": make_tls(tmp_path)}, {"ca_pem": ""}):
        with pytest.raises(Denied) as caught:
            service.open_backend(environment(world.token), here.settings | trust).find("hp-a")
        assert "no token" in caught.value.left


def test_what_is_no_netbox_or_does_not_answer_is_told(world: NetBoxWorld) -> None:
    here = netbox_place(world, free_network())
    elsewhere = here.settings | {"url": f"{world.url}/elsewhere"}
    with pytest.raises(RemoteFailure, match="not one of NetBox"):
        service.open_backend(environment(world.token), elsewhere).find("hp-a")
    nobody = here.settings | {"url": "https://127.0.0.1:9"}
    for call in ("find", "release"):
        with pytest.raises(Unreachable) as caught:
            getattr(service.open_backend(environment(world.token), nobody), call)("hp-a")
        assert "no connection" in caught.value.why


def test_settings_that_cannot_work_are_named(world: NetBoxWorld) -> None:
    for wrong in (
        {"url": "http://netbox.example.org"},
        {"prefix": "10.0.0.1/24"},
        {"gateway": "10.9.9.9"},
        {"range_start": "10.9.9.9"},
        {"token": CANARY},
    ):
        settings = world.settings(prefix="10.0.0.0/24") | wrong
        with pytest.raises(InvalidInput) as caught:
            service.open_backend(environment(world.token), settings)
        assert next(iter(wrong)) in caught.value.why
        assert CANARY not in str(caught.value.describe())


def test_the_token_is_in_no_log(world: NetBoxWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    here = netbox_place(world, free_network())
    here.open_service().allocate("hp-a", "one")
    here.open_service().release("hp-a")
    secret = world.token.partition(".")[2]
    for text in (world.log.read_text(), caplog.text):
        assert text
        assert secret not in text


def test_the_readme_gives_the_rights_that_are_tested() -> None:
    """The world's own user was made by the very same lines."""
    readme = Path(__file__).resolve().parents[2].joinpath("README.md").read_text()
    [shown] = [part.partition("```")[0] for part in readme.split("```python\n")[1:]]
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(set_up_script()))
