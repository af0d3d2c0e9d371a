"""Names on their way to other name servers: plans, refusals, and what is written down when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.backends.protocols import DnsRecord, NameServer
from engine.cli.main import main
from engine.errors import Conflict, InvalidInput, Unreachable
from engine.homeport import Homeport
from engine.model.deployment import ResourceKind
from engine.model.move import Move, MovePhase
from engine.model.names import NameServers, NamesMove
from engine.model.plan import Effect, Plan
from engine.model.provider import ProviderProfile
from engine.operations.health import ANCHORS, trust_anchors
from engine.operations.redelegating import still_led
from engine.operations.registry import handler, load_built_in
from engine.operations.workplace import Workplace
from engine.paths import Paths
from engine.planning.after_move import plan_revert
from engine.planning.destroy import plan_destroy
from engine.planning.migrate import plan_migrate
from engine.planning.redelegate import at_both, plan_names_back, plan_names_finish
from tests.unit.step_context import Context, MemoryDns, planned
from tests.unit.test_homeport import SECRET, deployed, profile
from tests.unit.test_migrate_plans import at
from tests.unit.test_moving import own

DOMAIN, ADDRESS = "cal.home.example", "192.0.2.7"
OLD, NEW = NameServer("ns.old.example"), NameServer("ns.new.example")


class PublicDns(MemoryDns):
    """names: what its zone and the world say of it."""

    def __init__(self, *names: NameServer) -> None:
        super().__init__()
        self.names = names
        self.public: tuple[NameServer, ...] = ()
        self.trouble: Exception | None = None

    def name_servers(self) -> tuple[NameServer, ...]:
        return self.names

    def delegation(self) -> tuple[NameServer, ...]:
        if not self.public:
            raise Unreachable("nobody says")
        return self.public

    def find(self, owner: str) -> list[DnsRecord]:
        if self.trouble is not None:
            raise self.trouble
        return super().find(owner)


Both = dict[str, PublicDns]


@pytest.fixture
def both() -> Both:
    return {"home": PublicDns(OLD), "away": PublicDns(NEW)}


@pytest.fixture
def homeport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, both: Both) -> Iterator[Homeport]:
    """A deployment "cal" whose names are at "home"; "away" has the same zone."""
    monkeypatch.setattr("engine.operations.control.ensure_worker", lambda paths: None)
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))

    def backends(_: Workplace, provider: ProviderProfile, *__: Any) -> Any:
        return SimpleNamespace(dns=both[provider.name])

    with Homeport.open(Paths.from_environment()) as opened:
        for name in both:
            opened.save_provider(profile(name=name), {f"secret:providers/{name}/token": SECRET})
        plan = deployed(opened, name="cal")
        own(opened, plan.deployment, "home", ResourceKind.RECORD, f"{DOMAIN} A")
        own(opened, plan.deployment, "home", ResourceKind.ADDRESS, f"{ADDRESS}/24")
        owner = opened._workplace.owner(plan.deployment)
        both["home"].records[owner] = [DnsRecord(DOMAIN, "A", (ADDRESS,))]
        monkeypatch.setattr(Workplace, "backends", backends)
        yield opened


def half_way(homeport: Homeport, both: Both) -> None:
    deployment = homeport.deployment("cal").deployment.id
    homeport._inventory.names_moves.begin(deployment, "home", "away")
    assert homeport._inventory.names_moves.live_at(deployment, "away")
    own(homeport, deployment, "away", ResourceKind.RECORD, f"{DOMAIN} A")
    both["away"].records = {owner: list(all_) for owner, all_ in both["home"].records.items()}


def test_a_plan_that_writes_in_dns_does_so_at_both_one_after_the_other() -> None:
    now = datetime.now(UTC)
    sides: dict[str, Any] = {"deployment": "abcd1234", "source": "home", "target": "away"}
    phase: dict[str, Any] = {"phase": MovePhase.OBSERVING, "writer": "away"}
    move = Move(**sides, **phase, operation="o", began=now, changed=now)
    plans = [
        plan_migrate(at("away"), at("home"), "new"),
        plan_revert(at("home"), at("away"), "new", move),
        plan_destroy(at("home"), (), names_at="new"),
    ]
    for plan in plans:
        assert at_both(plan, "") == plan
        doubled = at_both(plan, "old")
        for one, two in ((plan, doubled), (plan.rollback, doubled.rollback)):
            if one is None or two is None:
                assert one is two
                continue
            written = [step for step in one.steps if step.kind.startswith("dns.")]
            steps = {step.id: step for step in two.steps}
            assert written
            assert len(steps) == len(one.steps) + len(written)
            for step in written:
                copy = steps[f"{step.id}.old"]
                assert (copy.at, copy.after, copy.kind) == ("old", (step.id,), step.kind)
                waiting = [each for each in steps.values() if step.id in each.after]
                assert waiting == [copy]


def test_names_that_move_are_made_first_and_live_there_then(homeport: Homeport) -> None:
    plan = homeport.plan_names_move("cal", "away")
    told = [(step.kind, step.effect, step.at) for step in plan.steps]
    assert told == [
        ("names.begin@1", Effect.CHANGE, ""),
        ("dns.apply@1", Effect.CREATE, "away"),
        ("names.live@1", Effect.CHANGE, ""),
    ]
    assert [(change.path, change.new) for change in plan.changes] == [(f"A {DOMAIN}", ADDRESS)]
    assert "delegated at its registrar to ns.new.example" in plan.warnings[0]
    assert homeport.apply(plan, plan.hash).plan == plan


def test_a_zone_that_was_imported_with_its_old_name_servers_is_said(
    homeport: Homeport, both: Both
) -> None:
    both["away"].names = (OLD,)
    assert "Correct its NS records" in homeport.plan_names_move("cal", "away").warnings[0]


def test_what_changes_half_way_is_planned_for_each_that_lacks_it(
    homeport: Homeport, both: Both
) -> None:
    half_way(homeport, both)
    plan = homeport.plan_records("cal", add=["TXT @ x"])
    assert [step.at for step in plan.steps] == ["away", "home"]
    assert [change.path for change in plan.changes] == [f"TXT {DOMAIN}"]
    (owner,) = both["home"].records
    both["home"].records[owner].clear()
    assert [step.at for step in homeport.plan_records("cal").steps] == ["home"]
    other = homeport.records_in_zone("cal").other
    assert other is not None
    assert (other.at, other.is_whole) == ("home", False)
    both["home"].trouble = Unreachable("no answer")
    other = homeport.records_in_zone("cal").other
    assert other is not None
    assert other.trouble == "no answer"


@pytest.mark.parametrize(
    ("public", "kept", "left", "said"),
    [
        ((NEW,), (NEW,), (OLD,), ""),
        ((NEW,), (NEW,), (), ""),
        ((OLD,), (NEW,), (OLD,), "ns.old.example"),
        ((OLD, NEW), (NEW,), (OLD,), "ns.old.example"),
        ((OLD,), (OLD,), (OLD,), "both have the same"),
        ((NEW,), (), (OLD,), "nobody says"),
        ((NameServer("ns.x", ("192.0.2.1",)),), (NameServer("ns.x", ("192.0.2.2",)),), (), "ns.x"),
    ],
)
def test_old_name_servers_are_left_when_the_world_is_sent_to_the_new_ones_alone(
    public: tuple[NameServer, ...],
    kept: tuple[NameServer, ...],
    left: tuple[NameServer, ...],
    said: str,
) -> None:
    told = still_led(public, kept, left, "away", "home")
    assert said in told
    assert bool(told) == bool(said)


def test_the_end_is_refused_until_it_is_safe_and_the_way_back_once_it_is_not(
    homeport: Homeport, both: Both
) -> None:
    half_way(homeport, both)
    with pytest.raises(Unreachable) as unknown:
        homeport.plan_names_finish("cal")
    assert "--anyway" in unknown.value.do
    assert [step.at for step in homeport.plan_names_back("cal").deletes] == ["away"]
    both["away"].public = both["home"].public = (NEW,)
    plan = homeport.plan_names_finish("cal")
    assert [step.at for step in plan.deletes] == ["home"]
    with pytest.raises(Conflict, match="may still be sent to the name servers of away"):
        homeport.plan_names_back("cal")
    assert homeport.plan_names_back("cal", anyway=True).deletes
    delegation = homeport.delegation("cal")
    assert delegation is not None
    assert delegation.wanted == delegation.public == ("ns.new.example",)
    # What was approved is asked again when it is applied.
    both["away"].public = (OLD,)
    with pytest.raises(Conflict, match="cannot be applied"):
        homeport.apply(plan, plan.hash)


def test_name_servers_that_are_gone_are_left_as_they_are_if_somebody_says_so(
    homeport: Homeport, both: Both
) -> None:
    half_way(homeport, both)
    both["away"].public, both["home"].trouble = (NEW,), Unreachable("no answer", do="Look.")
    with pytest.raises(Unreachable, match="no answer") as silent:
        homeport.plan_names_finish("cal")
    assert silent.value.do == "Look. Or leave behind what is there: --anyway."
    plan = homeport.plan_names_finish("cal", anyway=True)
    assert plan.deletes == ()
    assert "stays there" in plan.warnings[-1]
    assert plan.steps[0].kind == "names.forget@1"


def test_a_provider_is_in_use_as_long_as_names_are_with_it(homeport: Homeport, both: Both) -> None:
    homeport._inventory.names_moves.begin(homeport.deployment("cal").deployment.id, "home", "away")
    with pytest.raises(Conflict, match="in use"):
        homeport.remove_provider("away")


@pytest.mark.parametrize(
    "words",
    [
        ["move"],
        ["check", "--to", "away"],
        ["move", "--to", "away", "--anyway"],
        ["add", "TXT @ x", "--back"],
    ],
)
def test_a_command_that_is_not_whole_is_refused(words: list[str]) -> None:
    assert main(["records", "cal", *words]) == InvalidInput.exit_status


def test_the_command_shows_the_plan_and_how_both_stand(
    homeport: Homeport, both: Both, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["records", "cal", "move", "--to", "away", "--plan"]) == 0
    assert "from home to away" in capsys.readouterr().out
    half_way(homeport, both)
    both["away"].public = (OLD,)
    assert main(["records", "cal", "check"]) == 0
    told = capsys.readouterr().out
    assert "at away, where the names live:" in told
    assert "home.example is delegated to: ns.old.example" in told
    assert "the zone at away names: ns.new.example" in told
    assert main(["records", "cal", "check", "--json"]) == 0
    assert '"source": "home"' in capsys.readouterr().out


# --- steps ----------------------------------------------------------------------------------


def at_step(kind: str, servers: NameServers, **args: Any) -> Any:
    load_built_in()
    context: Any = Context(planned((kind, args)), name_servers=servers)
    context.about(kind)
    return context


def test_what_goes_on_after_it_was_settled_otherwise_touches_nothing() -> None:
    """An operation that broke off may be resumed at any later time."""
    alone = NameServers(at="test")
    records = [{"name": "app.home.lab", "type": "A"}]
    for kind in ("dns.remove@1", "names.forget@1"):
        left = at_step(kind, alone, records=records, leaves=True)
        with pytest.raises(Conflict, match="only name servers"):
            handler(kind)(left)
    written = at_step("dns.apply@1", NameServers(at="other"), records=records, also=True)
    assert not handler("dns.apply@1")(written).changed
    assert written.backends.dns.records == {}
    lives = at_step("names.live@1", alone, at="elsewhere")
    lives.names_moves.is_open = False
    with pytest.raises(Conflict, match="do not move any more"):
        handler("names.live@1")(lives)


def test_the_authority_that_vouches_for_the_certificate_is_kept_when_its_provider_is_left() -> None:
    context = at_step("names.begin@1", NameServers(at="test"), source="test", target="new")
    backends = context.backends
    backends.certificates.trust_anchors = lambda: b"its authority"
    context.remember(ResourceKind.CERTIFICATE, "main", "app.home.lab", {"chain": "..."})
    handler("names.begin@1")(context)
    assert context.names_moves.told == [("begin", "test", "new")]
    certificate = context.resource(ResourceKind.CERTIFICATE)
    assert certificate.attributes == {"chain": "...", ANCHORS: "its authority"}
    backends.certificates.trust_anchors = lambda: b"another"
    handler("names.begin@1")(context)
    assert trust_anchors(context.resource(ResourceKind.CERTIFICATE), backends) == b"its authority"
    assert trust_anchors(None, backends) == b"another"


def test_the_end_leaves_nothing_to_say_it_ever_moved() -> None:
    context = at_step("names.end@1", NameServers(at="new", also="test"))
    handler("names.end@1")(context)
    assert context.names_moves.told == [("end",)]


@pytest.mark.parametrize("make", [plan_names_finish, plan_names_back])
def test_both_ends_say_first_where_the_names_live(make: Any) -> None:
    """A move that broke off half-way can be ended either way."""
    move = NamesMove(
        deployment="abcd1234", source="home", target="away", at="home", began=datetime.now(UTC)
    )
    plan: Plan = make(at("home"), move, anyway=False, silent="")
    kept = "away" if make is plan_names_finish else "home"
    assert [step.args.get("at") for step in plan.steps] == [kept, None, None]
