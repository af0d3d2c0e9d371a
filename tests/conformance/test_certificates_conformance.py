"""What the certificates backend promises, against the lab's authority and name server."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from acme import messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from engine.backends.certificates.acme_backend import AcmeCertificates
from engine.backends.certificates.acme_backend import open_backend as open_acme
from engine.backends.certificates.failures import from_problem
from engine.backends.dns.octodns_backend import OctodnsDns
from engine.backends.dns.octodns_backend import open_backend as open_dns
from engine.backends.protocols import DnsRecord
from engine.errors import (
    Cancelled,
    Denied,
    HomeportError,
    InvalidInput,
    NoCapacity,
    RemoteFailure,
    RetryableError,
    Unreachable,
)
from engine.model.provider import CheckStatus, Service
from tests.conformance.dns_worlds import free_port
from tests.conformance.doubles import Journal
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.real]

OWNER = "hp-testtest-certtest"
NAME = "cal.harbour-a.lab"


class ZonePublisher:
    """As a deployment's step does it: proofs are records of the deployment."""

    def __init__(self, dns: OctodnsDns) -> None:
        self.dns = dns
        self.records: list[DnsRecord] = []

    def present(self, name: str, value: str) -> None:
        self.records.append(DnsRecord(name, "TXT", (value,), 60))
        self._apply()
        self.dns.verify(self.records, Journal())

    def clean_up(self, name: str, value: str) -> None:
        self.records = [record for record in self.records if record.name != name]
        self._apply()

    def _apply(self) -> None:
        self.dns.apply(self.dns.plan(OWNER, self.records), self.records)


class LyingPublisher:
    """Says that it published, and did not."""

    def present(self, name: str, value: str) -> None:
        pass

    def clean_up(self, name: str, value: str) -> None:
        pass


@pytest.fixture
def dns(lab: RunningLab) -> OctodnsDns:
    return open_dns(lab.environment(), lab.profile().backends[Service.DNS].settings)


@pytest.fixture
def authority(lab: RunningLab) -> AcmeCertificates:
    return opened(lab)


@pytest.fixture(scope="module")
def account() -> bytes:
    return pem(ec.generate_private_key(ec.SECP256R1()))


def opened(lab: RunningLab, **changed: object) -> AcmeCertificates:
    settings = lab.profile().backends[Service.CERTIFICATES].settings | changed
    return open_acme(lab.environment(), settings)


def pem(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def request(*names: str, key=None) -> bytes:
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = builder.add_extension(alternative, critical=False).sign(
        key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    return signed.public_bytes(serialization.Encoding.PEM)


def test_a_certificate_is_issued_for_exactly_these_names_and_the_proof_is_gone(
    lab, dns, authority, account
):
    key = ec.generate_private_key(ec.SECP256R1())
    names = [NAME, "www.cal.harbour-a.lab"]
    publisher = ZonePublisher(dns)
    chain = authority.issue(names, request(*names, key=key), account, publisher, Journal())

    leaf, issuer, *_ = x509.load_pem_x509_certificates(chain)
    alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert set(alternative.value.get_values_for_type(x509.DNSName)) == set(names)
    assert leaf.public_key() == key.public_key()
    assert timedelta(days=89) < leaf.not_valid_after_utc - datetime.now(UTC) < timedelta(days=91)
    assert issuer.not_valid_after_utc > leaf.not_valid_after_utc
    leaf.verify_directly_issued_by(issuer)
    root = x509.load_pem_x509_certificate(authority.trust_anchors())
    issuer.verify_directly_issued_by(root)
    assert dns.find(OWNER) == []


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
def test_the_same_account_key_is_used_again(lab, dns, authority, kind):
    keys = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    }
    account = pem(keys[kind]())
    for _ in range(2):
        chain = authority.issue([NAME], request(NAME), account, ZonePublisher(dns), Journal())
        assert chain.startswith(b"-----BEGIN CERTIFICATE-----")


def test_check_passes(authority):
    assert [check.status for check in authority.check()] == [CheckStatus.PASS]


def test_an_authority_that_is_not_there_is_unreachable(lab, account):
    away = opened(lab, directory=f"https://127.0.0.1:{free_port()}/directory")
    assert away.check()[0].status is CheckStatus.FAIL
    with pytest.raises(Unreachable) as failed:
        away.issue([NAME], request(NAME), account, LyingPublisher(), Journal())
    assert failed.value.do


def test_an_authority_with_another_root_is_not_trusted(lab, account):
    hypervisors = lab.profile().backends[Service.HYPERVISOR].settings["ca_pem"]
    stranger = opened(lab, ca_pem=hypervisors)
    with pytest.raises(Denied, match="not who it should be"):
        stranger.issue([NAME], request(NAME), account, LyingPublisher(), Journal())
    with pytest.raises(Denied):
        opened(lab, ca_pem=None).issue([NAME], request(NAME), account, LyingPublisher(), Journal())


def test_a_proof_that_never_appears_ends_in_time_with_an_error(lab, account):
    with pytest.raises((RetryableError, Denied)) as failed:
        opened(lab, issue_seconds=1.0).issue(
            [NAME], request(NAME), account, LyingPublisher(), Journal()
        )
    assert failed.value.do
    assert failed.value.left


def test_a_name_server_that_refuses_is_the_error_and_a_retry_goes_through(
    lab, dns, authority, account
):
    faults = lab.lab.directory / "names" / "faults.json"
    faults.write_text(json.dumps({"refuse": True}))
    try:
        with pytest.raises(Denied):
            authority.issue([NAME], request(NAME), account, ZonePublisher(dns), Journal())
    finally:
        faults.unlink()
    assert authority.issue([NAME], request(NAME), account, ZonePublisher(dns), Journal())


def test_the_user_can_cancel_while_the_authority_thinks(authority, dns, account):
    with pytest.raises(Cancelled):
        authority.issue([NAME], request(NAME), account, ZonePublisher(dns), Journal(cancelled=True))
    assert dns.find(OWNER) == []


@pytest.mark.parametrize(
    ("names", "csr", "key"),
    [
        ([NAME], request("other.harbour-a.lab"), None),
        ([NAME], b"not a request", None),
        ([NAME], request(NAME), b"not a key"),
        ([NAME], request(NAME), pem(ed25519.Ed25519PrivateKey.generate())),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_happens(
    authority, account, names, csr, key
):
    with pytest.raises(InvalidInput):
        authority.issue(names, csr, key or account, LyingPublisher(), Journal())


def test_a_root_that_is_no_certificate_is_refused_in_words(lab, account):
    broken = opened(lab, ca_pem="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(InvalidInput, match="cannot be read"):
        broken.issue([NAME], request(NAME), account, LyingPublisher(), Journal())


def test_nothing_of_it_gets_into_the_process_or_onto_the_disk(
    lab, dns, authority, account, tmp_path, monkeypatch
):
    """Not even meanwhile: a killed process would leave it."""
    import os
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment, paths = dict(os.environ), ssl.get_default_verify_paths()

    class Looking(ZonePublisher):
        def present(self, name: str, value: str) -> None:
            assert not list(tmp_path.iterdir())
            super().present(name, value)

    authority.issue([NAME], request(NAME), account, Looking(dns), Journal())
    assert dict(os.environ) == environment
    assert ssl.get_default_verify_paths() == paths


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("rateLimited", NoCapacity),
        ("rejectedIdentifier", InvalidInput),
        ("unsupportedIdentifier", InvalidInput),
        ("caa", Denied),
        ("unauthorized", Denied),
        ("externalAccountRequired", Denied),
        ("serverInternal", RetryableError),
        ("badNonce", RetryableError),
        ("dns", RetryableError),
        ("malformed", RemoteFailure),
    ],
)
def test_an_authoritys_refusal_is_told_in_our_words(code, kind):
    problem = messages.Error.from_json(
        {"type": f"urn:ietf:params:acme:error:{code}", "detail": "the very reason"}
    )
    error = from_problem(problem, "https://authority.example/directory")
    assert type(error) is kind
    assert isinstance(error, HomeportError)
    assert "the very reason" in error.why
    assert error.do
