"""The formats of JSON Schema, checked with the standard library alone.

Sources: JSON Schema Validation 2020-12, section 7.3, and the RFCs named there. A format that
is not listed is a hint and accepts everything.
"""

from __future__ import annotations

import ipaddress
import json
import re
import unicodedata
from collections.abc import Callable
from datetime import date, time
from urllib.parse import urlsplit
from uuid import UUID

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:z|[+-](\d\d):(\d\d))", re.IGNORECASE)
_DURATION = re.compile(
    r"P(?:\d+W|(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)"
)
_URI_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_IRI_CHARACTERS = re.compile(r"(?:[^\x00-\x20\x7f<>\"{}|\\^`%]|%[0-9A-Fa-f]{2})*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|\"(?:[^\"\\\x00-\x1f]|\\.)+\"")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_RELATIVE_POINTER = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)")


def is_format(name: str, text: str) -> bool:
    """Does the text have the named format? True for names that are not known."""
    check = _CHECKS.get(name)
    if check is None:
        return True
    try:
        return check(text)
    except ValueError:
        return False


def wanted(name: str) -> str:
    """What a format asks for, with an example: "an e-mail address, like anna@example.org"."""
    return _WANTED.get(name, f"in the format {name}")


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text) and date.fromisoformat(text))


def _is_time(text: str) -> bool:
    found = _TIME.fullmatch(text)
    if found is None or not text.isascii():
        return False
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    away_hours, away_minutes = int(found[4] or 0), int(found[5] or 0)
    time(away_hours, away_minutes)
    if second == 60:
        # a leap second is the last one of a day in UTC
        away = (away_hours * 60 + away_minutes) * (-1 if "+" in text else 1)
        return (hour * 60 + minute + away) % 1440 == 1439
    return bool(time(hour, minute, second) or True)


def _is_date_time(text: str) -> bool:
    return len(text) > 11 and text[10] in "Tt" and _is_date(text[:10]) and _is_time(text[11:])


def _is_duration(text: str) -> bool:
    found = _DURATION.fullmatch(text)
    return bool(found) and text.isascii() and text[-1] not in "PT" and not _skips_unit(text)


def _skips_unit(duration: str) -> bool:
    """Years and days without months, hours and seconds without minutes (RFC 3339, A)."""
    day, _, clock = duration.partition("T")
    return ("Y" in day and "D" in day and "M" not in day) or (
        "H" in clock and "S" in clock and "M" not in clock
    )


def _is_hostname(text: str) -> bool:
    labels = text.split(".")
    return len(text) <= 253 and all(
        _LABEL.fullmatch(label) and (label[2:4] != "--" or _is_a_label(label)) for label in labels
    )


def _is_a_label(label: str) -> bool:
    if not label.lower().startswith("xn--"):
        return False
    import idna

    try:
        return bool(idna.decode(label))
    except idna.IDNAError:
        return False


def _is_idn_hostname(text: str) -> bool:
    import idna

    try:
        return len(idna.encode(unicodedata.normalize("NFC", text))) <= 253
    except (idna.IDNAError, UnicodeError):
        return False


def _is_email(text: str) -> bool:
    mailbox, at, domain = text.rpartition("@")
    if not at or not _MAILBOX.fullmatch(mailbox):
        return False
    if mailbox[0] != '"' and (mailbox[0] == "." or mailbox[-1] == "." or ".." in mailbox):
        return False
    if domain.startswith("[") and domain.endswith("]"):
        literal = domain[1:-1]
        return bool(ipaddress.ip_address(literal.removeprefix("IPv6:")))
    return _is_hostname(domain)


def _is_idn_email(text: str) -> bool:
    mailbox, at, domain = text.rpartition("@")
    return bool(at and mailbox) and " " not in mailbox and _is_idn_hostname(domain)


def _is_ipv4(text: str) -> bool:
    return text.isascii() and bool(ipaddress.IPv4Address(text))


def _is_ipv6(text: str) -> bool:
    return "%" not in text and text.isascii() and bool(ipaddress.IPv6Address(text) or True)


def _is_reference(text: str, characters: re.Pattern[str]) -> bool:
    if not characters.fullmatch(text) or text.count("#") > 1:
        return False
    parts = urlsplit(text)
    _ = parts.port
    if not parts.netloc:
        return not re.search(r"[\[\]]", text)
    host = parts.netloc.rpartition("@")[2]
    user = parts.netloc.rpartition("@")[0]
    outside = (user, parts.path, parts.query, parts.fragment)
    if any(re.search(r"[\[\]]", part) for part in outside):
        return False
    return host.startswith("[") or host.count(":") <= 1


def _is_uri(text: str) -> bool:
    return bool(_SCHEME.match(text)) and _is_reference(text, _URI_CHARACTERS)


def _is_iri(text: str) -> bool:
    return bool(_SCHEME.match(text)) and _is_reference(text, _IRI_CHARACTERS)


def _is_regex(text: str) -> bool:
    from forms.schema.regex import to_python

    return bool(to_python(text) or True)


def _is_json(text: str) -> bool:
    json.loads(text)
    return True


_CHECKS: dict[str, Callable[[str], bool]] = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_date_time,
    "duration": _is_duration,
    "email": _is_email,
    "idn-email": _is_idn_email,
    "hostname": _is_hostname,
    "idn-hostname": _is_idn_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "uri": _is_uri,
    "uri-reference": lambda text: _is_reference(text, _URI_CHARACTERS),
    "iri": _is_iri,
    "iri-reference": lambda text: _is_reference(text, _IRI_CHARACTERS),
    "uuid": lambda text: len(text) == 36 and str(UUID(text)) == text.lower(),
    "json-pointer": lambda text: bool(_POINTER.fullmatch(text)),
    "relative-json-pointer": lambda text: bool(_RELATIVE_POINTER.fullmatch(text)),
    "regex": _is_regex,
    "json": _is_json,
}

_WANTED = {
    "date": "a date, like 2026-11-24",
    "time": "a time with its zone, like 08:30:00Z",
    "date-time": "a date and time with its zone, like 2026-11-24T08:30:00Z",
    "duration": "a duration, like P1D or PT30M",
    "email": "an e-mail address, like anna@example.org",
    "idn-email": "an e-mail address, like anna@example.org",
    "hostname": "a host name, like mail.example.org",
    "idn-hostname": "a host name, like mail.example.org",
    "ipv4": "an IPv4 address, like 192.0.2.10",
    "ipv6": "an IPv6 address, like 2001:db8::10",
    "uri": "a full address, like https://example.org/path",
    "uri-reference": "an address, like https://example.org/path or /path",
    "iri": "a full address, like https://example.org/path",
    "iri-reference": "an address, like https://example.org/path or /path",
    "uuid": "a UUID, like 123e4567-e89b-12d3-a456-426614174000",
    "json-pointer": "a JSON pointer, like /server/port",
    "relative-json-pointer": "a relative JSON pointer, like 1/port",
    "regex": "a regular expression",
    "json": "a JSON text",
}
