"""Talking to an ACME server: is it there, and one certificate from it (RFC 8555)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import requests
from acme import errors, messages
from acme.client import ClientV2
from cryptography import x509
from josepy.errors import Error as JoseError

from engine.backends.certificates.failures import explain
from engine.backends.certificates.order import Order
from engine.backends.certificates.session import open_account, open_network
from engine.backends.certificates.settings import AcmeSettings
from engine.backends.protocols import ChallengePublisher, Progress
from engine.backends.registry import failed_check
from engine.errors import HomeportError, InvalidInput, RemoteFailure
from engine.model.provider import Check, CheckStatus


def check_authority(settings: AcmeSettings) -> list[Check]:
    """Does the server answer, and does it open accounts by itself?"""
    title = "the certificate authority answers"
    url = settings.directory
    try:
        with _explained(settings), open_network(url, settings.ca_pem) as network:
            directory = ClientV2.get_directory(url, network)
    except HomeportError as error:
        return [failed_check("certificates", error, title, in_full=True)]
    if _wants_account_by_hand(directory):
        found = "it takes only accounts that were made by hand"
        do = "Use an authority that opens accounts by itself, as Let's Encrypt does"
        return [_check(title, CheckStatus.FAIL, found, do)]
    return [_check(title, CheckStatus.PASS, f"ACME directory at {url}")]


def issue(
    settings: AcmeSettings,
    names: Sequence[str],
    csr_pem: bytes,
    account_key_pem: bytes,
    publisher: ChallengePublisher,
    progress: Progress,
) -> bytes:
    """See `protocols.Certificates.issue`."""
    request = _read_request(names, csr_pem)
    deadline = time.monotonic() + settings.issue_seconds
    with (
        _explained(settings),
        open_account(
            settings.directory, settings.ca_pem, account_key_pem, settings.email
        ) as client,
    ):
        progress.log(f"asking {settings.directory} for {', '.join(names)}")
        order = Order(client, publisher, progress, settings.directory, deadline)
        chain = order.run(csr_pem)
    _refuse_other_certificate(chain, request, settings.directory)
    return chain


@contextmanager
def _explained(settings: AcmeSettings) -> Iterator[None]:
    try:
        yield
    except (messages.Error, errors.Error, JoseError, requests.RequestException) as error:
        raise explain(error, settings.directory) from error


def _wants_account_by_hand(directory: messages.Directory) -> bool:
    meta = getattr(directory, "meta", None)
    return bool(getattr(meta, "external_account_required", False))


def _read_request(names: Sequence[str], csr_pem: bytes) -> x509.CertificateSigningRequest:
    """InvalidInput unless it is a request for exactly these names."""
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        asked = _names_in(request.extensions)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise InvalidInput("the certificate request cannot be read", why=str(error)) from error
    if asked != set(names):
        raise InvalidInput(
            "the certificate request is for other names",
            on=", ".join(names),
            why=f"it names {', '.join(sorted(asked)) or 'none'}",
        )
    return request


def _refuse_other_certificate(
    chain: bytes, request: x509.CertificateSigningRequest, authority: str
) -> None:
    """What comes back must be for our key and our names."""
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        right = leaf.public_key() == request.public_key() and _names_in(
            leaf.extensions
        ) == _names_in(request.extensions)
    except (ValueError, IndexError, x509.ExtensionNotFound):
        right = False
    if not right:
        raise RemoteFailure(
            "the authority issued something else",
            on=authority,
            why="the certificate is not for the key and the names that were asked for",
            left="it is not used",
            do="Try again; if it stays so, ask the authority",
        )


def _names_in(extensions: x509.Extensions) -> set[str]:
    alternative = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(alternative.value.get_values_for_type(x509.DNSName))


def _check(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service="certificates", title=title, status=status, found=found, do=do)
