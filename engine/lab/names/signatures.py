"""TSIG (RFC 8945) as a server sees it: whose key signed this message, and what to answer
when the signature does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig

_ERRORS: tuple[tuple[type[Exception], int], ...] = (
    (dns.message.UnknownTSIGKey, dns.rcode.BADKEY),
    (dns.tsig.BadKey, dns.rcode.BADKEY),
    (dns.tsig.BadAlgorithm, dns.rcode.BADKEY),
    (dns.tsig.BadSignature, dns.rcode.BADSIG),
    (dns.tsig.BadTime, dns.rcode.BADTIME),
)


@dataclass(frozen=True)
class Received:
    """A message from the wire. refusal: the answer, ready made, if its signature is bad."""

    message: dns.message.Message
    refusal: dns.message.Message | None = None

    @property
    def signer(self) -> dns.name.Name | None:
        """Name of the key that signed it, verified; None: it is not signed."""
        return self.message.keyname if self.message.had_tsig else None


def receive(wire: bytes, keys: Mapping[dns.name.Name, dns.tsig.Key]) -> Received:
    """Parse and verify. DNSException for what is no DNS message at all."""
    try:
        return Received(dns.message.from_wire(wire, keyring=dict(keys)))
    except tuple(error for error, _ in _ERRORS) as failure:
        unverified = dns.message.from_wire(wire, keyring=False)
        code = next(code for error, code in _ERRORS if isinstance(failure, error))
        return Received(unverified, _refuse(unverified, code))


def _refuse(query: dns.message.Message, tsig_error: int) -> dns.message.Message:
    """NOTAUTH with an unsigned TSIG that names the error (RFC 8945, 5.2)."""
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.NOTAUTH)
    assert query.tsig is not None
    unsigned = query.tsig[0].replace(mac=b"", error=tsig_error)
    response.tsig = dns.rrset.from_rdata(query.tsig.name, 0, unsigned)
    response.want_tsig_sign = False
    return response
