"""A provider that has IPv6 addresses and no others."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, ip_network

import pytest

from engine.demo.use import use_application
from engine.lab.api.settings import local_network6
from engine.model.provider import BackendProfile, ProviderProfile, Service
from tests.deployed import Installation, check_nothing_left, installation
from tests.integration.test_migrate import SOURCE, TARGET, address_at, answer_at, migrate, succeeded
from tests.lab_fixture import RunningLab
from tests.ledger import BOOKS, Ledger

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make an IPv6 network local"),
]


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    """The second harbour has an IPv6 network for its guests."""
    gateway = lab.profile(TARGET).backends[Service.ADDRESSES].settings["gateway"]
    network = local_network6(IPv4Address(gateway))
    addresses = [str(network[0x10 + number]) for number in range(4)]
    try:
        for address in addresses:
            _let_be("replace", address)
        with installation(lab) as opened:
            opened.homeport.save_provider(_with_network6(lab.profile(TARGET), addresses), {})
            yield opened
    finally:
        for address in addresses:
            _let_be("del", address)


def _let_be(verb: str, address: str) -> None:
    command = ("ip", "-6", "address", verb, f"{address}/128", "dev", "lo")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and verb == "replace":
        pytest.skip(f"this machine has no IPv6: {done.stderr.strip()}")


def _with_network6(profile: ProviderProfile, addresses: Sequence[str]) -> ProviderProfile:
    network = ip_network(f"{addresses[0]}/64", strict=False)
    settings = {
        "network": str(network),
        "first": addresses[0],
        "last": addresses[-1],
        "gateway": str(network[1]),
        "nameservers": [str(network[2])],
    }
    pool = BackendProfile(kind="pool", settings=settings)
    return profile.model_copy(update={"backends": {**profile.backends, Service.ADDRESSES: pool}})


def test_moved_to_ipv6_and_back(here: Installation) -> None:
    """Neither guest reaches the other from its own address: the data go through this machine."""
    application, name, homeport = "synapse", "six", here.homeport
    try:
        succeeded(here.deploy(application, name))
        ledger = Ledger(BOOKS[application](homeport, name))
        probe = homeport.package(application).health[0]
        for source, target, kind in ((SOURCE, TARGET, "AAAA"), (TARGET, SOURCE, "A")):
            with ledger.writing():
                succeeded(migrate(here, name, target))
            ledger.check()
            address = address_at(here, name, target)
            records = here.backends(SOURCE).dns.find(here.owner(name))
            assert [(record.type, record.values) for record in records] == [(kind, (address,))]
            # Whoever still holds the address of the other family is served, too.
            old = answer_at(homeport, name, address_at(here, name, source), probe.path)
            assert old.status in probe.status
            assert use_application(homeport, name)
            succeeded(here.carry_out(homeport.plan_confirm(name)))
            ledger.check()
    finally:
        succeeded(here.destroy(name))
    for provider in (SOURCE, TARGET):
        check_nothing_left(here, name, provider)
