"""What Modoboa answers where it does not do what it is asked, in Homeport's words."""

from __future__ import annotations

from collections.abc import Mapping

from engine.backends.mail.modoboa.rights import set_up_commands
from engine.backends.mail.refusals import FOUND_AGAIN
from engine.backends.mail.settings import ModoboaSettings
from engine.backends.servers import not_ours
from engine.errors import (
    Denied,
    HomeportError,
    InvalidInput,
    NoCapacity,
    NotFound,
    NotReady,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
)

_TAKEN = ("already exists", "already used")


def is_taken(said: str) -> bool:
    return any(words in said for words in _TAKEN)


def refused(
    settings: ModoboaSettings, on: str, status: int, said: Mapping[str, str], *, writes: bool
) -> HomeportError:
    """said: by the field that it is about, "" for none; nothing in it repeats a value of ours
    that is a secret."""
    why = "; ".join(f"{field}: {text}" if field else text for field, text in said.items())
    if status == 401:
        return _not_known(settings, why)
    if status == 403 or "Permission denied" in why:
        return _not_entitled(settings, on, why)
    if status == 429:
        return away(settings, "it takes no more requests for now")
    if status >= 500:
        why = f"it answered with status {status}"
        return lost(settings, on, why) if writes else away(settings, why)
    if is_taken(why):
        return not_ours(
            "mailbox or alias", f"{on} at {settings.web_host}", known_by="address", where="Modoboa"
        )
    if "Domain" in why and ("No Domain matches" in why or "not found" in why):
        return _no_domain(on, why)
    if "limit reached" in why or "quota exceeded" in why:
        return NoCapacity(
            "Modoboa lets nothing more of this kind be made",
            on=on,
            why=why,
            left=FOUND_AGAIN,
            do="Raise the limit or the domain's quota there, then resume.",
        )
    if status == 404:
        return NotFound(
            "Modoboa has no such mailbox or alias",
            on=on,
            why=why,
            left=FOUND_AGAIN,
            do="Make it there; or, where it is who gets what returns, name another as 'returns_to' "
            "in the provider's settings.",
        )
    if "password" in said:
        return InvalidInput(
            "Modoboa does not take this password",
            on=on,
            why=said["password"],
            left=FOUND_AGAIN,
            do="Choose another one; one that Homeport makes has letters of both cases and digits.",
        )
    return RemoteFailure(
        "Modoboa refuses a request",
        on=on,
        why=why or f"status {status}",
        left=FOUND_AGAIN,
        do="Check the provider: homeport doctor --provider NAME",
    )


def away(settings: ModoboaSettings, why: str) -> HomeportError:
    return Unreachable(
        "Modoboa cannot be reached",
        on=settings.web_host,
        why=why,
        left=FOUND_AGAIN,
        do="Check that it is up, that 'url' in the provider's settings is right, and that this "
        "machine may connect to it.",
    )


def lost(settings: ModoboaSettings, on: str, why: str) -> HomeportError:
    return OutcomeUnknown(
        "Modoboa's answer got lost",
        on=f"{on} at {settings.web_host}",
        why=why,
        left=FOUND_AGAIN,
        do="Try again.",
    )


def not_modoboa(settings: ModoboaSettings) -> HomeportError:
    return RemoteFailure(
        "the answer is not one of Modoboa",
        on=settings.web_host,
        why="it is not JSON, or it is a list of another form",
        left=FOUND_AGAIN,
        do="Check 'url' in the provider's settings, and what stands in front of Modoboa. Its "
        "version must have the API v2, as 2.0 and later have.",
    )


def _not_known(settings: ModoboaSettings, why: str) -> HomeportError:
    return Denied(
        "Modoboa does not accept Homeport's token",
        on=settings.web_host,
        why=why,
        left=FOUND_AGAIN,
        do="Store one that this prints on its host, in the directory of its manage.py:\n"
        + set_up_commands(settings.domain),
    )


def _not_entitled(settings: ModoboaSettings, on: str, why: str) -> HomeportError:
    domain = on.partition("@")[2] or settings.domain
    return Denied(
        "Modoboa denies this to Homeport's account",
        on=on,
        why=f"{why} It has to administrate the domain {domain}.".strip(),
        left=FOUND_AGAIN,
        do="Make it an administrator of the domain, on Modoboa's host, in the directory of its "
        "manage.py:\n" + set_up_commands(domain),
    )


def _no_domain(on: str, why: str) -> HomeportError:
    return NotReady(
        "Modoboa has no such domain, or does not show it to Homeport's account",
        on=on,
        why=why,
        left=FOUND_AGAIN,
        do="Add the domain there, and make Homeport's account an administrator of it, or correct "
        "'domain' in the provider's settings.",
    )
