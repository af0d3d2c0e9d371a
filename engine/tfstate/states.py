"""What can be done with states: each call reads the head, asks the rules, and replaces the head
only where nobody else did meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.errors import Conflict, InvalidInput, Locked, NotFound, Unsafe
from engine.tfstate import rules
from engine.tfstate.model import Credential, Document, Head, Lock, StateName, Version
from engine.tfstate.rules import Caller
from engine.tfstate.vault import Packed, StateVault, StoredHead

_ATTEMPTS = 8
"""So often is a change tried again after somebody else was faster."""


def _now() -> datetime:
    return datetime.now(UTC)


class States:
    """Safe to use from several threads, processes and machines."""

    def __init__(
        self,
        vault: StateVault,
        clock: Callable[[], datetime] = _now,
        stale_after: timedelta = rules.STALE_AFTER,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._stale_after = stale_after

    # what a client asks for; NotLetIn for all of it where the caller has no access

    def ready(self) -> None:
        """Raises where OpenBao cannot be used at the moment."""
        self._vault.is_open()

    def admit(self, name: StateName, caller: Caller) -> None:
        self._admitted(name, caller)

    def get(self, name: StateName, caller: Caller) -> bytes | None:
        """The newest version; None where there is none. A piece that is missing is an error:
        an empty answer would make the client build everything anew."""
        head = self._admitted(name, caller).head
        if head.current is None or head.current.deleted:
            return None
        return self._vault.content(name, head.current)

    def put(self, name: StateName, caller: Caller, body: bytes, lock: str = "") -> Version:
        """A new version. StateLocked while another holds the lock, Conflict where this one is
        lost or the state does not follow the newest."""
        document = Document.read(body)

        def check(head: Head) -> None:
            caller.admit(head)
            rules.may_write(name, head, lock)

        return self._add(name, document, caller.user, check)

    def delete(self, name: StateName, caller: Caller) -> None:
        """No state from now on; its versions are kept. StateLocked while anybody holds it."""

        def check(head: Head) -> None:
            caller.admit(head)
            rules.may_write(name, head, "")

        for _ in range(_ATTEMPTS):
            stored = self._admitted(name, caller)
            check(stored.head)
            current = stored.head.current
            if current is None or current.deleted:
                return
            version = self._successor(current, caller.user, stored.head.lock).model_copy(
                update={"serial": current.serial, "lineage": current.lineage}
            )
            if self._commit(name, stored, version):
                return
        raise _contended(name)

    def lock(self, name: StateName, caller: Caller, info: Mapping[str, Any]) -> None:
        self._change(
            name,
            lambda head: rules.locked(name, head, info, caller.user, self._clock()),
            caller,
        )

    def unlock(self, name: StateName, caller: Caller, info: Mapping[str, Any] | None) -> None:
        self._change(
            name,
            lambda head: rules.unlocked(
                name, head, info, caller.user, self._clock(), self._stale_after
            ),
            caller,
        )

    # what their owner asks for

    def all(self) -> list[tuple[StateName, Head | Unsafe]]:
        """By name; where a head is damaged, what is the matter with it."""
        return [(name, self._head_or_why(name)) for name in self._vault.names()]

    def head(self, name: StateName) -> Head:
        return self._stored(name).head

    def grant(self, name: StateName, user: str) -> str:
        """A new secret for this user, in place of the one before; the state's place is made where
        there is none. The secret is kept nowhere."""
        if not user or ":" in user or not user.isprintable():
            raise InvalidInput(
                "this is not a user's name", on=user, do="Use printable characters, but no ':'."
            )
        secret = secrets.token_urlsafe(32)
        made = Credential(digest=rules.digest(secret), made=self._clock())

        def change(head: Head) -> Head:
            return head.model_copy(update={"credentials": {**head.credentials, user: made}})

        self._change(name, change, create=True)
        return secret

    def revoke(self, name: StateName, user: str) -> None:
        def change(head: Head) -> Head:
            if user not in head.credentials:
                raise NotFound(
                    "this user has no access to this state",
                    on=f"{user}, {name}",
                    why=f"users: {', '.join(head.credentials) or 'none'}",
                    left="nothing was changed",
                    do="See: homeport state list",
                )
            left = {known: had for known, had in head.credentials.items() if known != user}
            return head.model_copy(update={"credentials": left})

        self._change(name, change)

    def force_unlock(self, name: StateName, lock: str, by: str, reason: str) -> None:
        """Its holder can write no more afterwards. Conflict where it is another lock."""
        if not reason.strip():
            raise InvalidInput(
                "a lock is taken away for a reason", on=str(name), do="Give one: --reason TEXT"
            )
        self._change(name, lambda head: rules.forced(name, head, lock, by, reason, self._clock()))

    def history(self, name: StateName) -> Iterator[Version]:
        """Newest first."""
        version = self.head(name).current
        while version is not None:
            yield version
            version = self._vault.record(name, version.previous) if version.previous else None

    def find(self, name: StateName, number: int) -> Version:
        """NotFound where there is none, or where it is that the state was deleted."""
        for version in self.history(name):
            if version.number == number and not version.deleted:
                return version
        raise NotFound(
            "there is no such version of this state",
            on=f"{name}, version {number}",
            left="nothing was changed",
            do=f"See: homeport state history {name}",
        )

    def rollback(self, name: StateName, number: int, by: str, after: int) -> Version:
        """What version `number` held, as a new version. after: the number of the newest version
        that was seen; Locked where another was written since, StateLocked while it is held."""
        old = self.find(name, number)
        versions = list(self.history(name))
        if old == versions[0]:
            raise Conflict(
                "the state is at this version already",
                on=f"{name}, version {number}",
                left="nothing was changed",
                do=f"See: homeport state history {name}",
            )
        document = Document.read(self._vault.content(name, old))
        document = document.with_serial(max(version.serial for version in versions) + 1)

        def check(head: Head) -> None:
            rules.may_write(name, head, "")
            if (head.current.number if head.current else 0) != after:
                raise _contended(name)

        operation = f"rollback to {number}"
        return self._add(name, document, by, check, operation, restoring=True)

    # how it is done

    def _add(
        self,
        name: StateName,
        document: Document,
        by: str,
        check: Callable[[Head], None],
        operation: str = "",
        *,
        restoring: bool = False,
    ) -> Version:
        content = self._vault.pack(document.body)
        unwritten: Packed | None = content
        for _ in range(_ATTEMPTS):
            stored = self._vault.head(name) or StoredHead(Head(), 0)
            check(stored.head)
            current = stored.head.current
            if not restoring:
                if written := self._repeated(name, current, document):
                    return written
                rules.must_follow(name, current, document)
            version = self._successor(current, by, stored.head.lock).model_copy(
                update={
                    "serial": document.serial,
                    "lineage": document.lineage,
                    "size": len(document.body),
                    "blob": content.blob,
                    "parts": len(content.parts),
                    **({"operation": operation} if operation else {}),
                }
            )
            if self._commit(name, stored, version, unwritten):
                return version
            unwritten = None
        raise _contended(name)

    def _repeated(
        self, name: StateName, current: Version | None, document: Document
    ) -> Version | None:
        """The answer to the first request was lost, and the client asks again."""
        if current is None or not rules.same_serial(current, document):
            return None
        return current if self._vault.content(name, current) == document.body else None

    def _successor(self, current: Version | None, by: str, lock: Lock | None) -> Version:
        number = current.number + 1 if current else 1
        return Version(
            number=number,
            key=f"{number:08d}-{secrets.token_hex(8)}",
            serial=0,
            lineage="",
            size=0,
            blob="",
            parts=0,
            written=self._clock(),
            by=by,
            operation=str(lock.info.get("Operation") or "") if lock else "",
            previous=current.key if current else "",
        )

    def _commit(
        self,
        name: StateName,
        stored: StoredHead,
        version: Version,
        content: Packed | None = None,
    ) -> bool:
        self._vault.write(name, version, content)
        lock = rules.heard(stored.head, version.written)
        head = stored.head.model_copy(update={"current": version, "lock": lock})
        return self._vault.replace_head(name, head, stored.revision)

    def _change(
        self,
        name: StateName,
        change: Callable[[Head], Head],
        caller: Caller | None = None,
        *,
        create: bool = False,
    ) -> None:
        for _ in range(_ATTEMPTS):
            if caller is not None:
                stored = self._admitted(name, caller)
            elif create:
                stored = self._vault.head(name) or StoredHead(Head(), 0)
            else:
                stored = self._stored(name)
            changed = change(stored.head)
            if changed == stored.head or self._vault.replace_head(name, changed, stored.revision):
                return
        raise _contended(name)

    def _admitted(self, name: StateName, caller: Caller) -> StoredHead:
        stored = self._vault.head(name)
        caller.admit(stored.head if stored else None)
        assert stored is not None  # nobody is let in without one
        return stored

    def _head_or_why(self, name: StateName) -> Head | Unsafe:
        try:
            return self.head(name)
        except Unsafe as error:
            return error

    def _stored(self, name: StateName) -> StoredHead:
        stored = self._vault.head(name)
        if stored is None:
            raise NotFound(
                "there is no such state",
                on=str(name),
                do="See: homeport state list. To make one: homeport state grant PROJECT/NAME "
                "--user USER",
            )
        return stored


def _contended(name: StateName) -> Locked:
    return Locked(
        "others change this state at the same time",
        on=str(name),
        left="the state that was there is kept",
        do="Retry.",
    )
