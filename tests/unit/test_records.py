"""Records as people and packages write them, to what octoDNS is given and back."""

from __future__ import annotations

import re
import string
from contextlib import suppress
from dataclasses import replace
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.dns.records import from_octodns, rdata_text, to_octodns, zone_of
from engine.backends.protocols import DnsRecord
from engine.errors import InvalidInput
from engine.model.plan import Effect
from engine.model.provider import BackendProfile, Service
from engine.model.record import RecordSet
from engine.operations.steps.planned import planned_records, pointing_at
from engine.planning.deploy import plan_deploy
from engine.planning.desired import Desired
from engine.planning.destroy import plan_destroy
from engine.planning.migrate import plan_migrate
from engine.planning.record_checks import record_problems, together_problem
from engine.planning.records import parse_record, record_args, with_added, without
from tests.unit.test_migrate_plans import provider
from tests.unit.test_planning import SCHEMA, desired

DOMAIN, ZONE = "chat.example.org", "example.org"

# --- values ---------------------------------------------------------------------------------

_LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
_HOST = st.lists(_LABEL, min_size=2, max_size=4).map(".".join)
_NUMBER = st.integers(0, 65535)
_PLAIN = "".join(char for char in map(chr, range(0x20, 0x7F)) if char not in '"\\')
_TEXT = st.one_of(
    st.text(_PLAIN, max_size=900),
    st.text("; ", min_size=1, max_size=300),
    st.integers(250, 520).map("p=".ljust),
    st.sampled_from(["v=DMARC1; p=none; rua=mailto:a@b.example", "v=spf1 mx -all", "{x}", "%", ""]),
)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "MX": st.builds("{} {}".format, _NUMBER, _HOST) | st.just("0 ."),
    "SRV": st.builds("{} {} {} {}".format, _NUMBER, _NUMBER, _NUMBER, _HOST),
    "CNAME": _HOST,
    "PTR": _HOST,
    "TXT": _TEXT,
    "CAA": st.builds(
        '{} {} "{}"'.format,
        st.sampled_from([0, 128]),
        st.sampled_from(["issue", "issuewild", "iodef"]),
        st.text(_PLAIN, max_size=60),
    ),
}
_MANY = ("A", "AAAA", "MX", "SRV", "TXT", "CAA")


@given(st.data())
def test_values_come_back_from_octodns_as_they_went_and_say_the_same_on_the_wire(data: Any) -> None:
    rdtype = data.draw(st.sampled_from(sorted(VALUES)))
    most = 4 if rdtype in _MANY else 1
    values = data.draw(st.lists(VALUES[rdtype], min_size=1, max_size=most, unique=True))
    record = DnsRecord(f"_x._tcp.{ZONE}", rdtype, tuple(sorted(values)), 300)
    returned = from_octodns(to_octodns(zone_of(ZONE), record))
    assert returned == record
    kind = dns.rdatatype.from_text(rdtype)
    for value in values:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, kind, rdata_text(rdtype, value))
        if rdtype == "TXT":
            assert b"".join(rdata.strings).decode() == value  # type: ignore[attr-defined]
            assert all(len(piece) <= 255 for piece in rdata.strings)  # type: ignore[attr-defined]


@given(st.sampled_from(sorted(VALUES)), st.text(max_size=60))
def test_what_is_no_value_is_refused_with_a_word_and_nothing_else(rdtype: str, value: str) -> None:
    record = DnsRecord(f"_x._tcp.{ZONE}", rdtype, (value,))
    with suppress(InvalidInput):
        made = from_octodns(to_octodns(zone_of(ZONE), record))
        assert from_octodns(to_octodns(zone_of(ZONE), made)) == made


@pytest.mark.parametrize(
    ("rdtype", "value"),
    [
        *(("MX", value) for value in ("mail.example.org", "70000 a.example", "10 a b", "x a.b")),
        *(("SRV", value) for value in ("0 5 443", "0 5 99999 a.example", "0 5 443 a.b ; c")),
        *(("CAA", value) for value in ("0 issue", "300 issue a", '0 issue "a"b"', "issue a")),
        *(("TXT", value) for value in ('say "hi"', "back\\slash", "bell\a", "ümlaut")),
        *(("CNAME", value) for value in ("a b", "a\n", "a..b", "(a.example")),
        *(("A", value) for value in ("::1", "1.2.3", "1.2.3.4 ; x")),
    ],
)
def test_these_are_no_values(rdtype: str, value: str) -> None:
    with pytest.raises(InvalidInput):
        to_octodns(zone_of(ZONE), DnsRecord(f"_x._tcp.{ZONE}", rdtype, (value,)))


# --- as people write them -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "rdtype", "value"),
    [
        ("MX @ 10 mail.example.org", DOMAIN, "MX", "10 mail.example.org"),
        ("mx @ 10 Mail.Example.ORG.", DOMAIN, "MX", "10 mail.example.org"),
        ("MX example.org. 10 @", ZONE, "MX", "10 chat.example.org"),
        ("MX @ 10 mx1", DOMAIN, "MX", "10 mx1.chat.example.org"),
        ("MX @ 0 .", DOMAIN, "MX", "0 ."),
        ("CNAME www @", f"www.{DOMAIN}", "CNAME", DOMAIN),
        ("SRV _xmpp._tcp 0  5 5269 @", f"_xmpp._tcp.{DOMAIN}", "SRV", f"0 5 5269 {DOMAIN}"),
        ("A mail {public_address}", f"mail.{DOMAIN}", "A", "{public_address}"),
        ("CAA @ 0 issue a.example; p=1", DOMAIN, "CAA", "0 issue a.example; p=1"),
        ("TXT _dmarc v=DMARC1; p=none", f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=none"),
        ('TXT k._domainkey ( "v=DKIM1; " "p=AB"\n "CD" )', f"k._domainkey.{DOMAIN}", "TXT",
         "v=DKIM1; p=ABCD"),
    ],
)  # fmt: skip
def test_a_record_is_read_as_it_is_meant(text: str, name: str, rdtype: str, value: str) -> None:
    assert parse_record(text, DOMAIN) == RecordSet(name=name, type=rdtype, values=(value,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no name"),
        ("MX", "no name"),
        ("MX @", "no value"),
        ("NS @ ns.example.org", "not one of"),
        ("@ MX 10 mail.example.org", "not one of"),
        ("MX @ mail.example.org", "2 words"),
        ("SRV _x._tcp 1 2 @", "4 words"),
        ("A mail 192.0.2.1 192.0.2.2", "1 words"),
    ],
)
def test_what_is_no_record_is_said_with_an_example(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match="not a record") as refused:
        parse_record(text, DOMAIN)
    assert why in refused.value.why
    assert '"MX @ 10 mail.example.org"' in refused.value.do


def test_records_of_one_name_and_type_are_together_and_go_one_by_one() -> None:
    known = with_added((), ["MX @ 10 a.example.org", "MX @ 20 b.example.org"], DOMAIN, 600)
    known = with_added(known, ["MX @ 10 a.example.org", "TXT @ v=spf1 mx -all"], DOMAIN)
    assert [(each.key, each.values, each.ttl) for each in known] == [
        (f"MX {DOMAIN}", ("10 a.example.org", "20 b.example.org"), 600),
        (f"TXT {DOMAIN}", ("v=spf1 mx -all",), 300),
    ]
    left = without(known, ["MX @ 10 a.example.org", "TXT @"], DOMAIN)
    assert [(each.key, each.values) for each in left] == [(f"MX {DOMAIN}", ("20 b.example.org",))]
    assert without(left, ["MX @ 20 B.example.org."], DOMAIN) == ()
    for text in ("CAA @", "MX @ 30 c.example.org"):
        with pytest.raises(InvalidInput, match="no such record"):
            without(known, [text], DOMAIN)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["A @ 192.0.2.9"], "own address"),
        (["CNAME @ elsewhere.example"], "own address"),
        (["TXT _acme-challenge x"], "certificate"),
        (["CNAME www @", "TXT www x"], "alone"),
        (["CNAME www @", "CNAME www b.example.org"], "alone"),
        (["TXT @ v=spf1 a -all", "TXT @ v=spf1 mx -all"], "SPF"),
    ],
)
def test_what_cannot_be_together_is_refused(texts: list[str], why: str) -> None:
    with pytest.raises(InvalidInput, match="cannot have this record") as refused:
        with_added((), texts, DOMAIN)
    assert why in refused.value.why


# --- in plans -------------------------------------------------------------------------------


def with_records(*texts: str, declared: tuple[dict[str, Any], ...] = (), **changes: Any) -> Desired:
    made = desired(**changes)
    package = made.package.model_copy(
        update={"records": type(made.package).model_validate(
            {**made.package.model_dump(by_alias=True), "records": declared}
        ).records}
    )  # fmt: skip
    return replace(made, package=package, records=with_added((), texts, made.domain))


SRV = {"name": "_caldavs._tcp", "type": "SRV", "values": ["0 1 {public_port} @"]}


def test_the_package_s_records_are_filled_and_the_owner_s_count_more() -> None:
    both = with_records("MX @ 10 mail.example.org", declared=(SRV,))
    at = both.domain
    written = pointing_at("192.0.2.7", planned_records(*plan_deploy(both, SCHEMA).steps))
    port = both.provider.access.https_port
    assert [(each.name, each.type, each.values) for each in written] == [
        (at, "A", ("192.0.2.7",)),
        (f"_caldavs._tcp.{at}", "SRV", (f"0 1 {port} {at}",)),
        (at, "MX", ("10 mail.example.org",)),
    ]
    other = with_records("SRV _caldavs._tcp 0 1 8443 dav.example.org", declared=(SRV,))
    (_, only) = record_args(other)
    assert only["values"] == ["0 1 8443 dav.example.org"]


def test_what_stands_for_the_address_is_filled_when_it_is_known() -> None:
    records = planned_records(
        *plan_deploy(with_records("TXT @ v=spf1 ip4:{public_address} -all"), SCHEMA).steps
    )
    assert pointing_at("192.0.2.7", records)[1].values == ("v=spf1 ip4:192.0.2.7 -all",)


def test_another_name_for_the_address_is_of_the_family_that_it_has() -> None:
    texts = ("A mail {public_address}", "TXT @ v=spf1 ip4:{public_address} -all", "A old 192.0.2.9")
    pool = BackendProfile(kind="pool", settings={"network": "2001:db8::/64"})
    there = provider("six", zone="home.example")
    backends = {**there.backends, Service.ADDRESSES: pool}
    six = with_records(*texts, provider=there.model_copy(update={"backends": backends}))
    written = pointing_at("2001:db8::7", planned_records(*plan_deploy(six, SCHEMA).steps))
    assert [(each.type, each.values) for each in written] == [
        ("AAAA", ("2001:db8::7",)),
        ("AAAA", ("2001:db8::7",)),
        ("A", ("192.0.2.9",)),
        ("TXT", ("v=spf1 ip6:2001:db8::7 -all",)),
    ]


def test_a_move_takes_them_along_and_says_which_follow_the_address() -> None:
    texts = ("MX @ 10 @", "TXT @ v=spf1 ip4:{public_address} -all")
    here, there = (with_records(*texts, provider=provider(at)) for at in ("home", "away"))
    plan = plan_migrate(there, here, "home")
    writing = [step for step in plan.steps if step.kind == "dns.apply@1"]
    assert len(writing) == 2
    for step in writing:
        assert [record["type"] for record in step.args["records"]] == ["A", "MX", "TXT"]
        assert f"MX {here.domain}" in step.subject
        assert [record["ttl"] for record in step.args["records"]] == [60, 300, 60]
    told = " ".join(plan.warnings)
    assert f"stands in: TXT {here.domain}." in told
    assert re.search(rf"stay as they are.*: MX {here.domain}\.", told)


def test_an_address_gets_a_name_only_where_the_provider_has_a_zone_for_it() -> None:
    plain = desired()
    assert not [step for step in plan_deploy(plain, SCHEMA).steps if "reverse" in step.id]
    dns = BackendProfile(kind="octodns", settings={"reverse_zones": ["2.0.192.in-addr.arpa"]})
    backends = {**plain.provider.backends, Service.DNS: dns}
    named = replace(plain, provider=plain.provider.model_copy(update={"backends": backends}))
    steps = {step.id: step for step in plan_deploy(named, SCHEMA).steps}
    assert steps["reverse.ensure"].after == ("address.allocate",)
    gone = {step.id: step for step in plan_destroy(named, []).steps}
    assert gone["reverse.remove"].effect is Effect.DELETE
    assert "reverse.remove" in gone["address.release"].after


# --- while they are typed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        (("mx", "@", "10 mail.example.org", "300"), {}),
        (("A", "mail", "{public_address}", "300"), {}),
        (("A", "mail", "192.0.2.300", "300"), {"value": "an IPv4 address"}),
        (("AAAA", "mail", "192.0.2.3", "300"), {"value": "an IPv6 address"}),
        (("MX", "@", "mail.example.org", "300"), {"value": "2 words"}),
        (("MX", "@", "ten mail.example.org", "300"), {"value": "preference"}),
        (("SRV", "_imaps._tcp", "0 1 993 mail", "300"), {}),
        (("SRV", "_imaps._tcp", "0 1 70000 mail", "300"), {"value": "port"}),
        (("CNAME", "www", "-x-", "300"), {"value": "no host name"}),
        (("CAA", "@", "0 issue letsencrypt.org", "300"), {}),
        (("CAA", "@", "letsencrypt.org", "300"), {"value": "flags"}),
        (("TXT", "_dmarc", "v=DMARC1; p=none", "300"), {}),
        (("TXT", "@", "D\u00fcne", "300"), {"value": "ASCII"}),
        (("TXT", "@", 'said "so"', "300"), {"value": "no quote"}),
        (("TXT", "k1._domainkey", '"v=DKIM1; " "p=MIIB"', "300"), {}),
        (("NS", "a b", "", "5"), {"type": "one of", "name": "letters", "ttl": "seconds"}),
        (("TXT", "mail.example.com.", "x", "300"), {"name": ".example.org."}),
        (("TXT", "mail.example.org.", "x", "300"), {}),
    ],
)
def test_what_is_wrong_with_a_record_is_said_of_its_part(
    typed: tuple[str, str, str, str], wrong: dict[str, str]
) -> None:
    found = {part: why for part, why in record_problems(*typed, DOMAIN, ZONE).items() if why}
    assert found.keys() == wrong.keys()
    assert all(why in found[part] for part, why in wrong.items())


def test_what_speaks_against_a_record_beside_others_is_said() -> None:
    known = with_added((), ["CNAME www @"], DOMAIN)
    beside = with_added((), ["TXT @ v=spf1 -all"], DOMAIN)
    assert "alone" in together_problem(known, "TXT www x", (), beside, DOMAIN)
    assert not together_problem(known, "TXT www x", ["CNAME www"], beside, DOMAIN)
    assert not together_problem(known, "TXT @ v=spf1 mx -all", (), beside, DOMAIN), "it replaces"
    assert "address" in together_problem(known, "A @ 192.0.2.7", (), beside, DOMAIN)
