"""A connection to an ACME server with an account, without a trace in the process around it.

The authority's root, where it is not a public one, is given to this connection alone.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from acme import errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.jwa import ES256, ES384, ES512, RS256, JWASignature
from josepy.jwk import JWK, JWKEC, JWKRSA
from josepy.util import ComparableECKey, ComparableRSAKey

from engine.backends.tls import VerifyingAdapter
from engine.errors import InvalidInput

_TIMEOUT_SECONDS = 20
_CURVES: dict[str, JWASignature] = {
    "secp256r1": ES256,
    "secp384r1": ES384,
    "secp521r1": ES512,
}


@contextmanager
def open_network(
    directory_url: str, ca_pem: str | None, key: JWK | None = None, algorithm: JWASignature = RS256
) -> Iterator[ClientNetwork]:
    """Without a key: for what needs no account."""
    network = ClientNetwork(key, alg=algorithm, user_agent="homeport", timeout=_TIMEOUT_SECONDS)
    if ca_pem is not None:
        network.session.mount("https://", _trusting(ca_pem))
    # a proxy of this machine cannot reach this machine's own loopback addresses for us
    network.session.trust_env = not _is_loopback(directory_url)
    try:
        yield network
    finally:
        network.session.close()


def _trusting(ca_pem: str) -> VerifyingAdapter:
    try:
        return VerifyingAdapter(ca_pem, ())
    except ssl.SSLError as error:
        raise InvalidInput(
            "the root certificate of the authority cannot be read",
            why=error.reason or str(error),
            do="Give it as PEM: ca_pem in the provider's certificates settings",
        ) from error


@contextmanager
def open_account(
    directory_url: str, ca_pem: str | None, account_key_pem: bytes, email: str | None
) -> Iterator[ClientV2]:
    """A client whose account exists: registered with this key now, or before."""
    key, algorithm = load_account_key(account_key_pem)
    with open_network(directory_url, ca_pem, key, algorithm) as network:
        client = ClientV2(ClientV2.get_directory(directory_url, network), network)
        registration = messages.NewRegistration.from_data(email=email, terms_of_service_agreed=True)
        try:
            client.new_account(registration)
        except errors.ConflictError as known:
            network.account = messages.RegistrationResource(
                body=messages.Registration(), uri=known.location
            )
        yield client


def load_account_key(pem: bytes) -> tuple[JWK, JWASignature]:
    """The account's key and the algorithm it signs by; InvalidInput for other kinds of key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if isinstance(key, rsa.RSAPrivateKey):
        return JWKRSA(key=ComparableRSAKey(key)), RS256
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return JWKEC(key=ComparableECKey(key)), _CURVES[key.curve.name]
    raise InvalidInput(
        "the key of the ACME account cannot be used",
        why="it must be an RSA key or one on a NIST curve, as unencrypted PEM",
        do="Let Homeport make a new account key",
    )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
