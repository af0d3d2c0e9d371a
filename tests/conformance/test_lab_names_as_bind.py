"""The lab's name server answers updates as BIND does: code by code and record by record."""

from __future__ import annotations

from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.dns_worlds import (
    HOST,
    KEY,
    KEY_NAME,
    WRONG_KEY,
    ZONE,
    DnsWorld,
    bind,
    lab_name_server,
)

pytestmark = pytest.mark.integration

NAMES = st.sampled_from([f"{ZONE}.", f"a.{ZONE}.", f"b.a.{ZONE}."])
VALUES = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "TXT": ['"one"', '"two"'],
    "CNAME": ["x.example.", "y.example."],
    "NS": [f"ns.{ZONE}.", "ns.example."],
    "MX": ["10 mx.example."],
}
TYPES = st.sampled_from(sorted(VALUES))
RECORDS = TYPES.flatmap(lambda rdtype: st.tuples(st.just(rdtype), st.sampled_from(VALUES[rdtype])))
PREREQUISITES = st.one_of(
    st.tuples(st.just("present"), NAMES),
    st.tuples(st.just("absent"), NAMES),
    st.tuples(st.just("present"), NAMES, TYPES),
    st.tuples(st.just("absent"), NAMES, TYPES),
    st.tuples(st.just("present"), NAMES, RECORDS),
)
UPDATES = st.one_of(
    st.tuples(st.just("add"), NAMES, RECORDS),
    st.tuples(st.just("delete"), NAMES, RECORDS),
    st.tuples(st.just("delete"), NAMES, TYPES),
    st.tuples(st.just("delete"), NAMES),
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[DnsWorld, DnsWorld]]:
    with bind() as real, lab_name_server() as ours:
        yield real, ours


def message(prerequisites, updates, keyring=None) -> dns.update.UpdateMessage:
    built = dns.update.UpdateMessage(ZONE, keyring=keyring or ring())
    for verb, name, *what in prerequisites:
        rest = what[0] if what and isinstance(what[0], tuple) else tuple(what)
        getattr(built, verb)(name, *rest)
    for verb, name, *what in updates:
        rest = what[0] if what and isinstance(what[0], tuple) else tuple(what)
        getattr(built, verb)(name, *((300, *rest) if verb == "add" else rest))
    return built


def ring(secret: str = KEY, name: str = KEY_NAME) -> dict:
    return dns.tsigkeyring.from_text({name: ("hmac-sha256", secret)})


def send(world: DnsWorld, built: dns.update.UpdateMessage) -> str:
    try:
        answer = dns.query.tcp(built, HOST, port=world.port, timeout=5)
    except dns.tsig.PeerError as error:
        return type(error).__name__
    return dns.rcode.to_text(answer.rcode())


def content(world: DnsWorld) -> set[tuple[str, str, str]]:
    return {
        (name, rdtype, text)
        for name, rdtype, text in world.records()
        if name.startswith(("a.", "b.", ZONE)) and (name, rdtype) != (f"{ZONE}.", "SOA")
    }


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.lists(PREREQUISITES, max_size=2), st.lists(UPDATES, max_size=4)),
        min_size=1,
        max_size=5,
    )
)
def test_any_sequence_of_updates_has_the_same_codes_and_the_same_outcome(servers, sequence):
    real, ours = servers
    for world in servers:
        world.clear()
        world.somebody_adds(ZONE, "NS", f"ns.{ZONE}.", ttl=60)
    assert content(ours) == content(real)
    for prerequisites, updates in sequence:
        built = message(prerequisites, updates)
        assert send(ours, built) == send(real, message(prerequisites, updates))
        assert content(ours) == content(real)


@pytest.mark.parametrize(
    "keyring", [ring(WRONG_KEY), ring(name="stranger")], ids=["wrong secret", "unknown key"]
)
def test_bad_signatures_are_refused_alike(servers, keyring):
    real, ours = servers
    built = [message([], [("add", f"a.{ZONE}.", ("A", "192.0.2.1"))], keyring) for _ in servers]
    assert send(ours, built[0]) == send(real, built[1])


def test_unsigned_updates_and_transfers_are_refused_alike(servers):
    real, ours = servers
    unsigned = dns.update.UpdateMessage(ZONE)
    unsigned.add(f"a.{ZONE}.", 60, "A", "192.0.2.1")
    assert send(ours, unsigned) == send(real, unsigned) == "REFUSED"
    for world in servers:
        with pytest.raises(dns.xfr.TransferError, match="REFUSED"):
            list(dns.query.xfr(HOST, ZONE, port=world.port, timeout=5))


@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        (ZONE, "NS"),
        (ZONE, "A"),
        (f"deep.{ZONE}", "A"),
        (f"nothing.{ZONE}", "A"),
        (f"alias.{ZONE}", "A"),
        (f"alias.{ZONE}", "CNAME"),
        (f"a.deep.{ZONE}", "TXT"),
        ("example.org", "A"),
    ],
)
def test_questions_are_answered_alike(servers, name, rdtype):
    answers = []
    for world in servers:
        world.clear()
        world.somebody_adds(f"a.deep.{ZONE}", "TXT", '"below a name without records"')
        world.somebody_adds(f"alias.{ZONE}", "CNAME", f"a.deep.{ZONE}.")
        answer = dns.query.udp(dns.message.make_query(name, rdtype), HOST, 5, world.port)
        authority = {rrset.rdtype for rrset in answer.authority if not answer.answer}
        aa = bool(answer.flags & dns.flags.AA)
        answers.append((answer.rcode(), aa, sorted(map(str, answer.answer)), authority))
    assert answers[0] == answers[1]


def test_a_large_answer_is_truncated_on_udp_and_whole_on_tcp(servers):
    for world in servers:
        world.clear()
        world.somebody_adds(f"big.{ZONE}", "TXT", *(f'"{i} {"x" * 200}"' for i in range(20)))
        query = dns.message.make_query(f"big.{ZONE}", "TXT", use_edns=0, payload=1232)
        answer, by_tcp = dns.query.udp_with_fallback(query, HOST, port=world.port, timeout=5)
        assert by_tcp
        assert len(answer.answer[0]) == 20


def test_serials_only_rise_and_a_large_zone_is_transferred_whole(servers):
    _, ours = servers
    ours.clear()

    def serial() -> int:
        query = dns.message.make_query(ZONE, "SOA")
        return dns.query.tcp(query, HOST, port=ours.port, timeout=5).answer[0][0].serial

    before = serial()
    update = dns.update.UpdateMessage(ZONE, keyring=ring())
    for number in range(600):
        update.add(f"n{number}.{ZONE}.", 60, "TXT", f'"{number} {"y" * 60}"')
    assert send(ours, update) == "NOERROR"
    assert serial() > before
    assert len(ours.records()) == 602
