"""The certificate for the deployment's name, issued by DNS-01 while the guest is built.

The key never leaves the secrets backend except for the guest. The chain is public and kept
with the resource. A certificate is used until two thirds of its life are over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.backends.protocols import Dns, DnsRecord
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.secret_steps import secret_path
from engine.operations.steps.settling import challenge_owner, settle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

CHAIN = "chain"
TLS_KEY = "tls-key"
_CHALLENGE_TTL = 60


@handles("certificate.issue@1")
def issue(ctx: StepContext) -> StepOutcome:
    names = [str(name) for name in ctx.step.args.get("names", ())] or [ctx.plan.domain]
    key = ctx.backends.secrets.ensure(secret_path(ctx, TLS_KEY), new_key)
    ctx.hide(key)
    known = ctx.resource(ResourceKind.CERTIFICATE)
    if known and is_good(str(known.attributes.get(CHAIN, "")), key, names, datetime.now(UTC)):
        ctx.log(f"The certificate for {', '.join(names)} is good for longer")
        return StepOutcome(changed=False)
    account = ctx.installation_secrets().ensure(f"acme/{ctx.plan.provider}", new_key)
    ctx.hide(account)
    name_servers = [ctx.at(provider).backends.dns for provider in ctx.name_servers.all]
    publisher = DnsChallenges(name_servers, challenge_owner(ctx.owner), ctx)
    try:
        with ctx.spent("provider-task"):
            chain = ctx.backends.certificates.issue(
                names, signing_request(key, names), account.encode(), publisher, ctx
            )
    finally:
        publisher.clear()
    expires = leaf_expiry(chain)
    attributes = {CHAIN: chain.decode(), "names": names, "expires": expires.isoformat()}
    ctx.remember(ResourceKind.CERTIFICATE, "main", ", ".join(names), attributes)
    ctx.log(f"Certificate for {', '.join(names)}, good until {expires:%Y-%m-%d}")
    return StepOutcome(output={"names": names, "expires": expires.isoformat()})


@handles("certificate.remove@1")
def remove(ctx: StepContext) -> StepOutcome:
    count = ctx.backends.secrets.delete(secret_path(ctx, TLS_KEY))
    known = ctx.resource(ResourceKind.CERTIFICATE)
    ctx.forget(ResourceKind.CERTIFICATE, "main")
    return StepOutcome(changed=count > 0 or known is not None)


class DnsChallenges:
    """`engine.backends.protocols.ChallengePublisher` through the deployment's dns backend; through
    both while its names move, because nobody knows which of them an authority asks."""

    def __init__(self, name_servers: Sequence[Dns], owner: str, ctx: StepContext) -> None:
        self._name_servers = name_servers
        self._owner = owner
        self._ctx = ctx
        self._values: dict[str, tuple[str, ...]] = {}

    def present(self, name: str, value: str) -> None:
        """Returns once every authoritative server answers with it."""
        self._values[name] = (*self._values.get(name, ()), value)
        desired = self._settle()
        for dns in self._name_servers:
            dns.verify([record for record in desired if record.name == name], self._ctx)

    def clean_up(self, name: str, value: str) -> None:
        left = tuple(kept for kept in self._values.pop(name, ()) if kept != value)
        if left:
            self._values[name] = left
        self._settle()

    def clear(self) -> None:
        """Whatever is still presented goes."""
        if self._values:
            self._values.clear()
            self._settle()

    def _settle(self) -> Sequence[DnsRecord]:
        desired = [
            DnsRecord(name, "TXT", values, _CHALLENGE_TTL)
            for name, values in sorted(self._values.items())
        ]
        for dns in self._name_servers:
            settle(dns, self._owner, desired)
        return desired


def new_key() -> str:
    """A P-256 private key as PKCS#8 PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signing_request(key_pem: str, names: Sequence[str]) -> bytes:
    """A certificate signing request (PEM) with the names as subject alternative names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.add_extension(alternatives, critical=True)
    return request.sign(_private_key(key_pem), hashes.SHA256()).public_bytes(Encoding.PEM)


def is_good(chain_pem: str, key_pem: str, names: Sequence[str], now: datetime) -> bool:
    """Is the chain's leaf for this key and these names, with a third of its life to go?"""
    from cryptography import x509

    try:
        leaf = x509.load_pem_x509_certificates(chain_pem.encode())[0]
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        covered = set(extension.value.get_values_for_type(x509.DNSName))
    except (ValueError, IndexError, x509.ExtensionNotFound):
        return False
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return (
        leaf.public_key() == _private_key(key_pem).public_key()
        and covered == set(names)
        and leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc - life / 3
    )


def leaf_expiry(chain_pem: bytes) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificates(chain_pem)[0].not_valid_after_utc


def _private_key(pem: str) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError("the stored TLS key is not an elliptic curve key")
    return key
