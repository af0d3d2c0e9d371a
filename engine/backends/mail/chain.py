"""Are the records there that mail needs, and do they say what they should?

Nothing is changed: each line says what to add, or what to put in the place of what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import dns.exception
import dns.resolver

from engine.backends.mail.records import is_spf, merged_spf
from engine.backends.protocols import DnsRecord
from engine.model.provider import Check, CheckStatus

LookUp = Callable[[str, str], tuple[str, ...] | None]
"""Values of a name and type, names in them without trailing dots; None: nobody can tell."""
_STRING = 255
_SECONDS = 8.0


def check_chain(wanted: Iterable[DnsRecord], look_up: LookUp) -> list[Check]:
    return [_checked(record, look_up(record.name, record.type)) for record in wanted]


def resolver_look_up(server: str) -> LookUp:
    """By a name server, "192.0.2.1:53"; that of this machine for an empty one."""
    try:
        resolver = dns.resolver.Resolver(configure=not server)
    except dns.resolver.NoResolverConfiguration:
        return lambda name, rdtype: None
    if server:
        host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "53")
        resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
    resolver.lifetime = _SECONDS

    is_silent = False

    def look_up(name: str, rdtype: str) -> tuple[str, ...] | None:
        nonlocal is_silent
        if is_silent:
            return None
        try:
            answer = resolver.resolve(f"{name}.", rdtype, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except dns.resolver.LifetimeTimeout:
            is_silent = True  # who waited for one answer in vain does not wait for the others
            return None
        except (dns.exception.DNSException, OSError):
            return None
        return tuple(_text(rdata, rdtype) for rdata in answer.rrset or ())

    return look_up


def zone_line(record: DnsRecord) -> str:
    """As a zone file has it."""
    value = record.values[0]
    if record.type == "TXT":
        value = " ".join(
            f'"{value[start : start + _STRING]}"' for start in range(0, len(value), _STRING)
        )
    else:
        value = f"{value}."
    return f"{record.name}. {record.ttl} IN {record.type} {value}"


def _text(rdata: object, rdtype: str) -> str:
    if rdtype == "TXT":
        return b"".join(rdata.strings).decode("ascii", "backslashreplace")  # type: ignore[attr-defined]
    return rdata.to_text().rstrip(".").lower()  # type: ignore[attr-defined, no-any-return]


def _checked(record: DnsRecord, found: Sequence[str] | None) -> Check:
    title = f"{_word(record)} of {record.name}"
    if found is None:
        do = "Look whether the name server answers; without one, name it as 'resolver'."
        return _line(title, "nobody answers the question for it", do)
    if record.type == "TXT" and is_spf(record.values[0]):
        return _spf(title, record, [text for text in found if is_spf(text)])
    mine = [text for text in found if _is_of(record, text)]
    if any(_means(record, text) == _means(record, record.values[0]) for text in mine):
        return _line(title, record.values[0])
    if not mine:
        whose = " Whoever gave you the address does it." if record.type == "PTR" else ""
        return _line(title, "it is missing", f"Add this record.{whose}\n{zone_line(record)}")
    return _line(
        title,
        f"it differs: {', '.join(mine)}",
        f"If nobody else means it so, put this in its place:\n{zone_line(record)}",
    )


def _spf(title: str, record: DnsRecord, standing: list[str]) -> Check:
    wanted = record.values[0].split()[1:-1]
    merged = merged_spf(standing, wanted)
    one = zone_line(DnsRecord(record.name, "TXT", (merged,), record.ttl))
    if not standing:
        return _line(title, "it is missing", f"Add this record:\n{zone_line(record)}")
    if len(standing) > 1:
        found = f"there are {len(standing)}, and so none counts: {', '.join(standing)}"
        return _line(title, found, f"Put this one in the place of all of them:\n{one}")
    held = {term.removeprefix("+") for term in standing[0].split()}
    lacking = [term for term in wanted if term not in held]
    if lacking:
        found = f"it does not let {' '.join(lacking)} send: {standing[0]}"
        return _line(title, found, f"Put this in its place:\n{one}")
    return _line(title, standing[0])


def _is_of(record: DnsRecord, text: str) -> bool:
    """A TXT of the same sort; anything for other types."""
    if record.type != "TXT":
        return True
    sort = record.values[0].partition(";")[0]
    return text.partition(";")[0].replace(" ", "").lower() == sort.lower() or (
        sort == "v=DKIM1" and "p=" in text
    )


def _means(record: DnsRecord, text: str) -> frozenset[str]:
    """The host, whatever the preference. Of tags, in whatever order and with whatever spaces; what
    every key of DKIM is, may be said or left out."""
    if record.type != "TXT":
        return frozenset({text.split()[-1].lower()})
    tags = ("".join(tag.split()) for tag in text.split(";"))
    return frozenset(tag for tag in tags if tag and tag not in ("v=DKIM1", "k=rsa"))


def _word(record: DnsRecord) -> str:
    if record.type != "TXT":
        return record.type
    return next(_of_texts(record))


def _of_texts(record: DnsRecord) -> Iterator[str]:
    words = {"v=spf1": "SPF", "v=DKIM1": "DKIM", "v=DMARC1": "DMARC", "v=STSv1": "MTA-STS"}
    yield from (word for start, word in words.items() if record.values[0].startswith(start))


def _line(title: str, found: str, do: str = "") -> Check:
    status = CheckStatus.WARN if do else CheckStatus.PASS
    return Check(service="mail", title=title, status=status, found=found, do=do)
