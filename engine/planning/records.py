"""Records as people and packages write them, and all that a deployment owns in its zone.

A record is written as its type, its name and its value: "MX @ 10 mail.example.org". Names are
below the deployment's domain ("@" is the domain itself, "www" is below it), or anywhere in the
zone where they end with a dot. Host names within values are whole; of one without a dot the
domain is the rest, and "@" is the domain. A text may stand in quotes, in several pieces, as
programs print the key of DKIM; the pieces are one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from engine.catalog.placeholders import Bindings, expand_text
from engine.errors import InvalidInput
from engine.model.record import RecordSet, RecordType
from engine.planning.desired import Desired

TTL = 300
PUBLIC_ADDRESS = "{public_address}"
"""Filled when the record is written: a move changes it."""
TYPES: tuple[str, ...] = get_args(RecordType)
_ENDS_IN_NAME = ("CNAME", "MX", "SRV")
_WORDS = {"CNAME": 1, "MX": 2, "SRV": 4, "A": 1, "AAAA": 1}
_ADDRESSES = ("A", "AAAA", "CNAME")
_PIECES = re.compile(r'\(?\s*("[^"]*"\s*)+\)?')
_CHALLENGE = "_acme-challenge"


def parse_record(text: str, domain: str, ttl: int | None = None) -> RecordSet:
    """One record, with its names in full. InvalidInput, saying how records are written."""
    rdtype, name, value = _split(text)
    if not value:
        raise _unreadable(text, "it has no value")
    if ttl is not None and not 30 <= ttl <= 604800:
        raise _unreadable(text, f"a TTL of {ttl} s is not between 30 s and a week")
    return RecordSet.model_validate(
        {
            "name": full_name(name, domain),
            "type": rdtype,
            "values": (whole_value(rdtype, value, domain, text),),
            "ttl": ttl or TTL,
        }
    )


def full_name(name: str, domain: str) -> str:
    if name == "@":
        return domain
    if name.endswith("."):
        return name[:-1].lower()
    return f"{name}.{domain}".lower()


def name_as_written(full: str, domain: str) -> str:
    """What `full_name` makes this of; the shortest one."""
    if full == domain:
        return "@"
    below = full.removesuffix(f".{domain}")
    return below if below != full else f"{full}."


def as_written(record: RecordSet, value: str) -> str:
    """The record with one of its values, as `parse_record` and `without` read it."""
    text = f'"{value}"' if record.type == "TXT" else value
    return f"{record.type} {record.name}. {text}"


def written_by_owner(record: RecordSet, added: Sequence[RecordSet]) -> RecordSet:
    """As its owner wrote it, who may have named the other family of addresses; the record itself
    where that is nobody's."""
    found = (each for each in added if (each.name, each.values) == (record.name, record.values))
    return next((each for each in found if _is_alike(each.type, record.type)), record)


def _is_alike(one: str, other: str) -> bool:
    return one == other or {one, other} == {"A", "AAAA"}


def whole_value(rdtype: str, value: str, domain: str, text: str = "") -> str:
    """The value with names in full; pieces of a text are put together."""
    if rdtype == "TXT":
        if _PIECES.fullmatch(value):
            return "".join(re.findall(r'"([^"]*)"', value))
        return value
    words = value.split()
    if len(words) != _WORDS.get(rdtype, len(words)):
        raise _unreadable(text or value, f"a value of {rdtype} has {_WORDS[rdtype]} words")
    if rdtype in _ENDS_IN_NAME:
        words[-1] = _target(words[-1], domain)
    return " ".join(words)


def with_added(
    known: Sequence[RecordSet], texts: Iterable[str], domain: str, ttl: int | None = None
) -> tuple[RecordSet, ...]:
    """Those that are known and these, those of one name and type together."""
    sets = {record.key: record for record in known}
    for text in texts:
        more = parse_record(text, domain, ttl)
        before = sets.get(more.key)
        if before is not None:
            values = dict.fromkeys((*before.values, *more.values))
            kept = before.ttl if ttl is None else ttl
            more = before.model_copy(update={"values": tuple(values), "ttl": kept})
        sets[more.key] = more
    found = _by_name(sets.values())
    check_together(found, domain)
    return found


def without(known: Sequence[RecordSet], texts: Iterable[str], domain: str) -> tuple[RecordSet, ...]:
    """Those that are known without these: "MX @" is all of them, with a value it is that one."""
    sets = {record.key: record for record in known}
    for text in texts:
        rdtype, name, value = _split(text)
        key = f"{rdtype} {full_name(name, domain)}"
        wanted = whole_value(rdtype, value, domain, text) if value else ""
        found = sets.get(key)
        if found is None or (value and wanted not in found.values):
            raise InvalidInput(
                what="there is no such record to remove",
                on=f"{key} {wanted}".rstrip(),
                why=f"added were: {', '.join(sets) or 'none'}",
                left="nothing was changed",
                do="Name one that was added, as homeport records lists it.",
            )
        left = tuple(each for each in found.values if value and each != wanted)
        if left:
            sets[key] = found.model_copy(update={"values": left})
        else:
            del sets[key]
    return tuple(sets.values())


def declared_records(desired: Desired) -> tuple[RecordSet, ...]:
    """What the package says, for this deployment."""
    bindings: Bindings = {
        "domain": desired.domain,
        "name": desired.name,
        "public_port": desired.provider.access.https_port,
        "public_address": PUBLIC_ADDRESS,
    }
    found = (
        RecordSet(
            name=full_name(declared.name, desired.domain),
            type=declared.type,
            values=tuple(
                whole_value(declared.type, expand_text(value, bindings), desired.domain)
                for value in declared.values
            ),
            ttl=declared.ttl,
        )
        for declared in desired.package.records
    )
    return tuple(found)


def beside_the_address(desired: Desired) -> tuple[RecordSet, ...]:
    """Of the package and of its owner, by name; where both say something, the owner's word
    counts."""
    both = (*declared_records(desired), *desired.records)
    sets = {record.key: record for record in (_of_its_family(each, desired) for each in both)}
    return _by_name(sets.values())


def _of_its_family(record: RecordSet, desired: Desired) -> RecordSet:
    """Another name for the deployment's address is of the type that the address has there."""
    if record.type in ("A", "AAAA") and follows_address(record):
        return record.model_copy(update={"type": desired.record_type})
    return record


def check_together(records: Sequence[RecordSet], domain: str) -> None:
    """InvalidInput for what cannot be in one zone, or is not a deployment's to say."""
    for problem in _problems(records, domain):
        raise problem


def record_args(desired: Desired, ttl: int = TTL) -> list[dict[str, Any]]:
    """All records of the deployment, as the step that writes them is told. That of its address
    has no values: they are known when it runs.

    ttl: below the usual one around a move, also of the others that the address stands in. So the
    step that lowers it changes as many as the one that points them elsewhere, and meets what
    limits a zone has while nothing depends on it yet.
    """
    address = {"name": desired.domain, "type": desired.record_type, "ttl": ttl}
    others = beside_the_address(desired)
    if ttl < TTL:
        others = tuple(_remembered(each, ttl) if follows_address(each) else each for each in others)
    return [address, *map(_as_args, others)]


def follows_address(record: RecordSet) -> bool:
    return any(PUBLIC_ADDRESS in value for value in record.values)


def _remembered(record: RecordSet, seconds: int) -> RecordSet:
    return record.model_copy(update={"ttl": min(record.ttl, seconds)})


def more_than_the_address(desired: Desired) -> str:
    """For the subject of a step: ", MX chat.example.org, TXT chat.example.org"."""
    return "".join(f", {record.key}" for record in beside_the_address(desired))


def _as_args(record: RecordSet) -> dict[str, Any]:
    return {**record.model_dump(mode="json"), "values": list(record.values)}


def _split(text: str) -> tuple[str, str, str]:
    words = text.split(None, 2)
    if len(words) < 2:
        raise _unreadable(text, "it has no name")
    rdtype = words[0].upper()
    if rdtype not in TYPES:
        raise _unreadable(text, f"the first word is not one of {', '.join(TYPES)}")
    return rdtype, words[1], words[2].strip() if len(words) == 3 else ""


def _target(name: str, domain: str) -> str:
    if name == "@":
        return domain
    if name == ".":
        return name
    return (name.removesuffix(".") if "." in name else f"{name}.{domain}").lower()


def _by_name(records: Iterable[RecordSet]) -> tuple[RecordSet, ...]:
    return tuple(sorted(records, key=lambda record: (record.name, record.type)))


def _problems(records: Sequence[RecordSet], domain: str) -> Iterator[InvalidInput]:
    for record in records:
        beside = [other.type for other in records if other.name == record.name]
        if record.name == domain and record.type in _ADDRESSES:
            yield _refused(record, "the deployment's own address is there")
        if record.name.partition(".")[0] == _CHALLENGE:
            yield _refused(record, "the certificate is proven there")
        if record.type == "CNAME" and (len(beside) > 1 or len(record.values) > 1):
            yield _refused(record, "an alias is alone at its name, and has one target")
        senders = [value for value in record.values if value.lower().startswith("v=spf1")]
        if record.type == "TXT" and len(senders) > 1:
            yield _refused(record, "two policies of SPF at one name count as none (RFC 7208)")


def _refused(record: RecordSet, why: str) -> InvalidInput:
    return InvalidInput(
        what="the deployment cannot have this record",
        on=record.key,
        why=why,
        left="nothing was changed",
        do="Leave it out, choose another name, or remove the other one first.",
    )


def _unreadable(text: str, why: str) -> InvalidInput:
    shown = "".join(char if char.isprintable() else "?" for char in text[:80])
    return InvalidInput(
        what="this is not a record",
        on=shown,
        why=why,
        left="nothing was changed",
        do='Write type, name and value: "MX @ 10 mail.example.org", "TXT _dmarc v=DMARC1; p=none".',
    )
