"""Applications moved between the lab's two providers while somebody writes to them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from engine.backends.protocols import NamesAddresses
from engine.demo.use import use_application
from engine.errors import Conflict, NotFound, Unreachable
from engine.homeport import Homeport
from engine.model.deployment import DeploymentStatus, Health, ResourceKind
from engine.model.move import Move, MovePhase
from engine.model.plan import Operation
from engine.public import PublicAnswer
from tests.deployed import Installation, check_nothing_left, installation, naming_addresses
from tests.lab_fixture import RunningLab
from tests.ledger import BOOKS, MANY_ENTRIES, Ledger

pytestmark = pytest.mark.integration

SOURCE, TARGET = "harbour-a", "harbour-b"


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


def migrate(here: Installation, name: str, to: str) -> Operation:
    return here.carry_out(here.homeport.plan_migrate(name, to))


def succeeded(operation: Operation) -> Operation:
    assert operation.status.value == "succeeded", repr(operation.error)
    return operation


def move_of(here: Installation, name: str) -> Move:
    view = here.homeport.deployment(name)
    assert view.move is not None
    return view.move


def answer_at(homeport: Homeport, name: str, address: str, path: str) -> PublicAnswer:
    """What a client gets that holds this address for the name."""
    return replace(homeport.endpoint(name), held=address).request("GET", path)


def address_at(here: Installation, name: str, provider: str) -> str:
    lease = here.backends(provider).addresses.find(here.owner(name))
    assert lease is not None
    return lease.address.partition("/")[0]


@pytest.mark.parametrize("application", ["radicale", "isso", "synapse"])
def test_moved_and_moved_back_while_somebody_writes(here: Installation, application: str) -> None:
    name, homeport = f"mv-{application}", here.homeport
    try:
        succeeded(here.deploy(application, name, MANY_ENTRIES[application]))
        assert use_application(homeport, name)
        ledger = Ledger(BOOKS[application](homeport, name))
        probe = homeport.package(application).health[0]
        for source, target in ((SOURCE, TARGET), (TARGET, SOURCE)):
            with ledger.writing():
                succeeded(migrate(here, name, target))
            ledger.check()
            view = homeport.deployment(name)
            assert (view.deployment.provider, view.deployment.status.value) == (target, "running")
            assert view.address == address_at(here, name, target)
            move = move_of(here, name)
            assert (move.phase, move.writer) == (MovePhase.OBSERVING, target)
            assert move.downtime_seconds is not None
            logging.getLogger(__name__).info(
                "%s %s -> %s: %.2f s away", application, source, target, move.downtime_seconds
            )
            # Whoever still holds the old address is served, too.
            old = answer_at(homeport, name, address_at(here, name, source), probe.path)
            assert old.status in probe.status
            # The secrets, the names and the certificate are what they were.
            assert use_application(homeport, name)
            records = here.backends(SOURCE).dns.find(here.owner(name))
            assert [record.values for record in records] == [(view.address,)]

            succeeded(here.carry_out(homeport.plan_confirm(name)))
            assert here.backends(source).hypervisor.find(here.owner(name)) is None
            assert here.backends(source).addresses.find(here.owner(name)) is None
            assert move_of(here, name).phase is MovePhase.CONFIRMED
            assert homeport.check_health(name).health is Health.HEALTHY
            ledger.check()
    finally:
        succeeded(here.destroy(name))
    for provider in (SOURCE, TARGET):
        check_nothing_left(here, name, provider)


def names_of(here: Installation, name: str) -> dict[str, tuple[str, ...]]:
    """What it has in DNS, by type; the names of its addresses by provider."""
    owner = here.owner(name)
    found = {record.type: record.values for record in here.backends(SOURCE).dns.find(owner)}
    for provider in (SOURCE, TARGET):
        dns = here.backends(provider).dns
        assert isinstance(dns, NamesAddresses)
        for zone in dns.reverse_zones():
            for record in zone.find(owner):
                address = address_at(here, name, provider)
                assert record.name == ip_address(address).reverse_pointer
                found[provider] = record.values
    return found


def test_reverted_with_what_the_source_had_and_said_what_stays_behind(here: Installation) -> None:
    with naming_addresses(here, SOURCE, TARGET):
        move_there_and_back(here, "mv-reverted")
        for provider in (SOURCE, TARGET):
            check_nothing_left(here, "mv-reverted", provider)


def move_there_and_back(here: Installation, name: str) -> None:
    homeport = here.homeport
    domain = f"{name}.{SOURCE}.lab"
    try:
        succeeded(here.deploy("radicale", name))
        ledger = Ledger(BOOKS["radicale"](homeport, name))
        assert ledger.write_one()
        with pytest.raises(Conflict, match="name is taken"):
            homeport.plan_records(name, add=[f"TXT ns.{SOURCE}.lab. theirs", "MX @ 10 @"])
        mail = ["MX @ 10 @", "TXT @ v=spf1 ip4:{public_address} -all", "SRV _imaps._tcp 0 1 993 @"]
        added = homeport.plan_records(name, add=[*mail, "CAA @ 0 issue a.example"])
        assert len(added.changes) == 4
        succeeded(here.carry_out(added))
        removed = homeport.plan_records(name, remove=["CAA @"])
        assert [step.subject for step in removed.deletes] == [f"CAA {domain}"]
        succeeded(here.carry_out(removed))
        assert homeport.plan_records(name).is_empty
        at_source = address_at(here, name, SOURCE)
        fixed = {"MX": (f"10 {domain}",), "SRV": (f"0 1 993 {domain}",)}
        before_the_move = {
            **fixed,
            "A": (at_source,),
            "TXT": (f"v=spf1 ip4:{at_source} -all",),
            SOURCE: (domain,),
        }
        assert names_of(here, name) == before_the_move
        kinds = [owned.kind for owned in homeport.resources(name)]
        assert (kinds.count(ResourceKind.RECORD), kinds.count(ResourceKind.REVERSE)) == (4, 1)
        succeeded(migrate(here, name, TARGET))
        at_target = address_at(here, name, TARGET)
        assert names_of(here, name) == {
            **fixed,
            "A": (at_target,),
            "TXT": (f"v=spf1 ip4:{at_target} -all",),
            SOURCE: (domain,),
            TARGET: (domain,),
        }
        for change in (
            lambda: homeport.plan_reconfigure(name, {"auth": {"realm": "Other"}}),
            lambda: homeport.plan_migrate(name, TARGET),
            lambda: homeport.plan_records(name, remove=["MX @"]),
        ):
            with pytest.raises(Conflict, match="observed"):
                change()
        before = list(ledger.acknowledged)
        assert ledger.write_one()
        plan = homeport.plan_revert(name)
        assert "leaves the application (collections, users)" in plan.warnings[0]
        succeeded(here.carry_out(plan))
        view = homeport.deployment(name)
        assert (view.deployment.provider, move_of(here, name).phase) == (
            SOURCE,
            MovePhase.REVERTED,
        )
        assert ledger.book.entries() == before
        assert names_of(here, name) == {**before_the_move, TARGET: (domain,)}
        assert ledger.write_one()
        # The target passes on what still comes there, and keeps what was written there.
        old = answer_at(homeport, name, address_at(here, name, TARGET), "/.well-known/caldav")
        assert old.status == 301
        kept = here.guest_root(name, TARGET) / "var/lib/homeport/.fenced" / name
        assert list(kept.rglob("n2.ics"))
        with pytest.raises(Conflict, match="kept at another provider"):
            homeport.plan_migrate(name, TARGET)
        succeeded(here.carry_out(homeport.plan_confirm(name)))
        assert here.backends(TARGET).hypervisor.find(here.owner(name)) is None
        assert names_of(here, name) == before_the_move
        assert homeport.check_health(name).health is Health.HEALTHY
        succeeded(migrate(here, name, TARGET))
        assert ledger.book.entries() == [*before, 3]
    finally:
        succeeded(here.destroy(name))
    for provider in (SOURCE, TARGET):
        check_nothing_left(here, name, provider)


def damage(root: Path, name: str) -> None:
    """One bit of one event, with size and time as they were."""
    found = (root / "var/lib/homeport" / name / "collections").rglob("n1.ics")
    event = next(path for path in found if ".Radicale.cache" not in path.parts)
    times = event.stat()
    data = bytearray(event.read_bytes())
    data[len(data) // 2] ^= 1
    event.write_bytes(data)
    os.utime(event, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_damage_is_found_before_the_source_is_fenced_and_the_source_serves_on(
    here: Installation,
) -> None:
    name, homeport = "mv-damaged", here.homeport
    try:
        succeeded(here.deploy("radicale", name))
        ledger = Ledger(BOOKS["radicale"](homeport, name))
        for _ in range(3):
            assert ledger.write_one()
        plan = homeport.plan_migrate(name, TARGET)
        moment = "state.delta.collections:after"
        with here.killed_at(moment):
            operation = homeport.apply(plan, plan.hash)
            here.wait_until_killed(operation, moment)
            damage(here.guest_root(name, TARGET), name)
        failed = here.finish(operation)
        assert failed.status.value == "failed"
        assert failed.error is not None
        assert "collections" in failed.error["on"]
        assert f"serves at {SOURCE} as before" in failed.error["left"]
        view = homeport.deployment(name)
        assert (view.deployment.provider, view.deployment.status) == (
            SOURCE,
            DeploymentStatus.RUNNING,
        )
        assert move_of(here, name).phase is MovePhase.STOPPED
        assert ledger.write_one()
        ledger.check()
        kept = [r for r in homeport.resources(name) if r.provider == TARGET]
        assert ResourceKind.GUEST in [resource.kind for resource in kept]
        # Another try finds what the first one made, and mends what was damaged.
        succeeded(migrate(here, name, TARGET))
        ledger.check()
    finally:
        succeeded(here.destroy(name))
    for provider in (SOURCE, TARGET):
        check_nothing_left(here, name, provider)


def test_cancelled_before_the_fence_the_source_serves_and_the_target_can_be_removed(
    here: Installation,
) -> None:
    name, homeport = "mv-cancelled", here.homeport
    try:
        succeeded(here.deploy("radicale", name))
        ledger = Ledger(BOOKS["radicale"](homeport, name))
        plan = homeport.plan_migrate(name, TARGET)
        moment = "source.freeze:after"
        with ledger.writing(), here.killed_at(moment):
            operation = homeport.apply(plan, plan.hash)
            here.wait_until_killed(operation, moment)
            homeport.cancel(operation.id)
            ended = here.finish(operation)
        assert ended.status.value == "cancelled"
        ledger.check()
        assert ledger.write_one()
        succeeded(here.carry_out(homeport.plan_confirm(name)))
        assert here.backends(TARGET).hypervisor.find(here.owner(name)) is None
        assert [r for r in homeport.resources(name) if r.provider == TARGET] == []
        ledger.check()
    finally:
        succeeded(here.destroy(name))


def test_a_move_that_stops_behind_the_fence_goes_on_or_back_without_loss(
    here: Installation,
) -> None:
    name, homeport = "mv-between", here.homeport
    try:
        succeeded(here.deploy("radicale", name))
        ledger = Ledger(BOOKS["radicale"](homeport, name))
        assert ledger.write_one()
        plan = homeport.plan_migrate(name, TARGET)
        moment = "source.fence:after-journal"
        with here.killed_at(moment):
            operation = homeport.apply(plan, plan.hash)
            here.wait_until_killed(operation, moment)
            root = here.guest_root(name, TARGET)
            program = next((root / "opt/homeport").rglob("site-packages/radicale/__main__.py"))
            kept = program.read_text()
            program.write_text("raise SystemExit('no luck today')\n")
        failed = here.finish(operation)
        assert failed.status.value == "failed"
        assert failed.error is not None
        assert f"homeport revert {name}" in failed.error["do"]
        with pytest.raises((Unreachable, NotFound, AssertionError)):
            assert ledger.write_one()
        with pytest.raises(Conflict, match="between two providers"):
            homeport.plan_reconfigure(name, {"auth": {"realm": "Other"}})
        # Back: nothing was written at the target, so nothing is lost.
        plan = homeport.plan_revert(name)
        assert "never served" in plan.warnings[0]
        succeeded(here.carry_out(plan))
        ledger.check()
        assert ledger.write_one()
        program.write_text(kept)
        succeeded(here.carry_out(homeport.plan_confirm(name)))
    finally:
        succeeded(here.destroy(name))
    for provider in (SOURCE, TARGET):
        check_nothing_left(here, name, provider)
