"""A deployment's names on their way from one provider's name servers to another's, which are BIND:
there, changed in between, finished, taken back, killed, and destroyed half-way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from engine.cli.main import main
from engine.errors import Conflict, InvalidInput, NotFound, Unreachable
from engine.model.deployment import Health
from engine.model.plan import Operation, Plan
from engine.model.provider import Service
from tests.conformance.dns_worlds import DnsWorld, bind, free_port
from tests.deployed import Installation, check_nothing_left, installation
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration

OLD, NEW = "harbour-a", "harbour-b"
ZONE = f"{OLD}.lab"


@dataclass
class Moving:
    """A deployment at harbour-a, whose zone harbour-b's name server has, too: `world`."""

    here: Installation
    world: DnsWorld
    name: str

    @property
    def domain(self) -> str:
        return f"{self.name}.{ZONE}"

    def set_up(self, provider: str = NEW, **settings: Any) -> None:
        """What harbour-b's DNS settings say."""
        profile = self.here.homeport.provider(provider)
        dns = profile.backends[Service.DNS]
        whole = {**self.world.settings, "secret_args": {"key_secret": "secret:providers/bind/key"}}
        settings = {**(whole if provider == NEW else dns.settings), **settings}
        backends = {**profile.backends, Service.DNS: dns.model_copy(update={"settings": settings})}
        secrets = {"secret:providers/bind/key": next(iter(self.world.secrets.values()))}
        changed = profile.model_copy(update={"backends": backends})
        self.here.homeport.save_provider(changed, secrets)

    @property
    def old_server(self) -> str:
        (server,) = self.here.homeport.provider(OLD).backends[Service.DNS].settings["authoritative"]
        return str(server)

    def at(self, provider: str) -> dict[str, tuple[str, ...]]:
        """Its records there, by type and name."""
        found = self.here.backends(provider).dns.find(self.here.owner(self.name))
        return {f"{one.type} {one.name}": one.values for one in found}

    def move(self, to: str = NEW) -> Operation:
        return self.done(self.here.homeport.plan_names_move(self.name, to))

    def finish(self) -> Operation:
        return self.done(self.here.homeport.plan_names_finish(self.name, anyway=True))

    def done(self, plan: Plan) -> Operation:
        return succeeded(self.here.carry_out(plan))

    def is_well(self) -> bool:
        return self.here.homeport.check_health(self.name).health is Health.HEALTHY


def succeeded(operation: Operation) -> Operation:
    assert operation.status.value == "succeeded", repr(operation.error)
    return operation


@pytest.fixture(scope="module")
def moving(lab: RunningLab) -> Iterator[Moving]:
    """Names at harbour-a alone; every test leaves it so."""
    with installation(lab) as here, bind(ZONE) as world:
        there = Moving(here, world, "nm-first")
        before = here.homeport.provider(NEW)
        there.set_up()
        succeeded(here.deploy("radicale", there.name))
        try:
            yield there
        finally:
            succeeded(here.destroy(there.name))
            here.homeport.save_provider(before, {})
        check_nothing_left(here, there.name, OLD)


def test_names_live_at_other_name_servers_and_leave_the_old_ones_when_nobody_is_sent_there(
    moving: Moving, capsys: pytest.CaptureFixture[str]
) -> None:
    homeport, name, domain = moving.here.homeport, moving.name, moving.domain
    plan = homeport.plan_names_move(name, NEW)
    assert [change.path for change in plan.changes] == [f"A {domain}"]
    assert f"delegated at its registrar to ns.{ZONE} (127.0.0.1)" in plan.warnings[0]
    assert moving.at(NEW) == {}
    moving.done(plan)
    address = homeport.deployment(name).address
    assert moving.at(NEW) == moving.at(OLD) == {f"A {domain}": (address,)}
    assert moving.is_well()
    assert f"127.0.0.1:{moving.world.port}" in homeport.endpoint(name).nameservers

    # What changes meanwhile is at both, and what one of them lacks is written there.
    moving.done(homeport.plan_records(name, add=["TXT @ hello", "MX @ 10 mail.example.org"]))
    moving.world.somebody_removes(domain, "TXT")
    assert main(["records", name, "check"]) == 1
    told = capsys.readouterr().out
    assert f"at {OLD}, which is written to as well:" in told
    assert "delegated to: unknown" in told
    (step,) = homeport.plan_records(name).steps
    assert step.at == NEW
    moving.done(homeport.plan_records(name))
    moving.done(homeport.plan_records(name, remove=["MX @"]))
    assert moving.at(NEW) == moving.at(OLD)
    assert moving.at(NEW).keys() == {f"A {domain}", f"TXT {domain}"}
    with pytest.raises(Conflict, match="on their way already"):
        homeport.plan_names_move(name, NEW)
    with pytest.raises(Conflict, match="in use"):
        homeport.remove_provider(NEW)

    # The world is asked first: nobody, the old ones, the new ones.
    with pytest.raises(Unreachable, match="nobody says") as unknown:
        homeport.plan_names_finish(name)
    assert "--anyway" in unknown.value.do
    moving.set_up(resolver=moving.old_server)
    with pytest.raises(Conflict, match=f"may still be sent to the name servers of {OLD}"):
        homeport.plan_names_finish(name)
    moving.set_up(resolver=f"127.0.0.1:{moving.world.port}")
    plan = homeport.plan_names_finish(name)
    assert [step.at for step in plan.deletes] == [OLD]
    moving.done(plan)
    assert (moving.at(OLD), list(moving.at(NEW))) == ({}, [f"A {domain}", f"TXT {domain}"])
    moving.done(homeport.plan_records(name, remove=["TXT @"]))
    assert (moving.at(OLD), list(moving.at(NEW))) == ({}, [f"A {domain}"])
    assert moving.is_well()
    resources = [one.provider for one in homeport.resources(name) if one.kind.value == "record"]
    assert resources == [NEW]
    with pytest.raises(NotFound, match="not moving"):
        homeport.plan_names_back(name)
    moving.move(OLD)
    moving.finish()
    assert (list(moving.at(OLD)), moving.at(NEW)) == ([f"A {domain}"], {})


def test_what_cannot_be_there_is_refused_before_anything_is_done(moving: Moving) -> None:
    homeport, name, domain = moving.here.homeport, moving.name, moving.domain
    moving.world.somebody_adds(domain, "A", "192.0.2.99")
    try:
        with pytest.raises(Conflict, match="the name is taken") as theirs:
            homeport.plan_names_move(name, NEW)
        assert f"at {NEW}" in theirs.value.on
        assert "imported zone" in theirs.value.do
    finally:
        moving.world.somebody_removes(domain, "A")
    for settings, error, said in (
        ({"zone": f"{NEW}.lab"}, InvalidInput, "does not hold"),
        ({"authoritative": [f"127.0.0.1:{free_port()}"]}, Unreachable, "do not answer"),
        ({"authoritative": []}, InvalidInput, "cannot be asked"),
    ):
        moving.set_up(**settings)
        with pytest.raises(error, match=said):
            homeport.plan_names_move(name, NEW)
    moving.set_up()
    with pytest.raises(InvalidInput, match="there already"):
        homeport.plan_names_move(name, OLD)
    assert moving.at(NEW) == {}
    assert list(moving.at(OLD)) == [f"A {domain}"]


def test_killed_on_its_way_it_ends_as_it_was_meant_and_the_way_back_leaves_nothing(
    moving: Moving,
) -> None:
    def killed(plan: Plan, *steps: str) -> None:
        moments = [f"{step}:after" for step in steps]
        succeeded(moving.here.killed_everywhere(plan, moments))

    homeport, name = moving.here.homeport, moving.name
    before = moving.at(OLD)
    killed(homeport.plan_names_move(name, NEW), "names.begin", "dns.apply")
    assert moving.at(NEW) == moving.at(OLD) == before
    killed(homeport.plan_names_back(name), "dns.remove")
    assert (moving.at(NEW), moving.at(OLD)) == ({}, before)
    assert {one for one in moving.world.records(ZONE) if moving.name in one[0]} == set()
    assert homeport.records_in_zone(name).other is None


def test_a_deployment_moves_and_is_destroyed_while_its_names_are_at_both(moving: Moving) -> None:
    """What another deployment has in the same zone stays as it is."""
    here, homeport = moving.here, moving.here.homeport
    own = Moving(here, moving.world, "nm-second")
    before = moving.at(OLD)
    try:
        succeeded(here.deploy("radicale", own.name))
        plan = homeport.plan_names_move(own.name, NEW)
        assert any(f"{OLD} alone: {moving.name}" in warning for warning in plan.warnings)
        own.done(plan)
        source = own.at(OLD)
        own.done(homeport.plan_migrate(own.name, NEW))
        target = own.at(OLD)
        assert (own.at(NEW), target != source) == (target, True)
        assert own.is_well()
    finally:
        plan = homeport.plan_destroy(own.name)
        removed = [step for step in plan.deletes if step.kind == "dns.remove@1"]
        assert {step.at or plan.provider for step in removed} == {OLD, NEW}
        succeeded(here.carry_out(plan))
    for provider in (OLD, NEW):
        check_nothing_left(here, own.name, provider)
    assert moving.at(OLD) == before
