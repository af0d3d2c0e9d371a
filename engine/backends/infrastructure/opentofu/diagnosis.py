"""From what OpenTofu says went wrong to an error that says what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.backends.infrastructure.opentofu.stream import Diagnostic
from engine.errors import (
    Denied,
    HomeportError,
    Locked,
    NoCapacity,
    NotFound,
    PlanChanged,
    RemoteFailure,
    Unreachable,
    Unsafe,
)

_AWAY = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|connection reset|no route to"
    r"|TLS handshake timeout|status 5(0[234]|95|96)|unexpected EOF",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(401|403)\b|permission check failed|permission denied|authentication failed|AccessDenied",
    re.IGNORECASE,
)
_KEPT = "what was made so far is in the state, and the next attempt goes on from there"


def explained(errors: Sequence[Diagnostic], doing: str, on: str) -> HomeportError:
    """doing: "planning", "applying"."""
    text = "; ".join(dict.fromkeys(map(str, errors))) or "it ended without a word"
    if "Error acquiring the state lock" in text:
        return Locked(
            "somebody else works on the deployment's infrastructure",
            on=on,
            why=_lock_words(text),
            left="nothing was changed",
            do="Wait until they are done. If nobody is, take the lock away: homeport state unlock, "
            "or tofu force-unlock ID in the deployment's directory.",
        )
    if "Saved plan is stale" in text:
        return PlanChanged(
            "the state was changed between planning and applying",
            on=on,
            why=text,
            left="nothing was changed",
            do="Retry; if the plan is another one then, make it again and read it.",
        )
    if "Instance cannot be destroyed" in text:
        return Unsafe(
            "OpenTofu would destroy what the deployment stands on",
            on=on,
            why=text,
            left="nothing was changed",
            do="Change back at the provider what cannot be changed in place, or move the "
            "deployment: homeport migrate",
        )
    if re.search(r"provider packages|[Ff]ailed to install provider|Inconsistent dependency", text):
        return NotFound(
            "a plug-in for the provider cannot be had",
            on=on,
            why=text,
            left="nothing was changed",
            do="Check sources and versions of plug-ins, and mirror, in the provider's settings of "
            "infrastructure, and that this machine may reach the registry.",
        )
    return _of_provider(text, doing, on)


def _of_provider(text: str, doing: str, on: str) -> HomeportError:
    what, left = f"OpenTofu failed while {doing}", "nothing was changed"
    if doing == "applying":
        left = _KEPT
    if _AWAY.search(text):
        do = "Check that the provider's services are up and can be reached from this machine."
        return Unreachable(what, on=on, why=text, left=left, do=do)
    if re.search(r"can't lock file|VM is locked|is locked \(", text):
        return Locked(what, on=on, why=text, left=left, do="Wait until its task has ended.")
    if _DENIED.search(text):
        do = "See what the token or account lacks: homeport providers check NAME"
        return Denied(what, on=on, why=text, left=left, do=do)
    if re.search(r"no space left|out of space|not enough (free )?space", text, re.IGNORECASE):
        return NoCapacity(what, on=on, why=text, left=left, do="Free space at the provider.")
    return RemoteFailure(
        what,
        on=on,
        why=text,
        left=left,
        do="Mend the cause at the provider and resume; the directory's README says how to look "
        "with OpenTofu alone.",
    )


def _lock_words(text: str) -> str:
    """Who holds it, out of a message of many lines."""
    found = {
        key: match[1]
        for key in ("ID", "Operation", "Who", "Created")
        if (match := re.search(rf"{key}:\s+(\S+( \S+)*?)(?= \w+:|$|;)", text))
    }
    told = ", ".join(f"{key.lower()} {value}" for key, value in found.items())
    return f"the state is locked: {told}" if told else text
