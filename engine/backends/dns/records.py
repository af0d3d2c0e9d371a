"""Records as Homeport speaks of them, to and from octoDNS's own."""

from __future__ import annotations

import re
from typing import Any

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT
from octodns.record import Record
from octodns.record.exception import RecordException
from octodns.record.rr import Rrset
from octodns.zone import Zone

from engine.backends.protocols import DnsRecord
from engine.errors import InvalidInput

_ENDS_IN_NAME = frozenset({"ALIAS", "CNAME", "DNAME", "MX", "NS", "PTR", "SRV"})
_STRING_BYTES = 255
_MEANS_MORE = frozenset('"\\;()')
"""In a zone file; a value that has one would not be what it looks like."""
_CAA = re.compile(r'(\d{1,3}) +([A-Za-z0-9]+) +(?:"([^"\\]*)"|([^"\\]*[^"\\ ]))')


def zone_of(name: str) -> Any:
    """An empty octoDNS zone."""
    return Zone(f"{name}.", [])


def to_octodns(zone: Any, record: DnsRecord) -> Any:
    """octoDNS's record; InvalidInput for values that are none of this type's."""
    try:
        rdatas = [rdata_text(record.type, value) for value in record.values]
        return Record.from_rrset(zone, Rrset(f"{record.name}.", record.type, record.ttl, rdatas))
    except (RecordException, dns.exception.DNSException, ValueError) as error:
        raise InvalidInput(
            "the record cannot be made",
            on=f"{record.name} {record.type}",
            why=" ".join(str(error).split()),
            do="Correct the record's type or values",
        ) from error


def from_octodns(record: Any) -> DnsRecord:
    """Values are in order, names in them without their trailing dot."""
    rrset = record.to_rrset()
    values = sorted(_value(rrset._type, rdata) for rdata in rrset.rdatas)
    return DnsRecord(
        name=rrset.name.rstrip(".").lower(),
        type=rrset._type,
        values=tuple(values),
        ttl=rrset.ttl,
    )


def name_and_type(record: Any) -> tuple[str, str]:
    return record.fqdn.rstrip(".").lower(), record._type


def rdata_text(rdtype: str, value: str) -> str:
    """A value as a zone file has it, always in the same form. ValueError, DNSException for what is
    none of this type's, and for a text that not every provider keeps."""
    if not value.isascii() or not value.isprintable():
        raise ValueError("a value may hold printable ASCII and nothing else")
    if rdtype in ("TXT", "SPF"):
        return _text(value)
    if rdtype == "CAA":
        return _certification(value)
    if set(value) & _MEANS_MORE:
        raise ValueError("a quote, backslash, semicolon or bracket has no place in it")
    whole = f"{value}." if rdtype in _ENDS_IN_NAME and not value.endswith(".") else value
    try:
        known = dns.rdatatype.from_text(rdtype)
    except dns.rdatatype.UnknownRdatatype:
        return whole  # a type of octoDNS's own, such as ALIAS
    return dns.rdata.from_text(dns.rdataclass.IN, known, whole).to_text()


def _text(value: str) -> str:
    if set(value) & {'"', "\\"}:
        raise ValueError("a text may hold no quote and no backslash")
    raw = value.encode("ascii")
    chunks = [raw[i : i + _STRING_BYTES] for i in range(0, len(raw), _STRING_BYTES)]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, chunks or [b""]).to_text()


def _certification(value: str) -> str:
    """RFC 8659, 4.1.1. The last word is a text, whether it was given within quotes or not."""
    found = _CAA.fullmatch(value)
    if found is None:
        raise ValueError('it is written like 0 issue "authority.example"')
    flags, tag, text = found[1], found[2], found[3] if found[3] is not None else found[4]
    quoted = f'{flags} {tag} "{text}"'
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.CAA, quoted).to_text()


def _value(rdtype: str, rdata: str) -> str:
    if rdtype in ("TXT", "SPF"):
        parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, rdata)
        assert isinstance(parsed, TXT)
        return b"".join(parsed.strings).decode("ascii", errors="backslashreplace")
    if rdtype in _ENDS_IN_NAME:
        # a target that is the root alone says that there is none (RFC 7505, RFC 2782)
        return rdata if rdata.endswith(" .") else rdata.rstrip(".").lower()
    return rdata
