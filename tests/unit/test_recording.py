"""A deployment's records at the front door and on the command line: what is kept and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.backends.protocols import DnsRecord
from engine.cli.main import main
from engine.errors import InvalidInput, NotFound, PlanChanged
from engine.homeport import Homeport
from engine.model.deployment import DeploymentStatus, ResourceKind
from engine.model.plan import Effect, Plan
from engine.model.provider import Service
from engine.operations.outcome import record_end
from engine.operations.runner import StepResult
from engine.operations.workplace import Workplace
from engine.paths import Paths
from tests.unit.step_context import MemoryDns
from tests.unit.test_homeport import SECRET, deployed, profile, request
from tests.unit.test_moving import own

DOMAIN, ADDRESS = "cal.home.example", "192.0.2.7"
MX = f"MX {DOMAIN}"


@pytest.fixture
def dns() -> MemoryDns:
    return MemoryDns()


@pytest.fixture
def homeport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dns: MemoryDns) -> Iterator[Homeport]:
    """A deployment "cal" that runs and has its address and name, in a zone that lives in memory."""
    monkeypatch.setattr("engine.operations.control.ensure_worker", lambda paths: None)
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))
    with Homeport.open(Paths.from_environment()) as opened:
        opened.save_provider(profile(), {"secret:providers/home/token": SECRET})
        plan = deployed(opened, name="cal")
        own(opened, plan.deployment, "home", ResourceKind.RECORD, f"{DOMAIN} A")
        own(opened, plan.deployment, "home", ResourceKind.ADDRESS, f"{ADDRESS}/24")
        owner = opened._workplace.owner(plan.deployment)
        dns.records[owner] = [DnsRecord(DOMAIN, "A", (ADDRESS,))]
        backends = SimpleNamespace(dns=dns)
        monkeypatch.setattr(Workplace, "backends", lambda *_: backends)
        yield opened


def ended(homeport: Homeport, plan: Plan, outcome: str = "done") -> list[str]:
    """Applied, and ended so; the keys of the records that are kept then."""
    operation = homeport.apply(plan, plan.hash)
    result = StepResult(outcome, None if outcome == "done" else {"what": "x"})  # type: ignore[arg-type]
    record_end(homeport._inventory, operation, {plan.steps[0].id: result})
    return [record.key for record in homeport.deployment("cal").deployment.records]


def test_what_is_added_is_planned_against_the_zone_and_kept_once_it_is_there(
    homeport: Homeport,
) -> None:
    plan = homeport.plan_records("cal", add=["MX @ 10 mail.example.org"])
    (step,) = plan.steps
    assert (step.kind, step.effect, step.at) == ("dns.apply@1", Effect.CHANGE, "home")
    assert [record["type"] for record in step.args["records"]] == ["A", "MX"]
    assert [(c.path, c.old, c.new) for c in plan.changes] == [(MX, None, "10 mail.example.org")]
    assert homeport.deployment("cal").deployment.records == ()
    assert ended(homeport, plan, "failed") == []
    assert homeport.deployment("cal").deployment.status is DeploymentStatus.RUNNING
    assert ended(homeport, plan) == [MX]
    assert homeport.deployment("cal").health is None
    assert [record.key for record in homeport.records("cal")] == [MX]
    # The zone here was never written: what is missing in it is planned again.
    assert not homeport.plan_records("cal").is_empty


def test_what_is_removed_is_named_first(homeport: Homeport, dns: MemoryDns) -> None:
    ended(homeport, homeport.plan_records("cal", add=["MX @ 10 a.example", "TXT @ x"], ttl=60))
    (owner,) = dns.records
    dns.records[owner] += [DnsRecord(DOMAIN, "MX", ("10 a.example",), 60)]
    dns.records[owner] += [DnsRecord(DOMAIN, "TXT", ("x",), 60)]
    assert homeport.plan_records("cal").is_empty
    plan = homeport.plan_records("cal", remove=["MX @"])
    assert [step.subject for step in plan.deletes] == [MX]
    assert ended(homeport, plan) == [f"TXT {DOMAIN}"]


def test_what_the_zone_has_of_it_is_told_apart_from_what_it_should_have(
    homeport: Homeport, dns: MemoryDns
) -> None:
    ended(
        homeport,
        homeport.plan_records(
            "cal", add=["MX @ 10 a.example", "TXT @ x", "CAA @ 0 issue a.example"]
        ),
    )
    (owner,) = dns.records
    dns.records[owner] += [DnsRecord(DOMAIN, "CAA", ('0 issue "a.example"',))]
    dns.records[owner] += [DnsRecord(DOMAIN, "MX", ("20 b.example",), 60)]
    found = homeport.records_in_zone("cal")
    assert (found.zone, [record.key for record in found.added]) == (
        "home.example",
        [f"CAA {DOMAIN}", MX, f"TXT {DOMAIN}"],
    )
    told = [(one.record.key, one.origin, one.served, one.there) for one in found.records]
    assert told == [
        (f"A {DOMAIN}", "address", True, (ADDRESS,)),
        (f"CAA {DOMAIN}", "owner", True, ('0 issue "a.example"',)),
        (MX, "owner", False, ("20 b.example",)),
        (f"TXT {DOMAIN}", "owner", False, ()),
    ]


def test_a_plan_that_the_zone_no_longer_fits_is_not_applied(
    homeport: Homeport, dns: MemoryDns
) -> None:
    plan = homeport.plan_records("cal", add=["MX @ 10 a.example"])
    (owner,) = dns.records
    dns.records[owner] += [DnsRecord(DOMAIN, "MX", ("10 a.example",))]
    with pytest.raises(PlanChanged):
        homeport.apply(plan, plan.hash)


def test_an_address_that_a_move_would_leave_behind_is_said(homeport: Homeport) -> None:
    plan = homeport.plan_records("cal", add=[f"TXT @ v=spf1 ip4:{ADDRESS} -all"])
    assert "Write {public_address}" in plan.warnings[0]
    for other in ("TXT @ v=spf1 ip4:{public_address} -all", f"TXT @ {ADDRESS}9"):
        assert homeport.plan_records("cal", add=[other]).warnings == ()


def test_a_deployment_without_a_name_yet_has_no_records(homeport: Homeport) -> None:
    deployed(homeport, name="new", domain="new.home.example")
    with pytest.raises(NotFound, match="no name in DNS yet"):
        homeport.plan_records("new", add=["MX @ 10 a.example"])


def test_records_come_with_the_deployment(homeport: Homeport) -> None:
    texts = ["MX @ 10 a.example", "CNAME www @"]
    wanted = request(name="new", domain="new.home.example", records=texts)
    plan = homeport.plan_deploy(wanted)
    step = next(step for step in plan.steps if step.kind == "dns.apply@1")
    assert (
        step.subject == "A record new.home.example, MX new.home.example, CNAME www.new.home.example"
    )
    homeport.apply(plan, plan.hash)
    kept = homeport.deployment("new").deployment.records
    assert [record.key for record in kept] == ["MX new.home.example", "CNAME www.new.home.example"]
    plain = homeport.plan_deploy(request(name="b", domain="b.home.example"))
    assert plain.records is None
    with pytest.raises(InvalidInput, match="own address"):
        homeport.plan_deploy(request(name="c", domain="c.home.example", records=["CNAME @ x.y"]))


def test_an_address_gets_its_name_once_the_provider_has_a_zone_for_it(homeport: Homeport) -> None:
    dns = homeport.provider("home").backends[Service.DNS]
    more = dns.model_copy(update={"settings": {"reverse_zones": ["2.0.192.in-addr.arpa"]}})
    backends = {**profile().backends, Service.DNS: more}
    homeport.save_provider(profile(backends=backends), {})
    (step,) = homeport.plan_records("cal").steps
    assert step.kind == "reverse.ensure@1"
    own(homeport, homeport.deployment("cal").deployment.id, "home", ResourceKind.REVERSE, "main")
    assert homeport.plan_records("cal").is_empty


def test_by_command(homeport: Homeport, capsys: pytest.CaptureFixture[str]) -> None:
    ended(homeport, homeport.plan_records("cal", add=["MX @ 10 a.example"]))
    assert main(["records", "cal"]) == 0
    assert capsys.readouterr().out == f"MX     {DOMAIN}  10 a.example  (TTL 300 s, added)\n"
    assert main(["records", "cal", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["values"], found["added"]) == (["10 a.example"], True)
    assert main(["records", "cal", "check"]) == 1
    told = capsys.readouterr().out
    assert [line.split()[:2] for line in told.splitlines()[1:3]] == [["A", DOMAIN], ["MX", DOMAIN]]
    assert "missing" in told
    assert "homeport records cal apply" in told
    assert main(["records", "cal", "check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["served"] for one in told["records"]] == [True, False]
    for wrong in (
        ["add"],
        ["apply", "MX @"],
        ["check", "MX @"],
        ["add", "NS @ a.b"],
        ["remove", "TXT @"],
    ):
        assert main(["records", "cal", *wrong]) == 2
        assert "Give " in (told := capsys.readouterr().err) or "Write " in told or "Name " in told
