"""What is wrong with a record while somebody types it, part by part. What only the zone knows is
found by the plan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from engine.errors import InvalidInput
from engine.model.record import RecordSet
from engine.planning.records import (
    PUBLIC_ADDRESS,
    TYPES,
    check_together,
    full_name,
    parse_record,
    with_added,
    without,
)

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_CAA = re.compile(r'(0|128) (issue|issuewild|iodef) ("[^"]*"|\S+)')
_FORMS = {
    "A": "an IPv4 address, like 192.0.2.7, or {public_address}",
    "AAAA": "an IPv6 address, like 2001:db8::7, or {public_address}",
    "CAA": 'flags, property and value: 0 issue "letsencrypt.org"',
    "CNAME": "the name that it stands for; @ is the domain",
    "MX": "preference and mail server: 10 mail.example.org",
    "SRV": "priority, weight, port and target: 0 1 993 mail.example.org",
    "TXT": "a text: v=spf1 mx -all",
}
"""How a value of each type is written, in words."""


def value_form(rdtype: str) -> str:
    return _FORMS.get(rdtype.upper(), "a value of its type")


def record_problems(
    rdtype: str, name: str, value: str, ttl: str, domain: str, zone: str
) -> dict[str, str]:
    """By part ("type", "name", "value", "ttl") what is wrong with it; empty where nothing is."""
    kind = rdtype.upper()
    return {
        "type": "" if kind in TYPES else f"one of {', '.join(TYPES)}",
        "name": _name_problem(name, domain, zone),
        "value": _value_problem(kind, value, domain) if kind in TYPES else "",
        "ttl": "" if ttl.isdecimal() and 30 <= int(ttl) <= 604800 else "seconds, 30 to 604800",
    }


def together_problem(
    known: Sequence[RecordSet],
    add: str,
    remove: Sequence[str],
    beside: Sequence[RecordSet],
    domain: str,
) -> str:
    """What speaks against the record beside the others; empty where nothing does. known: those
    that the owner added; beside: those of the package."""
    try:
        mine = with_added(without(known, remove, domain), [add], domain)
        keys = {record.key for record in mine}
        check_together([*mine, *(each for each in beside if each.key not in keys)], domain)
    except InvalidInput as refused:
        return refused.why or refused.what
    return ""


def _name_problem(name: str, domain: str, zone: str) -> str:
    if not name:
        return "@ for the domain itself, or a name below it"
    full = full_name(name, domain)
    labels = full.split(".")
    if labels[0] == "*":
        labels = labels[1:]
    if len(full) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return "names have letters, digits, - and _, and dots between them"
    if zone and full != zone and not full.endswith(f".{zone}"):
        return f"it must end in .{zone}."
    return ""


def _value_problem(kind: str, value: str, domain: str) -> str:
    words = value.split()
    if not words:
        return value_form(kind)
    if kind in ("A", "AAAA"):
        return "" if value == PUBLIC_ADDRESS or _is_address(kind, value) else value_form(kind)
    if kind == "CAA":
        return "" if _CAA.fullmatch(" ".join(words)) else value_form(kind)
    try:
        parse_record(f"{kind} @ {value}", domain)
    except InvalidInput as refused:
        return f"{refused.why}: {value_form(kind)}"
    if kind == "TXT":
        [text] = parse_record(f"TXT @ {value}", domain).values
        bad = set(text) & set('"\\') or not (text.isascii() and text.isprintable())
        return "no quote or backslash, ASCII only: not every provider keeps others" if bad else ""
    if not all(word.isdecimal() and int(word) <= 65535 for word in words[:-1]):
        return value_form(kind)
    return "" if _is_host(words[-1]) else f"{words[-1]} is no host name"


def _is_address(kind: str, value: str) -> bool:
    try:
        (IPv4Address if kind == "A" else IPv6Address)(value)
    except AddressValueError:
        return False
    return True


def _is_host(name: str) -> bool:
    if name in ("@", "."):
        return True
    return all(map(_LABEL.fullmatch, name.removesuffix(".").lower().split(".")))
