"""Knowing that the other side is the host it should be, where no public authority says so.

Proxmox hosts come with a certificate of their own authority, and so do the services of many
installations. Two ways are offered: the authority's certificate, or the SHA-256 fingerprint of
the host's. Both are checked right after the TLS handshake, before a request with a token is
sent; there is no way to skip them. Nothing is written to a file for it, where a killed process
would leave it.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Collection
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool


class FingerprintMismatch(ssl.SSLCertVerificationError):
    """The host showed a certificate that is not one of the pinned ones."""


class VerifyingAdapter(HTTPAdapter):
    """Trusts one authority or some certificates and nothing else.

    requests would add its own bundle of authorities to any context it is given.
    """

    def __init__(self, ca_pem: str, fingerprints: Collection[str]) -> None:
        self._context = ssl.create_default_context(cadata=ca_pem or None)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._by_chain = bool(ca_pem) or not fingerprints
        if not self._by_chain:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE  # the pin takes the chain's place
        super().__init__(max_retries=0)
        if not self._by_chain:
            self.poolmanager.pool_classes_by_scheme = {"https": _pinned_pool(fingerprints)}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """requests takes a host that hangs up in the middle of the handshake for one that cannot
        be trusted; it is one that may be back in a moment."""
        try:
            return super().send(*args, **{**kwargs, "verify": self._by_chain})
        except requests.exceptions.SSLError as error:
            if not _hung_up(error):
                raise
            raise requests.ConnectionError(*error.args, request=error.request) from None

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to add: the context knows whom to trust."""


def _hung_up(error: requests.exceptions.SSLError) -> bool:
    told = error.args[0] if error.args else None
    told = getattr(told, "reason", told)  # of urllib3's "too many tries"
    return any(isinstance(one, ssl.SSLEOFError) for one in getattr(told, "args", ()))


def _pinned_pool(fingerprints: Collection[str]) -> type[HTTPSConnectionPool]:
    pins = frozenset(fingerprints)

    class PinnedConnection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            assert isinstance(self.sock, ssl.SSLSocket)
            shown = fingerprint_of(self.sock.getpeercert(binary_form=True) or b"")
            if shown not in pins:
                self.close()
                raise FingerprintMismatch(f"the host showed a certificate with fingerprint {shown}")
            self.is_verified = True

    class PinnedPool(HTTPSConnectionPool):
        ConnectionCls = PinnedConnection

    return PinnedPool


def fingerprint_of(certificate: bytes) -> str:
    """SHA-256 of a DER certificate in the form that Proxmox shows: "AB:CD:..."."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def shown_fingerprint(host: str, timeout: float) -> str:
    """The fingerprint that a host ("name:port") shows, to show it to the user; "" where none.

    Nothing is sent and nothing is trusted by this.
    """
    name, _, port = host.rpartition(":")
    name = name.strip("[]")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((name, int(port)), timeout) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            return fingerprint_of(secured.getpeercert(binary_form=True) or b"")
    except OSError:
        return ""


def certificate_problem(error: Exception, shown: str) -> str:
    """Why a host was not believed, in plain words. shown: the fingerprint that it shows, or ""."""
    text = str(error)
    if "has expired" in text:
        reason = "its certificate has expired"
    elif "mismatch" in text:
        reason = "its certificate is for another name or address"
    elif "CERTIFICATE_VERIFY_FAILED" in text:
        reason = "no authority that is trusted here has signed its certificate"
    elif "showed a certificate" in text:
        reason = "its certificate is not the one whose fingerprint is in the settings"
    else:
        reason = "it does not speak TLS as it should"
    return f"{reason}; it shows the fingerprint {shown}" if shown else reason
