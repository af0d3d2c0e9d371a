"""What went wrong at a DNS provider, in our words.

octoDNS's providers raise whatever they like: dnspython's errors, `requests`' errors, or a
bare Exception with a sentence. Types are looked at first, through the chain of causes, then
the response codes and words in the text. The values of secrets never get into a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dns.exception
import dns.rcode
import dns.tsig
import dns.xfr
import requests

from engine.errors import (
    Denied,
    HomeportError,
    NotFound,
    OutcomeUnknown,
    RemoteFailure,
    RetryableError,
    Unreachable,
)

_DENIED_WORDS = re.compile(
    r"unauthori[sz]ed|forbidden|permission denied|access denied|not permitted|REFUSED|BADKEY"
    r"|BADSIG|(invalid|wrong|bad) (api[ -]?)?(key|token|credentials?|signature)"
    r"|(the )?peer didn't (know the key|like the signature)",
    re.IGNORECASE,
)
_MISSING_WORDS = re.compile(r"NOTAUTH|NOTZONE|NXDOMAIN|zone .{0,80}not found|unknown zone", re.I)
_BUSY_WORDS = re.compile(r"SERVFAIL|rate.?limit|too many requests|temporarily", re.I)
_CLOCK_WORDS = re.compile(r"BADTIME|the time we sent", re.IGNORECASE)


@dataclass(frozen=True)
class Explainer:
    """Errors of one provider's zone. server: how the user knows it."""

    server: str
    zone: str
    secrets: tuple[str, ...] = ()

    def explain(self, error: Exception, what: str, *, writing: bool = False) -> HomeportError:
        """Our error for one of octoDNS or of a provider.

        writing: a request that changes something was under way, so that a lost connection
        leaves its outcome unknown.
        """
        chain = list(_chain(error))
        why = self._text(chain)
        if status := _http_status(chain):
            return self._from_status(status, what, why)
        if any(isinstance(link, dns.tsig.PeerBadTime) for link in chain) or _CLOCK_WORDS.search(
            why
        ):
            return RemoteFailure(
                what,
                on=self.zone,
                why=f"the clocks of {self.server} and of this machine differ: {why}",
                do="Set both clocks right (timedatectl), then try again",
            )
        if any(isinstance(link, dns.tsig.PeerError) for link in chain):
            return self._denied(what, why)
        if _is_silence(chain):
            return self._silent(what, why, writing)
        return self._from_words(what, why)

    def _from_words(self, what: str, why: str) -> HomeportError:
        if _DENIED_WORDS.search(why):
            return self._denied(what, why)
        if _MISSING_WORDS.search(why):
            return self._no_zone(what, why)
        if _BUSY_WORDS.search(why):
            return RetryableError(what, on=self.zone, why=why, do="Try again in a while")
        return RemoteFailure(
            what, on=self.zone, why=why, do=f"Look into the log of the DNS server {self.server}"
        )

    def _from_status(self, status: int, what: str, why: str) -> HomeportError:
        if status in (401, 403):
            return self._denied(what, why)
        if status == 404:
            return self._no_zone(what, why)
        if status == 429 or status >= 500:
            return RetryableError(what, on=self.zone, why=why, do="Try again in a while")
        return RemoteFailure(what, on=self.zone, why=why, do="Check the provider's DNS settings")

    def _denied(self, what: str, why: str) -> Denied:
        return Denied(
            what,
            on=self.zone,
            why=f"{self.server} does not accept the key or token for this: {why}",
            left="nothing was changed by this request",
            do=f"Give the provider a key that may read and change the zone {self.zone}, "
            "then check the connection",
        )

    def _no_zone(self, what: str, why: str) -> NotFound:
        return NotFound(
            what,
            on=self.zone,
            why=f"{self.server} does not serve this zone: {why}",
            do=f"Create the zone {self.zone} there, or correct the provider's zone",
        )

    def _silent(self, what: str, why: str, writing: bool) -> HomeportError:
        kind = OutcomeUnknown if writing else Unreachable
        return kind(
            what,
            on=self.zone,
            why=f"{self.server} does not answer: {why}",
            left="the change may or may not have been made" if writing else "nothing was changed",
            do="Check that the DNS server runs and can be reached from here, then try again",
        )

    def _text(self, chain: Iterable[BaseException]) -> str:
        texts: list[str] = []
        for link in chain:
            text = " ".join(str(link).split()) or type(link).__name__
            if not any(text in other for other in texts):
                texts.append(text)
        text = "; ".join(texts)
        for secret in self.secrets:
            if secret:
                text = text.replace(secret, "(secret)")
        return text[:500]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, also where the provider hid that by `from None`."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _http_status(chain: Iterable[BaseException]) -> int | None:
    for link in chain:
        response = getattr(link, "response", None)
        if isinstance(link, requests.RequestException) and response is not None:
            return int(response.status_code)
    return None


def _is_silence(chain: Iterable[BaseException]) -> bool:
    quiet = (
        dns.exception.Timeout,
        requests.ConnectionError,
        requests.Timeout,
        TimeoutError,
        ConnectionError,
        EOFError,
        OSError,
    )
    return any(
        isinstance(link, quiet) and not isinstance(link, requests.HTTPError) for link in chain
    )
