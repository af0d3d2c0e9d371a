"""Which name servers a zone has: by its own word, and by that of whom the world asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import dns.exception
import dns.resolver

from engine.backends.dns.authoritative import Server, look_up
from engine.backends.protocols import DnsRecord, NameServer
from engine.errors import Unreachable

_RESOLVER_SECONDS = 10.0
_FAMILIES = ("A", "AAAA")

Ask = Callable[[str, str], Iterable[str]]
"""Name and type -> what is there, as text."""


def named_by(zone: str, servers: Sequence[Server]) -> tuple[NameServer, ...]:
    """The zone's NS records as the first of its servers that answers has them. Unreachable where
    none does."""
    for server in servers:
        if look_up(server, DnsRecord(zone, "NS", ())) is not None:
            return _name_servers(zone, partial(_told, server))
    raise Unreachable(
        "the zone's name servers do not answer",
        on=f"{zone} at {', '.join(map(str, servers)) or 'no server'}",
        left="nothing was changed",
        do="Check that they run, have the zone and can be reached from here, then try again.",
    )


def delegated_to(zone: str, resolver: Server | None) -> tuple[NameServer, ...]:
    """The same as a resolver has them, who was sent there by the zone above. None is the
    system's. Unreachable where nobody says so, as of a zone that is not public."""
    asked = dns.resolver.Resolver(configure=resolver is None)
    if resolver is not None:
        asked.nameservers, asked.port = [resolver.address], resolver.port

    def ask(name: str, rdtype: str) -> Iterable[str]:
        answer = asked.resolve(f"{name}.", rdtype, search=False, lifetime=_RESOLVER_SECONDS)
        return [rdata.to_text() for rdata in answer]

    def ask_or_none(name: str, rdtype: str) -> Iterable[str]:
        try:
            return ask(name, rdtype)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return ()

    try:
        ask(zone, "NS")
        return _name_servers(zone, ask_or_none)
    except (dns.exception.DNSException, OSError) as error:
        raise Unreachable(
            "nobody says to which name servers the zone is delegated",
            on=f"{zone}, asked of {resolver or 'the resolver of this machine'}",
            why=" ".join(str(error).split()),
            left="nothing was changed",
            do="Check the resolver, which the DNS settings of a provider may name.",
        ) from error


def _name_servers(zone: str, ask: Ask) -> tuple[NameServer, ...]:
    names = sorted(target.rstrip(".").lower() for target in ask(zone, "NS"))
    return tuple(NameServer(name, _addresses(zone, name, ask)) for name in names)


def _addresses(zone: str, name: str, ask: Ask) -> tuple[str, ...]:
    """Two providers may call their servers the same within a zone; nowhere else."""
    if not name.endswith(f".{zone}"):
        return ()
    return tuple(sorted(text for rdtype in _FAMILIES for text in ask(name, rdtype)))


def _told(server: Server, name: str, rdtype: str) -> Iterable[str]:
    found = look_up(server, DnsRecord(name, rdtype, ()))
    return [rdata.to_text() for rdata in found or ()]
