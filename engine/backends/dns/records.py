"""Records as Homeport speaks of them, to and from octoDNS's own."""

from __future__ import annotations

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
    """A value as a zone file has it. ValueError for a text that not every provider keeps."""
    if rdtype in ("TXT", "SPF"):
        if not value.isascii() or not value.isprintable() or set(value) & {'"', "\\"}:
            raise ValueError("a text may hold printable ASCII but no quote and no backslash")
        raw = value.encode("ascii")
        chunks = [raw[i : i + _STRING_BYTES] for i in range(0, len(raw), _STRING_BYTES)]
        return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, chunks or [b""]).to_text()
    if rdtype in _ENDS_IN_NAME and not value.endswith("."):
        return f"{value}."
    return value


def _value(rdtype: str, rdata: str) -> str:
    if rdtype in ("TXT", "SPF"):
        parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, rdata)
        assert isinstance(parsed, TXT)
        return b"".join(parsed.strings).decode("ascii", errors="backslashreplace")
    return rdata.rstrip(".").lower() if rdtype in _ENDS_IN_NAME else rdata
