"""The pool of addresses in the inventory, on every lease store."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backends.addresses.pool import AddressPool, PoolSettings, open_backend, usable
from engine.backends.registry import BackendEnvironment, LeaseStore
from engine.errors import InvalidInput, NoCapacity
from engine.inventory.inventory import Inventory
from engine.model.provider import CheckStatus, ProviderProfile
from engine.paths import Paths
from tests.conformance.doubles import MemoryLeases

LAN = {
    "network": "192.168.1.0/24",
    "first": "192.168.1.200",
    "last": "192.168.1.203",
    "gateway": "192.168.1.1",
    "nameservers": ["192.168.1.201"],
}


@pytest.fixture(params=["memory", "inventory"])
def leases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LeaseStore]:
    if request.param == "memory":
        yield MemoryLeases()
        return
    inventory = Inventory.open(Paths(tmp_path / "state", tmp_path / "config", tmp_path / "lab"))
    try:
        yield inventory.leases
    finally:
        inventory.close()


def pool(leases: LeaseStore, name: str = "home", **changes: Any) -> AddressPool:
    nowhere = Path("/nonexistent")
    profile = ProviderProfile(name=name, zone="test.lab", backends={})
    environment = BackendEnvironment(
        profile, "ab12cd34", Paths(nowhere, nowhere, nowhere), lambda _: "", leases
    )
    return open_backend(environment, {**LAN, **changes})


def test_an_owner_keeps_its_address(leases: LeaseStore) -> None:
    first = pool(leases).allocate("a", "radicale-1")
    assert first == pool(leases).allocate("a", "radicale-1") == pool(leases).find("a")
    assert first.address == "192.168.1.200/24"
    assert first.gateway == "192.168.1.1"
    assert first.nameservers == ("192.168.1.201",)


def test_owners_get_different_addresses_and_providers_do_not_meet(leases: LeaseStore) -> None:
    first = pool(leases).allocate("a", "one")
    second = pool(leases).allocate("b", "two")
    assert first.address != second.address
    assert pool(leases, "other").allocate("b", "two").address == first.address


def test_a_released_address_is_free_again(leases: LeaseStore) -> None:
    service = pool(leases)
    lease = service.allocate("a", "one")
    assert service.release("a") is True
    assert service.release("a") is False
    assert service.find("a") is None
    assert service.allocate("b", "two").address == lease.address


def test_an_exhausted_pool_says_what_to_do(leases: LeaseStore) -> None:
    service = pool(leases)
    for owner in ("a", "b", "c"):
        service.allocate(owner, owner)
    with pytest.raises(NoCapacity) as caught:
        service.allocate("d", "one too many")
    assert "all 3 addresses" in caught.value.why
    assert "'last'" in caught.value.do
    assert service.find("d") is None


def test_an_ipv6_network_of_any_size_is_served(leases: LeaseStore) -> None:
    v6 = {"network": "2001:db8::/64", "first": None, "last": None, "nameservers": []}
    service = pool(leases, **v6, gateway="2001:db8::1")
    assert service.allocate("a", "one").address == "2001:db8::2/64"
    assert service.check()[0].status is CheckStatus.WARN


def test_the_check_tells_the_size(leases: LeaseStore) -> None:
    check = pool(leases).check()[0]
    assert check.status is CheckStatus.PASS
    assert "3 addresses" in check.found


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"first": "192.168.2.1"}, "first"),
        ({"gateway": "10.0.0.1"}, "gateway"),
        ({"first": "192.168.1.210"}, "no usable address"),
        ({"network": "192.168.1.7/24"}, "network"),
        ({"last": "x"}, "last"),
        ({"netmask": "24"}, "netmask"),
        ({"first": "2001:db8::1"}, "first"),
    ],
)
def test_settings_that_cannot_work_are_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        pool(MemoryLeases(), **changes)
    assert named in caught.value.why


@st.composite
def pools(draw: st.DrawFn) -> PoolSettings:
    version = draw(st.sampled_from([4, 6]))
    bits = 32 if version == 4 else 128
    length = draw(st.integers(bits - 8, bits - 1))
    base = draw(st.integers(0, 2**bits - 1)) >> (bits - length) << (bits - length)
    make: Any = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    network = ipaddress.ip_network((base, length))
    inside = st.integers(int(network.network_address), int(network.broadcast_address)).map(make)
    first, last = sorted((draw(inside), draw(inside)))
    try:
        return PoolSettings(
            network=network,
            first=draw(st.sampled_from([first, None])),
            last=draw(st.sampled_from([last, None])),
            gateway=draw(st.none() | inside),
            nameservers=tuple(draw(st.lists(inside, max_size=3))),
            exclude=tuple(draw(st.lists(inside, max_size=3))),
        )
    except ValueError:
        return PoolSettings(network=ipaddress.ip_network("192.0.2.0/24"))


@given(pools(), st.integers(1, 12))
@settings(deadline=None)
def test_no_guest_gets_an_address_that_something_else_needs(
    chosen: PoolSettings, owners: int
) -> None:
    service = AddressPool("home", chosen, MemoryLeases())
    got = []
    for number in range(owners):
        try:
            got.append(ipaddress.ip_interface(service.allocate(str(number), "x").address))
        except NoCapacity:
            assert len(got) == len(list(usable(chosen)))
            break
    addresses = [interface.ip for interface in got]
    assert len(set(addresses)) == len(addresses)
    assert not set(addresses) & {chosen.gateway, *chosen.nameservers, *chosen.exclude}
    for interface in got:
        assert interface.network == chosen.network
        if chosen.network.num_addresses > 2:
            assert interface.ip != chosen.network.network_address
            assert chosen.network.version == 6 or interface.ip != chosen.network.broadcast_address
        assert chosen.first is None or interface.ip >= chosen.first  # type: ignore[operator]
        assert chosen.last is None or interface.ip <= chosen.last  # type: ignore[operator]
    assert f"{len(list(usable(chosen)))} addresses" in service.check()[0].found
