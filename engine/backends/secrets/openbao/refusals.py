"""What OpenBao refuses and why, as the engine's errors.

No answer of OpenBao repeats a value that was sent to it; its own words may be quoted.
"""

from __future__ import annotations

import requests
from hvac import exceptions as hvac

from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.backends.trust import untrusted, why_unreached
from engine.errors import (
    HomeportError,
    NotReady,
    OnHold,
    RemoteFailure,
    Sealed,
    Unreachable,
)

_GOES_ON = "nothing was changed; what waits for it goes on by itself afterwards"


def is_cas_mismatch(error: hvac.VaultError) -> bool:
    """Somebody else wrote this path in between; the text is all that tells it apart."""
    return isinstance(error, hvac.InvalidRequest) and "check-and-set" in str(error)


def explain(error: Exception, settings: OpenBaoSettings, on: str) -> HomeportError:
    """on: the path, or what else it was about. A Forbidden is explained by the session."""
    if isinstance(error, requests.exceptions.SSLError):
        return untrusted("OpenBao", settings.host, error)
    if isinstance(error, requests.RequestException):
        return OnHold(
            "OpenBao cannot be reached",
            on=settings.host,
            why=why_unreached(error),
            left=_GOES_ON,
            do="Start it and unseal it. If it is up, check that the url in the provider's "
            "settings is right and that this machine may connect to it.",
        )
    said = ", ".join(getattr(error, "errors", None) or []) or str(error.args[0] or "")
    if isinstance(error, hvac.VaultDown):
        return sealed(settings) if "sealed" in said.lower() else _unable(settings, said)
    if isinstance(error, hvac.VaultNotInitialized):
        return NotReady(
            "OpenBao was never set up",
            on=settings.host,
            why="it is not initialised",
            left="nothing was changed",
            do="Initialise and unseal it: bao operator init, then bao operator unseal.",
        )
    if isinstance(error, hvac.RateLimitExceeded):
        return Unreachable(
            "OpenBao takes no more requests at the moment",
            on=settings.host,
            why=said,
            left="nothing was changed",
            do="Wait, or raise its rate limit quota for Homeport's role.",
        )
    if isinstance(error, hvac.InternalServerError | hvac.BadGateway):
        return _unable(settings, said)
    if isinstance(error, hvac.InvalidPath) and "no handler for route" in said:
        return no_mount(settings)
    return RemoteFailure(
        "OpenBao refuses a request",
        on=on,
        why=said or type(error).__name__,
        left="nothing was changed",
        do="Check the provider: homeport providers check NAME. OpenBao's own log says more.",
    )


def sealed(settings: OpenBaoSettings) -> HomeportError:
    return Sealed(
        "OpenBao is sealed",
        on=settings.host,
        why="it was restarted or sealed, and gives out nothing until it is unsealed",
        left=_GOES_ON,
        do="Unseal it with your unseal keys: bao operator unseal",
    )


def no_mount(settings: OpenBaoSettings) -> HomeportError:
    return NotReady(
        "OpenBao has no such secrets engine",
        on=f"{settings.mount}/ at {settings.host}",
        why="nothing is mounted there, or not in this namespace",
        left="nothing was changed",
        do=f"Mount one: bao secrets enable -path={settings.mount} -version=2 kv",
    )


def _unable(settings: OpenBaoSettings, said: str) -> HomeportError:
    return OnHold(
        "OpenBao cannot answer at the moment",
        on=settings.host,
        why=said or "it gave no reason",
        left=_GOES_ON,
        do="Look at its log, and whether its cluster has a leader: bao operator raft list-peers",
    )
