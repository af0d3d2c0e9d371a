"""RFC 2136: prerequisites and updates, applied to a zone as one change or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataset
import dns.rrset
import dns.transaction
import dns.update
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.serial import Serial

from engine.lab.names.zonefile import ZoneStore

_META = frozenset(
    {RdataType.ANY, RdataType.AXFR, RdataType.IXFR, RdataType.MAILA, RdataType.MAILB, RdataType.OPT}
)
_APEX_KEPT = frozenset({RdataType.SOA, RdataType.NS})


class Rejected(Exception):
    """The update is refused with this response code; the zone is as it was."""

    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(dns.rcode.to_text(rcode))
        self.rcode = rcode


def apply_update(store: ZoneStore, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
    """Carry out an authenticated update; gives the code to answer with."""
    try:
        _prescan(store, message.update)
        with store.update() as transaction:
            _check_prerequisites(store, transaction, message.prerequisite)
            for rrset in message.update:
                _apply(store, transaction, rrset)
    except Rejected as rejected:
        return rejected.rcode
    except OSError:
        return dns.rcode.SERVFAIL
    return dns.rcode.NOERROR


def _check_prerequisites(
    store: ZoneStore, zone: dns.transaction.Transaction, rrsets: Sequence[dns.rrset.RRset]
) -> None:
    """RFC 2136, section 3.2."""
    exact: dict[tuple[dns.name.Name, RdataType], set[dns.rdata.Rdata]] = {}
    for rrset in rrsets:
        name, rdtype = rrset.name, rrset.rdtype
        if rrset.ttl != 0:
            raise Rejected(dns.rcode.FORMERR)
        if not name.is_subdomain(store.origin):
            raise Rejected(dns.rcode.NOTZONE)
        if rrset.deleting is None:
            exact.setdefault((name, rdtype), set()).update(rrset)
            continue
        there = zone.name_exists(name) if rdtype == RdataType.ANY else bool(zone.get(name, rdtype))
        if rrset.deleting == RdataClass.ANY and not there:
            raise Rejected(_absent(rdtype))
        if rrset.deleting == RdataClass.NONE and there:
            raise Rejected(_present(rdtype))
    for (name, rdtype), wanted in exact.items():
        found = zone.get(name, rdtype)
        if found is None or set(found) != wanted:
            raise Rejected(dns.rcode.NXRRSET)


def _absent(rdtype: RdataType) -> dns.rcode.Rcode:
    return dns.rcode.NXDOMAIN if rdtype == RdataType.ANY else dns.rcode.NXRRSET


def _present(rdtype: RdataType) -> dns.rcode.Rcode:
    return dns.rcode.YXDOMAIN if rdtype == RdataType.ANY else dns.rcode.YXRRSET


def _prescan(store: ZoneStore, rrsets: Sequence[dns.rrset.RRset]) -> None:
    """RFC 2136, section 3.4.1: nothing is changed before everything was looked at."""
    for rrset in rrsets:
        if not rrset.name.is_subdomain(store.origin):
            raise Rejected(dns.rcode.NOTZONE)
        meta = rrset.rdtype in _META
        if rrset.deleting is None and meta:
            raise Rejected(dns.rcode.FORMERR)
        if rrset.deleting == RdataClass.ANY and (
            rrset.ttl != 0 or (meta and rrset.rdtype != RdataType.ANY)
        ):
            raise Rejected(dns.rcode.FORMERR)
        if rrset.deleting == RdataClass.NONE and (rrset.ttl != 0 or meta):
            raise Rejected(dns.rcode.FORMERR)


def _apply(store: ZoneStore, zone: dns.transaction.Transaction, rrset: dns.rrset.RRset) -> None:
    """RFC 2136, section 3.4.2, for one record of the update section."""
    name, rdtype = rrset.name, rrset.rdtype
    apex = name == store.origin
    if rrset.deleting is None:
        _add(store, zone, rrset)
    elif rrset.deleting == RdataClass.ANY:
        types = _types_at(zone, name) if rdtype == RdataType.ANY else {rdtype}
        for each in types - (_APEX_KEPT if apex else frozenset()):
            zone.delete(name, each)
    elif not (apex and _would_strip_apex(zone, rrset)):
        zone.delete(name, _as_rdataset(rrset))


def _add(store: ZoneStore, zone: dns.transaction.Transaction, rrset: dns.rrset.RRset) -> None:
    name, rdtype = rrset.name, rrset.rdtype
    types = _types_at(zone, name)
    if rdtype == RdataType.SOA:
        if name == store.origin and Serial(rrset[0].serial) > Serial(store.soa[0].serial):
            zone.replace(name, _as_rdataset(rrset))
        return
    if rdtype == RdataType.CNAME and types - {RdataType.CNAME}:
        return
    if rdtype != RdataType.CNAME and RdataType.CNAME in types:
        return
    if rdtype == RdataType.CNAME:
        zone.replace(name, _as_rdataset(rrset))
        return
    found = zone.get(name, rdtype)
    if found is not None and rrset[0] in found and found.ttl == rrset.ttl:
        return
    kept = list(found) if found is not None else []
    zone.replace(name, dns.rdataset.from_rdata_list(rrset.ttl, [*kept, *rrset]))


def _types_at(zone: dns.transaction.Transaction, name: dns.name.Name) -> set[RdataType]:
    node = zone.get_node(name)
    return {rdataset.rdtype for rdataset in node} if node is not None else set()


def _would_strip_apex(zone: dns.transaction.Transaction, rrset: dns.rrset.RRset) -> bool:
    """The SOA and the last name server of a zone cannot be deleted."""
    if rrset.rdtype == RdataType.SOA:
        return True
    found = zone.get(rrset.name, RdataType.NS)
    return rrset.rdtype == RdataType.NS and (found is None or set(found) <= set(rrset))


def _as_rdataset(rrset: dns.rrset.RRset) -> dns.rdataset.Rdataset:
    return dns.rdataset.from_rdata_list(rrset.ttl, list(rrset))
