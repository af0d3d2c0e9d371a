"""What every dns backend promises, against real servers: our own names and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from engine.backends.dns.octodns_backend import OctodnsDns, open_backend
from engine.backends.protocols import Dns, DnsRecord, NamesAddresses
from engine.backends.registry import BackendEnvironment
from engine.errors import (
    Cancelled,
    Conflict,
    Denied,
    HomeportError,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    PlanChanged,
    RetryableError,
    Unreachable,
    Unsafe,
)
from engine.model.provider import CheckStatus
from engine.paths import Paths
from tests.conformance.dns_worlds import HOST, REVERSE, WORLDS, ZONE, DnsWorld, free_port
from tests.conformance.doubles import Journal

pytestmark = [pytest.mark.integration, pytest.mark.real]

ME, SOMEBODY = "hp-aaaaaaaa-bbbbbbbb", "hp-aaaaaaaa-cccccccc"
CAL = DnsRecord(f"cal.{ZONE}", "A", ("192.0.2.1",))
CAL6 = DnsRecord(f"cal.{ZONE}", "AAAA", ("2001:db8::1",), 120)


@pytest.fixture(scope="module", params=sorted(WORLDS))
def server(request) -> Iterator[DnsWorld]:
    with WORLDS[request.param]() as world:
        yield world


@pytest.fixture
def world(server: DnsWorld) -> DnsWorld:
    server.clear()
    return server


@pytest.fixture
def dns(world: DnsWorld, tmp_path: Path) -> OctodnsDns:
    return opened(world.settings, world.secrets, tmp_path)


def opened(
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    state: Path,
) -> OctodnsDns:
    """state: of the installation."""
    environment = BackendEnvironment(
        provider=None,  # type: ignore[arg-type] - only named in errors about settings
        installation="testtest",
        paths=Paths(state, state, state),
        read_secret=secrets.__getitem__,
        leases=None,  # type: ignore[arg-type] - and claims nothing
    )
    return open_backend(environment, settings)


def make(dns: Dns, *desired: DnsRecord, owner: str = ME) -> None:
    dns.apply(dns.plan(owner, desired), desired)


MAIL = [
    DnsRecord(f"_dmarc.{CAL.name}", "TXT", (f"v=DMARC1; p=none; rua=mailto:a@{ZONE}",)),
    DnsRecord(f"_imaps._tcp.{CAL.name}", "SRV", (f"0 1 993 mail.{CAL.name}", "0 2 993 b.example")),
    DnsRecord(f"_mta-sts.{CAL.name}", "TXT", ("v=STSv1; id=20260101T000000;",)),
    DnsRecord(CAL.name, "A", ("192.0.2.1",)),
    DnsRecord(CAL.name, "CAA", ('0 issue "authority.example; validationmethods=dns-01"',)),
    DnsRecord(CAL.name, "MX", ("10 mx1.example.org", f"20 mail.{CAL.name}"), 600),
    DnsRecord(CAL.name, "TXT", ("site-verification=Ab1", "v=spf1 mx ip4:192.0.2.1 -all")),
    DnsRecord(f"k1._domainkey.{CAL.name}", "TXT", (f"v=DKIM1; k=rsa; p={'MIIBIj+/' * 60}",)),
    DnsRecord(f"mail.{CAL.name}", "A", ("192.0.2.1",)),
    DnsRecord(f"mta-sts.{CAL.name}", "CNAME", (CAL.name,)),
]
"""What mail needs, with a key of DKIM that is longer than one string of a text can be."""


def test_mail_s_records_are_served_changed_and_go_one_by_one(world, dns):
    """Beside those of others in the zone, which stay as they were."""
    for number in range(30):  # octoDNS's limits count the whole zone
        world.somebody_adds(f"n{number}.{ZONE}", "A", "198.51.100.1")
    world.somebody_adds(ZONE, "MX", "10 theirs.example.")
    before = world.records()
    make(dns, *MAIL)
    dns.verify(MAIL, Journal())
    assert dns.find(ME) == MAIL
    assert dns.plan(ME, MAIL).changes == ()
    changed = DnsRecord(CAL.name, "MX", ("10 mx1.example.org",), 600)
    left = [changed if record.type == "MX" else record for record in MAIL[:-1]]
    plan = dns.plan(ME, left)
    told = [(each.action, (each.after or each.before).type) for each in plan.changes]
    assert told == [("delete", "TXT"), ("update", "MX"), ("delete", "CNAME")]
    dns.apply(plan, left)
    assert dns.find(ME) == left
    make(dns, *left[3:])
    assert dns.find(ME) == left[3:]
    make(dns)
    assert world.records() == before


def test_a_mail_server_without_an_address_is_refused_before_anything_changes(world, dns):
    world.somebody_adds(f"alias.{ZONE}", "CNAME", f"ns.{ZONE}.")
    world.somebody_adds(f"sub.{ZONE}", "NS", "ns.elsewhere.example.")
    before = world.records()
    for target, why in ((f"nowhere.{ZONE}", "no A or AAAA"), (f"alias.{ZONE}", "alias")):
        with pytest.raises(InvalidInput, match="no address") as refused:
            dns.plan(ME, [CAL, DnsRecord(CAL.name, "MX", (f"10 {target}",))])
        assert why in refused.value.why
    assert world.records() == before
    elsewhere = (
        "10 CAL.shared.test",
        "20 mail.example.org",
        f"30 mail.sub.{ZONE}",
        f"40 a{ZONE}",
        "50 .",
    )
    assert dns.plan(ME, [CAL, DnsRecord(CAL.name, "MX", elsewhere)]).changes


def test_one_s_own_records_at_the_zone_s_name_stand_beside_those_of_others(world, dns):
    world.somebody_adds(ZONE, "A", "198.51.100.1")
    before = world.records()
    ours = DnsRecord(ZONE, "MX", (f"10 ns.{ZONE}",))
    make(dns, ours)
    assert dns.find(ME) == [ours]
    for refused in (("A", "192.0.2.1"), ("AAAA", "2001:db8::1")):
        with pytest.raises(Conflict):
            dns.plan(ME, [ours, DnsRecord(ZONE, refused[0], refused[1:])])
    make(dns)
    world.somebody_adds(ZONE, "MX", "5 theirs.example.")
    with pytest.raises(Conflict):
        dns.plan(ME, [ours])
    assert {each for each in world.records() if each[1] != "MX"} == before


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_an_address_gets_its_name_in_the_zone_that_holds_it(
    world: DnsWorld, tmp_path: Path, address: str
) -> None:
    dns = opened({**world.settings, "reverse_zones": list(REVERSE)}, world.secrets, tmp_path)
    assert isinstance(dns, NamesAddresses)
    before = {zone: world.records(zone) for zone in REVERSE}
    name = ip_address(address).reverse_pointer
    record = DnsRecord(name, "PTR", (CAL.name,))
    zone = dns.reverse_of(name)
    assert zone is not None
    make(zone, record)
    zone.verify([record], Journal())
    assert zone.find(ME) == [record]
    assert zone.plan(ME, [record]).changes == ()
    with pytest.raises(Conflict):
        zone.plan(SOMEBODY, [record])
    theirs = ip_address(address) + 1
    world.somebody_adds(theirs.reverse_pointer, "PTR", "theirs.example.")
    with pytest.raises(Conflict):
        zone.plan(ME, [record, DnsRecord(theirs.reverse_pointer, "PTR", (CAL.name,))])
    for each in dns.reverse_zones():
        make(each)
    after = {zone: world.records(zone) for zone in REVERSE}
    left = [name for zone in REVERSE for name, _, _ in after[zone] - before[zone]]
    assert left == [f"{theirs.reverse_pointer}."]
    assert dns.reverse_of(ip_address("198.51.100.1").reverse_pointer) is None
    assert [check.status for check in dns.check()] == [CheckStatus.PASS] * 6


def test_check_passes_and_leaves_the_zone_as_it_was(world, dns):
    before = world.records()
    checks = dns.check()
    assert [check.status for check in checks] == [CheckStatus.PASS, CheckStatus.PASS]
    assert "written" in checks[1].found
    assert world.records() == before


def test_many_at_once_are_checked_and_all_get_their_records(world, tmp_path):
    before = world.records()
    wanted = {
        f"hp-aaaaaaaa-{number:08}": DnsRecord(f"many{number}.{ZONE}", "A", (f"192.0.2.{number}",))
        for number in range(8)
    }

    def one(owner: str, *desired: DnsRecord) -> None:
        dns = opened(world.settings, world.secrets, tmp_path)
        assert {(check.status, check.found) for check in dns.check() if check.do} == set()
        make(dns, *desired, owner=owner)
        assert dns.find(owner) == list(desired)

    with ThreadPoolExecutor(len(wanted)) as threads:
        list(threads.map(one, wanted, wanted.values()))
        names = {name for name, *_ in world.records() - before}
        assert len([name for name in names if name.startswith("many")]) == len(wanted)
        list(threads.map(one, wanted))
    assert world.records() == before


def test_a_plan_changes_nothing_and_says_all(world, dns):
    before = world.records()
    plan = dns.plan(ME, [CAL])
    assert [(each.action, each.after.name, each.after.type) for each in plan.changes] == [
        ("create", f"_homeport.cal.{ZONE}", "TXT"),
        ("create", f"cal.{ZONE}", "A"),
    ]
    assert world.records() == before


def test_applied_records_are_served_found_and_not_planned_again(world, dns):
    make(dns, CAL, CAL6)
    journal = Journal()
    dns.verify([CAL, CAL6], journal)
    assert dns.find(ME) == [CAL, CAL6]
    assert dns.plan(ME, [CAL, CAL6]).changes == ()
    dns.apply(dns.plan(ME, [CAL, CAL6]), [CAL, CAL6])


def test_records_are_changed_one_by_one_and_go_without_a_trace(world, dns):
    before = world.records()
    make(dns, CAL, CAL6)
    moved = DnsRecord(CAL.name, "A", ("192.0.2.2", "192.0.2.3"), 60)
    plan = dns.plan(ME, [moved, CAL6])
    assert [(each.action, each.before, each.after) for each in plan.changes] == [
        ("update", CAL, moved)
    ]
    dns.apply(plan, [moved, CAL6])
    assert dns.find(ME) == [moved, CAL6]
    make(dns, moved)
    assert dns.find(ME) == [moved]
    make(dns)
    assert dns.find(ME) == []
    assert world.records() == before


def test_a_name_that_somebody_made_is_not_taken_over(world, dns):
    world.somebody_adds(CAL.name, "A", "198.51.100.1")
    before = world.records()
    with pytest.raises(Conflict, match="taken"):
        dns.plan(ME, [CAL])
    assert world.records() == before


@pytest.mark.parametrize(("rdtype", "value"), [("MX", "10 mail.example."), ("TXT", '"v=spf1"')])
def test_a_name_with_foreign_records_of_another_type_is_not_taken_over(world, dns, rdtype, value):
    world.somebody_adds(CAL.name, rdtype, value)
    with pytest.raises(Conflict):
        dns.plan(ME, [CAL])


def test_another_deployments_name_is_refused_and_stays(world, dns):
    make(dns, CAL, owner=SOMEBODY)
    before = world.records()
    with pytest.raises(Conflict) as refused:
        dns.plan(ME, [CAL])
    assert SOMEBODY in refused.value.why
    make(dns)
    assert world.records() == before


def test_foreign_records_beside_ours_outlive_us(world, dns):
    make(dns, CAL)
    world.somebody_adds(CAL.name, "MX", "10 mail.example.")
    world.somebody_adds(f"www.{ZONE}", "A", "198.51.100.9")
    make(dns, CAL, CAL6)
    assert dns.find(ME) == [CAL, CAL6]
    make(dns)
    kinds = {(name, rdtype) for name, rdtype, _ in world.records()}
    assert (f"{CAL.name}.", "MX") in kinds
    assert (f"www.{ZONE}.", "A") in kinds
    assert not any(name.startswith("_homeport.") for name, _ in kinds)


def test_a_text_that_somebody_wrote_beside_our_mark_costs_us_nothing(world, dns):
    make(dns, CAL)
    mark = f"_homeport.{CAL.name}"
    ours = dns.plan(ME, [])
    texts = [each.before.values[0] for each in ours.changes if each.before.name == mark]
    world.somebody_adds(mark, "TXT", f'"{texts[0]}"', '"theirs"')
    assert dns.find(ME) == [CAL]
    make(dns)
    left = [text for name, _, text in world.records() if name == f"{mark}."]
    assert len(left) == 1
    assert '"theirs"' in left[0]


def test_a_foreign_record_of_the_type_we_now_want_is_not_taken_over(world, dns):
    make(dns, CAL)
    world.somebody_adds(CAL.name, "AAAA", "2001:db8::99")
    with pytest.raises(Conflict):
        dns.plan(ME, [CAL, CAL6])


def test_a_plan_that_no_longer_fits_is_not_applied(world, dns):
    plan = dns.plan(ME, [CAL])
    make(dns, DnsRecord(CAL.name, "A", ("192.0.2.77",)))
    before = world.records()
    with pytest.raises(PlanChanged):
        dns.apply(plan, [CAL])
    assert world.records() == before


def test_what_somebody_adds_between_plan_and_apply_survives(world, dns):
    plan = dns.plan(ME, [CAL])
    world.somebody_adds(f"late.{ZONE}", "TXT", '"mine"')
    dns.apply(plan, [CAL])
    assert any(name == f"late.{ZONE}." for name, _, _ in world.records())
    assert dns.find(ME) == [CAL]


@pytest.mark.parametrize("allowed", [0, 1, 2])
@pytest.mark.parametrize("removing", [False, True])
def test_work_cut_short_anywhere_is_finished_by_the_next_run(
    world, dns, allowed, removing, tmp_path
):
    """The marks tell what was made: nothing is orphaned and nothing looks foreign."""
    before = world.records()
    if removing:
        make(dns, CAL, CAL6)
    desired = [] if removing else [CAL, CAL6]
    interrupted = opened(world.settings, world.secrets, tmp_path)
    change = interrupted._zone.change
    done = []

    def stop_after_some(decide):
        if len(done) == allowed:
            raise OutcomeUnknown("the engine was killed here")
        done.append(decide)
        change(decide)

    interrupted._zone.change = stop_after_some
    plan = interrupted.plan(ME, desired)
    try:
        interrupted.apply(plan, desired)
    except OutcomeUnknown:
        assert len(done) == allowed
    make(dns, *desired)
    assert dns.find(ME) == desired
    make(dns)
    assert world.records() == before


@pytest.mark.parametrize(
    "value",
    ["a;b; c=d", "x" * 255, "y" * 600, "LoWeR-and_UPPER=", "with  two spaces", "1,2,'3'"],
)
def test_texts_arrive_as_they_are(world, dns, value):
    record = DnsRecord(f"_acme-challenge.cal.{ZONE}", "TXT", (value,), 60)
    make(dns, record)
    dns.verify([record], Journal())
    assert dns.find(ME) == [record]
    assert dns.plan(ME, [record]).changes == ()


@pytest.mark.parametrize(
    "record",
    [
        DnsRecord("cal.example.org", "A", ("192.0.2.1",)),
        DnsRecord(f"cal.{ZONE}", "A", ("192.0.2.999",)),
        DnsRecord(f"cal.{ZONE}", "A", ("192.0.2.1\n; evil",)),
        DnsRecord(f"cal.{ZONE}", "A", ()),
        DnsRecord(f"cal.{ZONE}", "NONSENSE", ("1",)),
        DnsRecord(f"cal..{ZONE}", "A", ("192.0.2.1",)),
        DnsRecord(f"{'a' * 64}.{ZONE}", "A", ("192.0.2.1",)),
        DnsRecord(f"*.{ZONE}", "A", ("192.0.2.1",)),
        DnsRecord(f"a b.{ZONE}", "A", ("192.0.2.1",)),
        DnsRecord(f"_homeport.cal.{ZONE}", "TXT", ("x",)),
        DnsRecord(f"cal.{ZONE}", "TXT", ('quo"te',)),
    ],
)
def test_what_cannot_be_a_record_is_refused(world, dns, record):
    before = world.records()
    with pytest.raises(InvalidInput):
        dns.plan(ME, [record])
    assert world.records() == before


def test_a_delegated_name_is_refused(world, dns):
    world.somebody_adds(f"sub.{ZONE}", "NS", "ns.elsewhere.example.")
    with pytest.raises(Conflict, match="taken") as refused:
        dns.plan(ME, [DnsRecord(f"cal.sub.{ZONE}", "A", ("192.0.2.1",))])
    assert "delegated" in refused.value.why


def test_the_zones_own_name_can_be_used_beside_its_name_servers(world, dns):
    before = world.records()
    record = DnsRecord(ZONE, "A", ("192.0.2.1",))
    make(dns, record)
    dns.verify([record], Journal())
    assert dns.find(ME) == [record]
    make(dns)
    assert world.records() == before


def test_octodns_limits_are_never_forced(world, dns):
    names = [DnsRecord(f"n{i}.{ZONE}", "A", ("192.0.2.1",)) for i in range(6)]
    make(dns, *names)
    before = world.records()
    with pytest.raises(Unsafe, match="safety limits") as refused:
        dns.plan(ME, [])
    assert "%" in refused.value.why
    assert world.records() == before


def test_a_wrong_key_is_named_and_never_shown(world, tmp_path):
    dns = opened(world.settings, world.wrong_secrets, tmp_path)
    with pytest.raises(Denied) as refused:
        dns.plan(ME, [CAL])
    (failed,) = dns.check()
    assert failed.status is CheckStatus.FAIL
    assert failed.do
    for secret in world.wrong_secrets.values():
        assert secret not in repr(refused.value.describe()) + repr(failed)


def test_a_server_that_is_not_there_is_unreachable(world, tmp_path):
    settings = {**world.settings, "args": {**world.settings["args"], "port": free_port()}}
    dns = opened(settings, world.secrets, tmp_path)
    with pytest.raises(Unreachable) as failed:
        dns.plan(ME, [CAL])
    assert failed.value.do
    assert dns.check()[0].status is CheckStatus.FAIL


def test_a_zone_that_is_not_there_is_said_so(world, tmp_path):
    dns = opened({**world.settings, "zone": "elsewhere.test"}, world.secrets, tmp_path)
    with pytest.raises(HomeportError) as failed:
        dns.plan(ME, [DnsRecord("cal.elsewhere.test", "A", ("192.0.2.1",))])
    assert isinstance(failed.value, NotFound | Denied)  # BIND refuses to say which
    assert "elsewhere.test" in str(failed.value)


def test_verify_names_the_server_that_lags_behind(world, tmp_path):
    settings = {**world.settings, "verify_seconds": 0.2}
    with pytest.raises(RetryableError) as late:
        opened(settings, world.secrets, tmp_path).verify([CAL], Journal())
    assert late.value.on == f"{HOST}:{world.port}"
    assert CAL.name in late.value.why


def test_its_name_servers_are_known_by_its_own_word_and_by_a_resolver_s(world, tmp_path):
    asked = {**world.settings, "resolver": f"{HOST}:{world.port}"}
    dns = opened(asked, world.secrets, tmp_path)
    (server,) = dns.name_servers()
    assert (server.name, server.addresses) == (f"ns.{ZONE}", (HOST,))
    assert dns.delegation() == dns.name_servers()


def test_verify_stops_when_the_user_cancels(world, dns):
    with pytest.raises(Cancelled):
        dns.verify([CAL], Journal(cancelled=True))
