"""Asking the servers that decide: what the rest of the world will be told, once it asks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from engine.backends.dns.records import rdata_text
from engine.backends.protocols import DnsRecord, Progress
from engine.errors import RetryableError, Unreachable

_QUERY_SECONDS = 3.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True)
class Server:
    address: str
    port: int = 53

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Server:
        """From "192.0.2.1", "192.0.2.1:5353" or "[2001:db8::1]:53"."""
        if text.startswith("["):
            address, _, port = text[1:].partition("]")
            return cls(address, int(port.lstrip(":") or 53))
        if text.count(":") > 1:
            return cls(text)
        address, _, port = text.partition(":")
        return cls(address, int(port or 53))


def servers_of(zone: str) -> list[Server]:
    """The zone's name servers by the system's resolver; Unreachable if it knows none."""
    servers: list[Server] = []
    try:
        for ns in dns.resolver.resolve(zone, "NS"):
            for rdtype in ("A", "AAAA"):
                try:
                    servers += [
                        Server(rdata.to_text()) for rdata in dns.resolver.resolve(ns.target, rdtype)
                    ]
                except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
                    continue
    except (dns.exception.DNSException, OSError) as error:
        raise Unreachable(
            "the zone's name servers cannot be found",
            on=zone,
            why=str(error),
            do="Name them in the provider's dns settings, as authoritative",
        ) from error
    return servers


def wait_until_served(
    servers: Sequence[Server], desired: Sequence[DnsRecord], seconds: float, progress: Progress
) -> None:
    """Return once every server answers every record as desired.

    Unreachable or RetryableError, naming server and record, when that takes too long.
    """
    deadline = time.monotonic() + seconds
    waiting = [(server, record) for server in servers for record in desired]
    total = len(waiting)
    pause = _FIRST_PAUSE
    while True:
        answers = [(server, record, look_up(server, record)) for server, record in waiting]
        wrong = [answer for answer in answers if not _is_wanted(answer[2], answer[1])]
        waiting = [(server, record) for server, record, _ in wrong]
        progress.progress(total - len(waiting), total)
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise _too_late(*wrong[0])
        progress.raise_if_cancelled()
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def look_up(server: Server, record: DnsRecord) -> frozenset[dns.rdata.Rdata] | None:
    """What the server says for the record's name and type; None: it gives no answer."""
    query = dns.message.make_query(record.name, record.type, use_edns=0, payload=1232)
    query.flags &= ~dns.flags.RD
    try:
        response, _ = dns.query.udp_with_fallback(
            query, server.address, port=server.port, timeout=_QUERY_SECONDS
        )
    except (dns.exception.DNSException, OSError, EOFError):
        return None
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return None
    question = query.question[0]
    return frozenset(
        rdata
        for rrset in response.answer
        if rrset.name == question.name and rrset.rdtype == question.rdtype
        for rdata in rrset
    )


def _is_wanted(found: frozenset[dns.rdata.Rdata] | None, record: DnsRecord) -> bool:
    return found is not None and _said(found) == _said(_wanted(record))


def _said(rdatas: Iterable[dns.rdata.Rdata]) -> frozenset[dns.rdata.Rdata | bytes]:
    """Of a long text whoever keeps it chooses the pieces, which are to be put together (RFC 7208,
    3.3; RFC 6376, 3.6.2.2)."""
    return frozenset(b"".join(each.strings) if isinstance(each, TXT) else each for each in rdatas)


def _wanted(record: DnsRecord) -> frozenset[dns.rdata.Rdata]:
    return frozenset(
        dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.from_text(record.type),
            rdata_text(record.type, value),
        )
        for value in record.values
    )


def _too_late(
    server: Server, record: DnsRecord, found: frozenset[dns.rdata.Rdata] | None
) -> RetryableError:
    if found is None:
        return Unreachable(
            "a name server does not answer",
            on=str(server),
            why=f"asked for {record.name} {record.type}",
            left="the records were sent to the DNS provider",
            do="Check that the name server runs and can be reached from here, then try again",
        )
    shown = ", ".join(sorted(rdata.to_text() for rdata in found)) or "no such record"
    return RetryableError(
        "a name server does not serve the new records yet",
        on=str(server),
        why=f"for {record.name} {record.type} it says: {shown}",
        left="the records were sent to the DNS provider",
        do="Wait for the provider to spread them, then try again",
    )
