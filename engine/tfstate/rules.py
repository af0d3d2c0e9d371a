"""Who may do what with a state, and what it makes of its head. Pure: nothing is read or written.

A client's retry of a request whose answer was lost is told the same as the first time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.errors import Conflict, Denied, InvalidInput, Locked
from engine.tfstate.model import Document, Forced, Head, Lock, StateName, Version

STALE_AFTER = timedelta(minutes=15)
_FORCED_KEPT = 20


@dataclass
class StateLocked(Locked):
    holder: dict[str, Any] = field(default_factory=dict)


class NotLetIn(Denied):
    """Wrong credentials, or a state that nobody was given access to; which, is not said."""


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Caller:
    user: str
    secret: str = field(repr=False)

    def admit(self, head: Head | None) -> None:
        known = head.credentials.get(self.user) if head else None
        if not hmac.compare_digest(known.digest if known else "", digest(self.secret)):
            raise NotLetIn(
                "these credentials do not open this state",
                on=self.user,
                left="nothing was changed",
                do="Check the address, TF_HTTP_USERNAME and TF_HTTP_PASSWORD; new ones are made by "
                "homeport state grant PROJECT/NAME --user USER",
            )


def lock_id(info: Mapping[str, Any]) -> str:
    found = info.get("ID")
    if not isinstance(found, str) or not found:
        raise InvalidInput(
            "this is not a lock", why="it has no ID", do="Send the lock's JSON, with its ID."
        )
    return found


def locked(name: StateName, head: Head, info: Mapping[str, Any], user: str, now: datetime) -> Head:
    """The head with this lock; StateLocked while somebody holds another one."""
    wanted = lock_id(info)
    if head.lock and head.lock.id != wanted:
        raise held(name, head.lock)
    taken = head.lock.taken if head.lock else now
    mine = Lock(id=wanted, info=dict(info), user=user, taken=taken, heard=now)
    return head.model_copy(update={"lock": mine})


def unlocked(
    name: StateName,
    head: Head,
    info: Mapping[str, Any] | None,
    user: str,
    now: datetime,
    stale_after: timedelta = STALE_AFTER,
) -> Head:
    """The head without its lock. info: the lock's JSON; OpenTofu's `force-unlock` sends the ID
    alone, that of Terraform and of older OpenTofu nothing at all, so it is heeded only when the
    lock has grown old."""
    lock = head.lock
    if info is None:
        if lock is None:
            return head
        if now - lock.heard < stale_after:
            raise held(
                name,
                lock,
                f"it was heard of {_age(now - lock.heard)} ago, and this request does not say "
                "which lock it means",
            )
        return forced(name, head, lock.id, user, "force-unlock by the client", now)
    wanted = lock_id(info)
    if lock is None:
        if wanted == head.released:
            return head
        raise Conflict(
            "this lock is not held any more",
            on=str(name),
            why="somebody took it away, or it was released",
            left="nothing was changed",
            do=f"See: homeport state history {name}",
        )
    if lock.id != wanted:
        raise held(name, lock)
    if not info.get("Operation"):
        return forced(name, head, wanted, user, "force-unlock by the client", now)
    return head.model_copy(update={"lock": None, "released": wanted})


def forced(name: StateName, head: Head, wanted: str, by: str, reason: str, now: datetime) -> Head:
    """The head without the lock of this id, and a note of who took it away and why."""
    lock = head.lock
    if lock is None:
        raise Conflict(
            "the state is not locked", on=str(name), left="nothing was changed", do="Just go on."
        )
    if lock.id != wanted:
        raise held(name, lock, "it is another lock than the one you named")
    holder = str(lock.info.get("Who") or lock.user)
    note = Forced(lock=lock.id, holder=holder, by=by, reason=reason, at=now)
    notes = (*head.forced, note)[-_FORCED_KEPT:]
    return head.model_copy(update={"lock": None, "released": "", "forced": notes})


def may_write(name: StateName, head: Head, given: str) -> None:
    """given: the lock's ID that came with the request, "" for none."""
    if head.lock and head.lock.id != given:
        raise held(name, head.lock)
    if given and not head.lock:
        raise Conflict(
            "the lock under which this was to be written is gone",
            on=str(name),
            why="somebody took it away; others may have written since",
            left="the state that was there is kept",
            do="What could not be written is in errored.tfstate. Compare it with `tofu state pull` "
            f"before you push it; see homeport state history {name}",
        )


def same_serial(current: Version | None, document: Document) -> bool:
    """The same version again, or another one that pretends to be it."""
    return (
        current is not None
        and not current.deleted
        and (current.serial, current.lineage) == (document.serial, document.lineage)
    )


def must_follow(name: StateName, current: Version | None, document: Document) -> None:
    """Conflict where it is not a successor of what is there: an older or a foreign state."""
    if current is None or current.deleted:
        return
    if document.lineage != current.lineage:
        why = "it has another lineage: it is the state of something else"
    elif document.serial < current.serial:
        why = f"its serial is {document.serial}, but {current.serial} was written already"
    elif document.serial == current.serial:
        why = f"another state with serial {current.serial} was written by {current.by}"
    else:
        return
    raise Conflict(
        "an old or foreign state is not written over the newer one",
        on=str(name),
        why=why,
        left="the state that was there is kept",
        do=f"To go back to an older one: homeport state history {name}, then homeport state "
        f"rollback {name} --to NUMBER",
    )


def heard(head: Head, now: datetime) -> Lock | None:
    return head.lock.model_copy(update={"heard": now}) if head.lock else None


def held(name: StateName, lock: Lock, why: str = "") -> StateLocked:
    who = lock.info.get("Who") or lock.user
    return StateLocked(
        "the state is locked",
        on=str(name),
        why=why
        or f"{who} holds it for {lock.info.get('Operation') or 'an operation'} since "
        f"{lock.taken:%Y-%m-%d %H:%M:%S} UTC",
        left="nothing was changed",
        do="Wait until it is released. If its holder is dead: homeport state unlock "
        f"{name} --id {lock.id} --reason TEXT",
        holder=lock.shown(),
    )


def _age(passed: timedelta) -> str:
    seconds = int(passed.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
