"""Reaching a deployed application as its users do: by its public name, and no other way.

The name is asked of the provider's own authoritative servers, so that no cache between
here and there can hide a mistake; the certificate is checked against the name and against
the provider's trust anchors. Used for health checks and by the demo's clients.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from engine.catalog.package import HealthProbe
from engine.errors import HomeportError, NotFound, RemoteFailure, Unreachable

if TYPE_CHECKING:
    import dns.nameserver


@dataclass(frozen=True)
class PublicAnswer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class PublicEndpoint:
    """Where users find an application.

    nameservers: "address:port" of the zone's authoritative servers; empty: the system's
    resolver. trust_anchors: PEM of the authority; None: the system's store. held: an address
    that is asked whatever the name says, as by a client that remembers it.
    """

    domain: str
    port: int
    nameservers: tuple[str, ...]
    trust_anchors: bytes | None
    held: str = ""

    @property
    def url(self) -> str:
        return f"https://{self.domain}" + (f":{self.port}" if self.port != 443 else "")

    def addresses(self, *, timeout: float = 5.0) -> list[str]:
        """Addresses of the name, IPv4 first. NotFound: it has none. Unreachable: no server."""
        if self.held:
            return [self.held]
        return resolve(self.domain, self.nameservers, timeout=timeout)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 15.0,
    ) -> PublicAnswer:
        """One HTTPS request. Raises NotFound, Unreachable, or RemoteFailure (certificate)."""
        return _request(self, self.addresses()[0], method, path, body, headers, timeout)


def resolve(name: str, nameservers: Sequence[str], *, timeout: float = 5.0) -> list[str]:
    """A and AAAA records of a name at the given "address:port" servers, each asked alone."""
    import dns.exception
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=not nameservers)
    if nameservers:
        resolver.nameservers = [_nameserver(server) for server in nameservers]
    found: list[str] = []
    try:
        for kind in ("A", "AAAA"):
            answer = resolver.resolve(
                name, kind, lifetime=timeout, raise_on_no_answer=False, search=False
            )
            found += [record.to_text() for record in answer]
    except dns.resolver.NXDOMAIN as error:
        raise NotFound(
            "the name does not exist", on=name, do="Wait for DNS, or deploy again."
        ) from error
    except dns.exception.DNSException as error:
        raise Unreachable("the name cannot be resolved", on=name, why=str(error)) from error
    if not found:
        raise NotFound("the name has no address", on=name)
    return found


def _nameserver(server: str) -> dns.nameserver.Nameserver:
    import dns.nameserver

    host, _, port = server.rpartition(":")
    return dns.nameserver.Do53Nameserver(str(ip_address(host.strip("[]"))), int(port))


class _Connection(http.client.HTTPSConnection):
    """Connects to a given address while the certificate is checked for the name."""

    def __init__(self, endpoint: PublicEndpoint, address: str, timeout: float) -> None:
        context = ssl.create_default_context()
        if endpoint.trust_anchors is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=endpoint.trust_anchors.decode())
        super().__init__(endpoint.domain, endpoint.port, timeout=timeout, context=context)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        import socket

        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _request(
    endpoint: PublicEndpoint,
    address: str,
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    timeout: float,
) -> PublicAnswer:
    connection = _Connection(endpoint, address, timeout)
    on = f"{endpoint.url} at {address}"
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return PublicAnswer(answer.status, found, answer.read())
    except ssl.SSLCertVerificationError as error:
        raise RemoteFailure(
            "the certificate is not right",
            on=on,
            why=error.verify_message,
            do="See the certificate step of the last operation.",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable("the application does not answer", on=on, why=str(error)) from error
    finally:
        connection.close()


def failing_probe(endpoint: PublicEndpoint, probes: Sequence[HealthProbe]) -> HomeportError | None:
    """The first probe that the application does not pass, as an error; None: all pass."""
    for probe in probes:
        try:
            answer = endpoint.request("GET", probe.path)
        except HomeportError as error:
            return error
        on = f"{endpoint.url}{probe.path}"
        if answer.status not in probe.status:
            why = f"it answered with status {answer.status}, not {_either(probe.status)}"
            return RemoteFailure("the application is not healthy", on=on, why=why)
        if probe.contains and probe.contains.encode() not in answer.body:
            why = f"its answer does not contain {probe.contains!r}"
            return RemoteFailure("the application is not healthy", on=on, why=why)
    return None


def _either(statuses: Sequence[int]) -> str:
    return " or ".join(map(str, statuses))
