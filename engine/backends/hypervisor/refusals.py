"""What Proxmox VE's refusals mean, in the words of `engine.errors`.

Proxmox answers nearly every failure with status 500 and a sentence, and the same condition
may be refused at once or end the task later; so the sentence is what is matched, in one
place for both. The sentences are those of pve-manager, qemu-server and pve-storage 8.4 to 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.backends.hypervisor.granting import grant_command, who
from engine.errors import (
    Conflict,
    Denied,
    HomeportError,
    InvalidInput,
    Locked,
    NoCapacity,
    NotFound,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
    Unsafe,
)

NOTHING_CHANGED = "nothing was changed"
_PERMISSION = re.compile(r"Permission check failed(?: \((?P<path>/[^,)]*), (?P<rights>[^)]+)\))?")


@dataclass(frozen=True)
class Refusal:
    """An answer with an error status. fields: parameter -> what is wrong with it."""

    status: int
    message: str
    fields: Mapping[str, str] = field(default_factory=dict)


def explain(refusal: Refusal, account: str, *, reading: bool) -> HomeportError:
    """The error to raise for a refused request. reading: it could not have changed anything."""
    status, message = refusal.status, refusal.message
    if status == 401:
        return _refused(account, message)
    if status == 403:
        return _denied(message, account)
    if status == 400:
        return _wrong_parameters(refusal)
    if status == 501:
        return RemoteFailure(
            "this Proxmox VE does not know a request that Homeport makes",
            why=message,
            left=NOTHING_CHANGED,
            do="Homeport needs Proxmox VE 8.4 or 9; update the host.",
        )
    if status in (502, 503, 504) or status >= 595:
        if not reading:
            return answer_lost(message)
        return Unreachable(
            "a node of the Proxmox cluster does not answer",
            why=message,
            left=NOTHING_CHANGED,
            do="Check that the node is on and in the cluster, then try again.",
        )
    return explain_text(message, account)


def explain_text(message: str, account: str) -> HomeportError:
    """The error behind a sentence of Proxmox: a refusal's, or the one that ended a task."""
    if _PERMISSION.search(message):
        return _denied(message, account)
    for pattern, make in _SENTENCES:
        if pattern.search(message):
            return make(message)
    return RemoteFailure(
        "Proxmox VE refused or failed",
        why=message,
        do="Look at the task's log in the Proxmox web interface, remove the cause and try again.",
    )


def answer_lost(why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        "the answer of Proxmox VE was lost",
        why=why,
        left="the request may or may not have been carried out",
        do="Try again; Homeport looks at what is there before it does anything.",
    )


def _denied(message: str, account: str) -> Denied:
    found = _PERMISSION.search(message)
    if found is None or not found["path"]:
        return Denied(
            f"the Proxmox {who(account)} lacks a right",
            why=message,
            left=NOTHING_CHANGED,
            do="Check the provider's connection: it names every missing right and the command "
            "that grants it.",
        )
    path, rights = found["path"], found["rights"].split("|")
    return Denied(
        f"the Proxmox {who(account)} lacks the right {' or '.join(rights)} on {path}",
        why=message,
        left=NOTHING_CHANGED,
        do=f"On a Proxmox host run: {grant_command(path, rights[:1], account)}",
    )


def _refused(account: str, message: str) -> Denied:
    user, _, name = account.partition("!")
    if not name:
        return Denied(
            "Proxmox VE does not accept the user's password",
            on=user,
            why=message or "authentication failed",
            left=NOTHING_CHANGED,
            do="Check 'login' and the stored password (and the TOTP secret, where there is a "
            f"second factor). A new password sets: pveum passwd {user}",
        )
    return Denied(
        "Proxmox VE does not accept the API token",
        on=account,
        why=message or "authentication failed",
        left=NOTHING_CHANGED,
        do="Check token_id and the stored token secret. Whether the token exists or has expired "
        f"shows: pveum user token list {user}. A new one makes: "
        f"pveum user token add {user} {name} --privsep 0",
    )


def _wrong_parameters(refusal: Refusal) -> HomeportError:
    if any("already exists" in text for text in refusal.fields.values()):
        return _taken("; ".join(refusal.fields.values()))
    wrong = "; ".join(f"{name}: {text.strip()}" for name, text in sorted(refusal.fields.items()))
    return InvalidInput(
        "Proxmox VE does not accept a value",
        why=wrong or refusal.message,
        left=NOTHING_CHANGED,
        do="Correct the named value in the provider's settings or in the deployment.",
    )


def _locked(message: str) -> Locked:
    return Locked(
        "the guest or its storage is locked in Proxmox VE",
        why=message,
        left=NOTHING_CHANGED,
        do="Wait until the backup, migration or other task that holds it has ended. If nothing "
        "runs, the lock was left behind: clear it on the node with qm unlock.",
    )


def _no_quorum(message: str) -> Unreachable:
    return Unreachable(
        "the Proxmox cluster has no majority and refuses changes",
        why=message,
        left=NOTHING_CHANGED,
        do="Bring the missing cluster nodes back, then try again.",
    )


def _full(message: str) -> NoCapacity:
    return NoCapacity(
        "the Proxmox storage has no space left",
        why=message,
        left="what had been made of it was removed by Proxmox",
        do="Free space on the storage, or name another storage in the provider's settings.",
    )


def _no_memory(message: str) -> NoCapacity:
    return NoCapacity(
        "the Proxmox node has not enough memory",
        why=message,
        do="Stop another guest on the node or ask for less memory.",
    )


def _missing(message: str) -> NotFound:
    return NotFound(
        "Proxmox VE does not have the guest",
        why=message,
        left=NOTHING_CHANGED,
        do="If it was removed by hand, destroy the deployment and deploy again.",
    )


def _taken(message: str) -> Conflict:
    return Conflict(
        "the guest's id is taken by somebody else",
        why=message,
        left="the other guest was not touched",
        do="Try again; Homeport takes another id.",
    )


def _no_such_place(message: str) -> InvalidInput:
    return InvalidInput(
        "the provider's settings name something that this Proxmox VE does not have",
        why=message,
        left=NOTHING_CHANGED,
        do="Correct the storage, image, template, bridge or node in the provider's settings.",
    )


def _storage_away(message: str) -> Unreachable:
    return Unreachable(
        "a storage of the Proxmox host is not available",
        why=message,
        left=NOTHING_CHANGED,
        do="Check the storage in the Proxmox web interface, then try again.",
    )


def _protected(message: str) -> Unsafe:
    return Unsafe(
        "the guest is protected against removal",
        why=message,
        left="the guest is still there",
        do="Switch protection off in the guest's options in Proxmox VE if it may be removed.",
    )


def _sentence(
    pattern: str, make: Callable[[str], HomeportError]
) -> tuple[re.Pattern[str], Callable[[str], HomeportError]]:
    return re.compile(pattern, re.IGNORECASE), make


_SENTENCES = (
    _sentence(r"no quorum", _no_quorum),
    _sentence(r"(VM|CT) is locked|can't lock file|lock request timeout|cfs-lock", _locked),
    _sentence(
        r"no space left|not enough (free )?space|insufficient free (space|extents)|"
        r"out of (data )?space|quota exceeded|thin pool .*(full|run out)",
        _full,
    ),
    _sentence(r"cannot allocate memory|not enough (free )?memory|out of memory", _no_memory),
    _sentence(r"configuration file .* does not exist|unable to find configuration file", _missing),
    _sentence(r"already exists|: File exists", _taken),
    _sentence(r"protection mode enabled", _protected),
    _sentence(r"storage '[^']*' is not (online|active|available)|rbd error", _storage_away),
    _sentence(
        r"storage '[^']*' does not (exist|support)|no such (storage|cluster node)|"
        r"hostname lookup .* failed|volume .* does not exist|bridge '[^']*' does not exist|"
        r"unable to find (a )?volume",
        _no_such_place,
    ),
)
