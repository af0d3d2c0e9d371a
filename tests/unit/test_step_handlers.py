from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.backends.protocols import AddressLease, DnsRecord, RelayAccess
from engine.catalog.package import SMTP_SECRET, SecretSpec
from engine.errors import (
    Conflict,
    Denied,
    HostKeyMismatch,
    InvalidInput,
    NotFound,
    NotReady,
    PlanChanged,
    RemoteFailure,
    RetryableError,
    Unreachable,
)
from engine.guests.waiting import wait_for_shell
from engine.model.deployment import ResourceKind
from engine.model.names import NameServers
from engine.operations.registry import handler
from engine.operations.steps.certificate import is_good, new_key, signing_request
from engine.operations.steps.settling import challenge_owner
from tests.unit.step_context import OWNER, PACKAGE, Context, MemoryDns, failing, planned

NAME = "app.home.lab"
RECORD = {"name": NAME, "type": "A", "ttl": 300}
DEPLOY = planned(
    ("preflight@1", {}),
    ("secrets.ensure@1", {}),
    ("address.allocate@1", {}),
    ("guest.ensure@1", {"cores": 1, "memory_mib": 512, "disk_gib": 4}),
    ("guest.start@1", {}),
    ("certificate.issue@1", {"names": [NAME]}),
    ("accounts.ensure@1", {"username": "ada"}),
    ("dns.apply@1", {"records": [RECORD]}),
    ("dns.remove@1", {"records": [RECORD]}),
    ("reverse.ensure@1", {}),
    ("reverse.remove@1", {}),
    ("secrets.remove@1", {}),
    ("certificate.remove@1", {}),
    ("deployment.forget@1", {}),
)


def do(context: Context, kind: str) -> Any:
    return handler(kind)(context.about(kind))


@pytest.fixture
def context() -> Context:
    return Context(DEPLOY)


def test_every_kind_of_the_plans_has_a_handler() -> None:
    kinds = (
        "preflight secrets.ensure address.allocate guest.ensure guest.start certificate.issue "
        "components.install app.install app.configure app.start accounts.ensure app.publish "
        "dns.apply app.health dns.remove guest.destroy address.release certificate.remove "
        "secrets.remove deployment.forget"
    )
    for kind in kinds.split():
        assert callable(handler(f"{kind}@1"))


# preflight


def test_preflight_names_every_problem_and_what_to_do(context: Context) -> None:
    context.backends.dns.checks = [failing("dns", "the key"), failing("dns", "the zone")]
    context.backends.hypervisor.check = lambda: (_ for _ in ()).throw(
        Unreachable("no answer", why="timed out", do="Switch it on")
    )
    with pytest.raises(NotReady, match="3 problems") as raised:
        do(context, "preflight@1")
    for text in ("timed out", "the key", "the zone"):
        assert text in raised.value.why
    for advice in ("Switch it on.", "Mend the key.", "Mend the zone."):
        assert advice in raised.value.do
    assert context.backends.dns.records == {}


def test_preflight_keeps_the_kind_of_a_single_error(context: Context) -> None:
    def refused() -> list[Any]:
        raise Denied("the token may not", do="Grant VM.Allocate")

    context.backends.hypervisor.check = refused
    with pytest.raises(Denied, match="may not"):
        do(context, "preflight@1")


def test_preflight_is_tried_again_where_all_that_it_found_may_pass(context: Context) -> None:
    busy = failing("dns", "the zone").model_copy(update={"retryable": True})
    context.backends.dns.checks = [busy]
    with pytest.raises(RetryableError, match="one problem") as raised:
        do(context, "preflight@1")
    assert raised.value.code == NotReady.code
    context.backends.dns.checks = [busy, failing("dns", "the key")]
    with pytest.raises(NotReady, match="2 problems"):
        do(context, "preflight@1")


def test_preflight_finds_a_name_that_belongs_to_somebody_else(context: Context) -> None:
    def taken(owner: str, desired: Any) -> Any:
        raise Conflict("the name is taken", on=NAME)

    context.backends.dns.plan = taken
    with pytest.raises(Conflict, match="taken"):
        do(context, "preflight@1")


# secrets, address, guest


def test_secrets_are_made_once_and_hidden(context: Context) -> None:
    first = do(context, "secrets.ensure@1")
    values = dict(context.backends.secrets.values)
    second = do(context, "secrets.ensure@1")
    assert (first.changed, second.changed) == (True, False)
    assert context.backends.secrets.values == values
    assert set(values) == {"deployments/ab12cd34/admin-password", "deployments/ab12cd34/seed"}
    assert set(values.values()) <= context.hidden
    assert not set(values.values()) & set(str(first.output))


def test_guest_gets_the_leased_address_and_the_installations_key(context: Context) -> None:
    with pytest.raises(NotFound, match="no address"):
        do(context, "guest.ensure@1")
    do(context, "address.allocate@1")
    seen = []
    ensure = context.backends.hypervisor.ensure
    context.backends.hypervisor.ensure = lambda spec, progress: (
        seen.append(spec) or ensure(spec, progress)
    )
    assert do(context, "guest.ensure@1").changed
    assert not do(context, "guest.ensure@1").changed
    assert {(spec.owner, spec.address) for spec in seen} == {(OWNER, "192.0.2.7/24")}
    assert len({spec.ssh_public_keys for spec in seen}) == 1
    assert seen[0].ssh_public_keys[0].startswith("ssh-ed25519 ")
    assert context.resources[ResourceKind.GUEST, "main"].external_id == "9000"


def built(context: Context) -> Context:
    do(context, "address.allocate@1")
    do(context, "guest.ensure@1")
    context.shells = [object()]
    return context


def test_keys_that_change_during_the_first_boot_are_read_again(context: Context) -> None:
    built(context).backends.hypervisor.keys = [("ssh-ed25519 OLD",), ("ssh-ed25519 NEW",)]
    context.shells = [Unreachable("booting"), HostKeyMismatch("other key"), object()]
    do(context, "guest.start@1")
    guest = context.resources[ResourceKind.GUEST, "main"]
    assert guest.attributes["host_keys"] == ["ssh-ed25519 NEW"]


def test_the_address_service_is_told_what_runs(context: Context) -> None:
    do(built(context), "guest.start@1")
    books = context.backends.addresses.books
    assert [record.is_running for record in books] == [False, True]
    assert (books[-1].owner, books[-1].name) == (context.owner, context.plan.name)
    assert (books[-1].cores, books[-1].memory_mib, books[-1].disk_gib) == (1, 512, 4)
    assert books[-1].domain == context.plan.domain


def test_keys_of_a_guest_that_was_reached_once_are_pinned_for_ever(context: Context) -> None:
    do(built(context), "guest.start@1")
    context.shells = [HostKeyMismatch("other key")]
    context.backends.hypervisor.keys = [("ssh-ed25519 EVIL",)]
    with pytest.raises(HostKeyMismatch):
        do(context, "guest.start@1")
    guest = context.resources[ResourceKind.GUEST, "main"]
    assert guest.attributes["host_keys"] == ["ssh-ed25519 AAAA"]


def test_guest_without_an_agent_is_refused(context: Context) -> None:
    built(context).backends.hypervisor.keys = [()]
    with pytest.raises(HostKeyMismatch, match="cannot be learned"):
        do(context, "guest.start@1")


def test_waiting_for_ssh_ends_with_the_last_error_and_says_it() -> None:
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    def closed() -> Any:
        raise Unreachable("nobody listens")

    with pytest.raises(Unreachable, match="nobody"):
        wait_for_shell(
            closed, lambda error: None, Context(DEPLOY), 10, clock=lambda: now[0], pause=pause
        )
    assert 5 < now[0] <= 10


# names


def test_records_point_at_the_address_and_go_away_again(context: Context) -> None:
    do(context, "address.allocate@1")
    assert do(context, "dns.apply@1").changed
    assert not do(context, "dns.apply@1").changed
    records = [DnsRecord(NAME, "A", ("192.0.2.7",), 300)]
    assert context.backends.dns.find(OWNER) == records
    assert context.backends.dns.verified[-1] == tuple(records)
    assert do(context, "dns.remove@1").changed
    assert not do(context, "dns.remove@1").changed
    assert context.backends.dns.find(OWNER) == []


def test_zone_that_changes_meanwhile_is_planned_again_but_not_for_ever(context: Context) -> None:
    do(context, "address.allocate@1")
    context.backends.dns.changes_under_us = 2
    assert do(context, "dns.apply@1").changed
    context.backends.dns.changes_under_us = 9
    with pytest.raises(PlanChanged):
        do(context, "dns.remove@1")


def test_destroying_removes_a_challenge_that_was_left_behind(context: Context) -> None:
    challenge = DnsRecord(f"_acme-challenge.{NAME}", "TXT", ("proof",), 60)
    context.backends.dns.records[challenge_owner(OWNER)] = [challenge]
    assert do(context, "dns.remove@1").changed
    assert context.backends.dns.find(challenge_owner(OWNER)) == []


# certificates


def chain(key_pem: str, names: list[str], start: datetime, days: int) -> str:
    key = serialization.load_pem_private_key(key_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_certificate_is_used_for_two_thirds_of_its_life() -> None:
    key = new_key()
    issued = chain(key, [NAME], NOW, 90)
    assert is_good(issued, key, [NAME], NOW + timedelta(days=59))
    assert not is_good(issued, key, [NAME], NOW + timedelta(days=61))
    assert not is_good(issued, key, [NAME], NOW - timedelta(days=1))


def test_certificate_of_another_key_or_name_is_not_used() -> None:
    key = new_key()
    issued = chain(key, [NAME], NOW, 90)
    assert not is_good(issued, new_key(), [NAME], NOW)
    assert not is_good(issued, key, [NAME, "www." + NAME], NOW)
    assert not is_good("", key, [NAME], NOW)
    assert not is_good("-----BEGIN CERTIFICATE-----\nx", key, [NAME], NOW)


def test_request_is_for_the_names_and_the_key() -> None:
    key = new_key()
    request = x509.load_pem_x509_csr(signing_request(key, [NAME]))
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    assert request.is_signature_valid


def issue(context: Context, *, fail: bool = False) -> list[str]:
    """Make the authority sign (or refuse) after it has seen the challenge; keys it saw."""
    accounts = []

    def signed(names: Any, csr: bytes, account: bytes, publisher: Any, progress: Any) -> bytes:
        accounts.append(account.decode())
        publisher.present(f"_acme-challenge.{NAME}", "proof")
        (record,) = context.backends.dns.find(challenge_owner(OWNER))
        assert record.values == ("proof",)
        if fail:
            raise RemoteFailure("the authority refused")
        publisher.clean_up(f"_acme-challenge.{NAME}", "proof")
        key = context.backends.secrets.get("deployments/ab12cd34/tls-key")
        return chain(key, list(names), datetime.now(UTC), 90).encode()

    context.backends.certificates.issue = signed
    return accounts


def test_a_challenge_is_shown_at_both_name_servers_while_names_move(context: Context) -> None:
    """An authority asks whomever the zone is delegated to."""
    issue(context)
    other = MemoryDns()
    context.name_servers = NameServers(at="test", also="other")
    context.others["other"] = SimpleNamespace(backends=SimpleNamespace(dns=other))
    do(context, "certificate.issue@1")
    assert other.verified == context.backends.dns.verified
    assert len(other.verified) == 1
    assert other.find(challenge_owner(OWNER)) == []


def test_certificate_is_issued_once_and_its_challenge_removed(context: Context) -> None:
    accounts = issue(context)
    assert do(context, "certificate.issue@1").changed
    assert not do(context, "certificate.issue@1").changed
    assert accounts == [context.shared.values["acme/test"]]
    assert context.backends.dns.find(challenge_owner(OWNER)) == []
    key = context.backends.secrets.values["deployments/ab12cd34/tls-key"]
    assert {key, *accounts} <= context.hidden
    stored = str(context.resources[ResourceKind.CERTIFICATE, "main"])
    assert "PRIVATE KEY" not in stored


def test_refused_certificate_leaves_no_challenge(context: Context) -> None:
    issue(context, fail=True)
    with pytest.raises(RemoteFailure, match="refused"):
        do(context, "certificate.issue@1")
    assert context.backends.dns.find(challenge_owner(OWNER)) == []


# the end


def test_nothing_is_remembered_after_destroying(context: Context) -> None:
    issue(context)
    for kind in ("secrets.ensure@1", "certificate.issue@1", "dns.apply@1"):
        do(built(context), kind)
    for kind in ("dns.remove@1", "certificate.remove@1", "secrets.remove@1"):
        assert do(context, kind).changed
        assert not do(context, kind).changed
    do(context, "deployment.forget@1")
    assert context.resources == {}
    assert context.backends.secrets.values == {}


def test_a_mail_account_gets_a_password_that_its_package_did_not_have_before() -> None:
    """Deployed before the package sent mail: the secret is made, and the same one used again."""
    given: list[str] = []
    relay = RelayAccess("mail.home.lab", 587, "hp-app@home.lab", "hp-app@home.lab", False)

    def ensure_relay(owner: str, name: str, password: str) -> bool:
        given.append(password)
        return len(given) == 1

    package = PACKAGE.model_copy(update={"secrets": {SMTP_SECRET: SecretSpec()}})
    context = Context(planned(("mail.ensure@1", {"name": "hp-app"})), package=package)
    context.backends.mail = SimpleNamespace(ensure_relay=ensure_relay, access=lambda name: relay)
    assert do(context, "mail.ensure@1").changed
    assert not do(context, "mail.ensure@1").changed
    assert given == [context.secret(SMTP_SECRET)] * 2
    assert given[0] in context.hidden
    assert context.resources[ResourceKind.MAILBOX, "main"].external_id == relay.username
    context.backends.mail = None
    with pytest.raises(InvalidInput, match="no mail server any more"):
        do(context, "mail.ensure@1")


# names of addresses


class NamingDns(MemoryDns):
    """`engine.backends.protocols.NamesAddresses`, for 192.0.2.0/24."""

    def __init__(self) -> None:
        super().__init__()
        self.reverse = MemoryDns()

    def reverse_zones(self) -> list[MemoryDns]:
        return [self.reverse]

    def reverse_of(self, name: str) -> MemoryDns | None:
        return self.reverse if name.endswith(".2.0.192.in-addr.arpa") else None


def test_an_address_gets_its_name_and_loses_it(context: Context) -> None:
    dns = context.backends.dns = NamingDns()
    do(context, "address.allocate@1")
    assert do(context, "reverse.ensure@1").changed
    assert not do(context, "reverse.ensure@1").changed
    named = DnsRecord("7.2.0.192.in-addr.arpa", "PTR", (NAME,))
    assert dns.reverse.find(OWNER) == [named]
    assert dns.reverse.verified[-1] == (named,)
    assert context.resources[ResourceKind.REVERSE, "main"].external_id == named.name
    assert dns.find(OWNER) == []
    assert do(context, "reverse.remove@1").changed
    assert not do(context, "reverse.remove@1").changed
    assert dns.reverse.find(OWNER) == []
    assert (ResourceKind.REVERSE, "main") not in context.resources


def test_an_address_outside_of_the_provider_s_zones_gets_none(context: Context) -> None:
    for dns in (NamingDns(), MemoryDns()):
        context.backends.dns = dns
        lease = AddressLease(OWNER, "198.51.100.7/24", None)
        context.backends.addresses.leases[OWNER] = lease
        assert not do(context, "reverse.ensure@1").changed
        assert "in none of the provider's reverse zones" in context.lines[-1]
        assert not do(context, "reverse.remove@1").changed


def test_records_that_are_not_wanted_any_more_leave_the_books(context: Context) -> None:
    do(context, "address.allocate@1")
    mail = {"name": NAME, "type": "MX", "values": ["10 mail.example"], "ttl": 300}
    for records in ([RECORD, mail], [RECORD]):
        context.plan = planned(("dns.apply@1", {"records": records}))
        assert do(context, "dns.apply@1").changed
        known = {key for kind, key in context.resources if kind is ResourceKind.RECORD}
        assert known == {f"{record['name']} {record['type']}" for record in records}
