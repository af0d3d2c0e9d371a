"""What an ACME server or the way to it says no with, in our words (RFC 8555, 6.7)."""

from __future__ import annotations

import requests
from acme import errors, messages

from engine.errors import (
    Denied,
    HomeportError,
    InvalidInput,
    NoCapacity,
    RemoteFailure,
    RetryableError,
    Unreachable,
)

_WHAT = "no certificate was issued"
_LEFT = "the certificate in use, if any, stays"
_TEMPORARY = frozenset({"serverInternal", "badNonce", "dns", "connection", "tls", "orderNotReady"})
_BAD_NAMES = frozenset({"rejectedIdentifier", "unsupportedIdentifier", "badCSR"})


def explain(error: Exception, authority: str) -> HomeportError:
    """Our error for one of `acme` or `requests`. authority: its directory's address."""
    if isinstance(error, messages.Error):
        return from_problem(error, authority)
    if isinstance(error, errors.IssuanceError):
        return from_problem(error.error, authority)
    if isinstance(error, requests.exceptions.SSLError):
        return Denied(
            "the certificate authority is not who it should be",
            on=authority,
            why=f"its own TLS certificate is not trusted: {_text(error)}",
            left=_LEFT,
            do="Check the directory's address; for an authority of your own, give its root "
            "certificate as ca_pem in the provider's certificates settings",
        )
    if isinstance(error, requests.RequestException | errors.TimeoutError | OSError):
        return Unreachable(
            "the certificate authority does not answer",
            on=authority,
            why=_text(error),
            left=_LEFT,
            do="Check that this machine reaches it, then try again",
        )
    if isinstance(error, errors.NonceError):
        return RetryableError(_WHAT, on=authority, why=_text(error), left=_LEFT, do="Try again")
    return RemoteFailure(
        _WHAT,
        on=authority,
        why=f"the answer cannot be understood: {_text(error)}",
        left=_LEFT,
        do="Check that the directory's address is that of an ACME server",
    )


def from_problem(problem: messages.Error, authority: str) -> HomeportError:
    """For a problem document, by its type."""
    code = problem.code or ""
    name = problem.identifier.value if problem.identifier else authority
    why = " ".join(filter(None, (problem.detail or problem.description, f"({code})")))
    if code == "rateLimited":
        return NoCapacity(
            _WHAT,
            on=name,
            why=f"the authority's limit for this name or account is used up: {why}",
            left=_LEFT,
            do="Wait until the time it names; trying sooner only uses up more",
        )
    if code in _BAD_NAMES:
        return InvalidInput(
            _WHAT, on=name, why=why, left=_LEFT, do="Choose a name this authority certifies"
        )
    if code == "caa":
        return Denied(
            _WHAT,
            on=name,
            why=f"a CAA record of the domain forbids it: {why}",
            left=_LEFT,
            do="Add a CAA record that names this authority, or remove the one that is there",
        )
    if code in ("unauthorized", "incorrectResponse"):
        return Denied(
            _WHAT,
            on=name,
            why=f"the authority does not see that the name is ours: {why}",
            left=_LEFT,
            do="Check that the zone's public name servers serve what the DNS provider was told",
        )
    if code in ("accountDoesNotExist", "externalAccountRequired", "userActionRequired"):
        return Denied(
            _WHAT,
            on=authority,
            why=f"the authority wants an account made by hand: {why}",
            left=_LEFT,
            do="Use an authority that opens accounts by itself, as Let's Encrypt does",
        )
    if code in _TEMPORARY:
        return RetryableError(_WHAT, on=name, why=why, left=_LEFT, do="Try again in a while")
    return RemoteFailure(_WHAT, on=name, why=why, left=_LEFT, do="Read what the authority says")


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__
