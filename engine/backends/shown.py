"""Which certificate a host shows, before anything trusts it: for its owner to compare."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass

from engine.backends.tls import certificate_problem, fingerprint_of, shown_fingerprint
from engine.backends.trust import CONNECT_SECONDS


@dataclass(frozen=True)
class ShownCertificate:
    """host: "name:port". fingerprint: SHA-256, "AB:CD:..."; empty where none was shown.

    problem: why it is not believed by what is known so far; empty where it is.
    """

    host: str
    fingerprint: str
    problem: str

    @property
    def is_believed(self) -> bool:
        return not self.problem


def shown_by(host: str, ca_pem: str, fingerprints: Collection[str]) -> ShownCertificate:
    """What the host shows now. Nothing is sent to it."""
    pins = {pin.upper() for pin in fingerprints}
    if pins and not ca_pem:
        seen = shown_fingerprint(host, CONNECT_SECONDS)
        if not seen:
            return ShownCertificate(host, "", "it does not answer")
        problem = "" if seen in pins else "its certificate is not the one that was compared before"
        return ShownCertificate(host, seen, problem)
    name, _, port = host.rpartition(":")
    context = ssl.create_default_context(cadata=ca_pem or None)
    try:
        with (
            socket.create_connection((name.strip("[]"), int(port)), CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name.strip("[]")) as secured,
        ):
            der = secured.getpeercert(binary_form=True) or b""
            return ShownCertificate(host, fingerprint_of(der), "")
    except ssl.SSLError as error:
        seen = shown_fingerprint(host, CONNECT_SECONDS)
        return ShownCertificate(host, seen, certificate_problem(error, ""))
    except OSError as error:
        return ShownCertificate(host, "", f"it does not answer ({error.strerror or error})")
