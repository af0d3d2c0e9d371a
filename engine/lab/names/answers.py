"""From a question to its answer: pure, over the zones in memory."""

from __future__ import annotations

from collections.abc import Mapping

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rrset
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from engine.lab.names.zonefile import ZoneStore

_LONGEST_ALIAS_CHAIN = 8


def zone_of(zones: Mapping[dns.name.Name, ZoneStore], name: dns.name.Name) -> ZoneStore | None:
    """The closest of our zones that encloses the name."""
    while True:
        if found := zones.get(name):
            return found
        if name == dns.name.root:
            return None
        name = name.parent()


def answer(zones: Mapping[dns.name.Name, ZoneStore], query: dns.message.Message) -> _Response:
    """The response to an ordinary question (RFC 1034, 4.3.2), without recursion.

    NXDOMAIN and "no such type" carry the SOA (RFC 2308); other zones are REFUSED.
    """
    response = dns.message.make_response(query)
    assert isinstance(response, dns.message.QueryMessage)
    question = query.question[0]
    store = zone_of(zones, question.name)
    if store is None or question.rdclass != RdataClass.IN:
        response.set_rcode(dns.rcode.REFUSED)
        return response
    response.flags |= dns.flags.AA
    _resolve(zones, store, question.name, RdataType(question.rdtype), response)
    return response


_Response = dns.message.QueryMessage


def _resolve(
    zones: Mapping[dns.name.Name, ZoneStore],
    store: ZoneStore,
    name: dns.name.Name,
    rdtype: RdataType,
    response: _Response,
) -> None:
    for _ in range(_LONGEST_ALIAS_CHAIN):
        if found := _matching(store, name, rdtype):
            response.answer.extend(_as_rrset(name, rdataset) for rdataset in found)
            return
        alias = store.rdataset(name, RdataType.CNAME)
        if alias is None:
            if not store.has_name(name):
                response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(_negative_soa(store))
            return
        response.answer.append(_as_rrset(name, alias))
        name = alias[0].target
        target_zone = zone_of(zones, name)
        if target_zone is None:
            return
        store = target_zone


def _matching(
    store: ZoneStore, name: dns.name.Name, rdtype: RdataType
) -> list[dns.rdataset.Rdataset]:
    if rdtype == RdataType.ANY:
        node = store.zone.get_node(name)
        return list(node) if node is not None else []
    found = store.rdataset(name, rdtype)
    return [found] if found is not None else []


def _negative_soa(store: ZoneStore) -> dns.rrset.RRset:
    rrset = _as_rrset(store.origin, store.soa)
    rrset.ttl = min(rrset.ttl, rrset[0].minimum)
    return rrset


def _as_rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))


def transfer(store: ZoneStore, query: dns.message.Message) -> list[_Response]:
    """The messages of a full zone transfer (RFC 5936): SOA first and last."""
    soa = _as_rrset(store.origin, store.soa)
    rrsets = [soa]
    for name, rdataset in store.zone.iterate_rdatasets():
        if rdataset.rdtype != RdataType.SOA:
            rrsets.append(_as_rrset(name, rdataset))
    rrsets.append(soa)
    messages: list[_Response] = []
    size = _MESSAGE_ROOM
    for rrset in rrsets:
        need = sum(len(rdata.to_wire() or b"") + 300 for rdata in rrset)
        if size + need > _MESSAGE_ROOM:
            message = dns.message.make_response(query)
            assert isinstance(message, dns.message.QueryMessage)
            message.flags |= dns.flags.AA
            messages.append(message)
            size = 0
        messages[-1].answer.append(rrset)
        size += need
    return messages


_MESSAGE_ROOM = 48_000
"""Bytes of records put into one message of a transfer; the protocol's limit is 65,535."""
