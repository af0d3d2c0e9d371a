"""The DNS records that mail for a domain needs, as values.

MX (RFC 5321), SPF (RFC 7208), DKIM (RFC 6376, RFC 8463 for Ed25519), DMARC (RFC 7489), MTA-STS
(RFC 8461), and PTR, which is in the hands of whoever gave the address away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.backends.mail.settings import MailSettings
from engine.backends.protocols import DnsRecord

_ED25519_LENGTH = 44
"""Of a public key of 32 bytes in base64."""
_SPF = re.compile(r"v=spf1( |$)", re.IGNORECASE)
_ALL = re.compile(r"[+?~-]?all", re.IGNORECASE)
_MODIFIER = re.compile(r"[a-z][a-z0-9._-]*=", re.IGNORECASE)


def mail_records(settings: MailSettings, domain: str) -> tuple[DnsRecord, ...]:
    """As far as the settings say: without a DKIM key there is no record of one."""
    found = [
        DnsRecord(domain, "MX", (f"10 {settings.host}",)),
        DnsRecord(domain, "TXT", (merged_spf([], _mechanisms(settings)),)),
    ]
    if settings.dkim_selector and (key := "".join(settings.dkim_public_key.split())):
        kind = "ed25519" if len(key) == _ED25519_LENGTH else "rsa"
        name = f"{settings.dkim_selector}._domainkey.{domain}"
        found.append(DnsRecord(name, "TXT", (f"v=DKIM1; k={kind}; p={key}",)))
    reports = f"; rua=mailto:{settings.dmarc_reports}" if settings.dmarc_reports else ""
    policy = f"v=DMARC1; p={settings.dmarc}{reports}"
    found.append(DnsRecord(f"_dmarc.{domain}", "TXT", (policy,)))
    if settings.mta_sts_id:
        policy = f"v=STSv1; id={settings.mta_sts_id}"
        found.append(DnsRecord(f"_mta-sts.{domain}", "TXT", (policy,)))
    for address in settings.addresses:
        found.append(DnsRecord(address.reverse_pointer, "PTR", (settings.host,)))
    return tuple(found)


def is_spf(text: str) -> bool:
    return _SPF.match(text) is not None


def merged_spf(standing: Sequence[str], mechanisms: Sequence[str]) -> str:
    """One record that lets in whoever those that stand there let in, and these, too.

    What is to be done with all others stays as the first of them says; where none does, "~all":
    others are not to be believed, and not to be refused either.
    """
    terms: list[str] = []
    modifiers: list[str] = []
    last = ""
    for text in standing:
        for term in text.split()[1:]:
            if _ALL.fullmatch(term):
                last = last or term
            elif _MODIFIER.match(term):
                modifiers += [] if term in modifiers else [term]
            elif term not in terms:
                terms.append(term)
    terms += [term for term in mechanisms if not {term, f"+{term}"} & set(terms)]
    redirected = any(term.lower().startswith("redirect=") for term in modifiers)
    end = [last or "~all"] if last or not redirected else []
    return " ".join(["v=spf1", *terms, *end, *modifiers])


def _mechanisms(settings: MailSettings) -> list[str]:
    return [f"ip{one.version}:{one}" for one in settings.addresses] or ["mx"]
