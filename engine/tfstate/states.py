"""What a client of OpenTofu's http backend may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.tfstate import rules
from engine.tfstate.ahead import Ahead
from engine.tfstate.changes import Changes
from engine.tfstate.model import Document, Head, StateName, Version
from engine.tfstate.rules import Caller


class States:
    """NotLetIn for all of it where the caller has no access. Safe to use from several threads."""

    def __init__(self, changes: Changes, stale_after: timedelta = rules.STALE_AFTER) -> None:
        self._changes = changes
        self._stale_after = stale_after
        self._ahead = Ahead(changes.vault)

    def ready(self) -> None:
        """Raises where OpenBao cannot be used at the moment."""
        self._changes.vault.is_open()

    def admit(self, name: StateName, caller: Caller) -> None:
        self._admitted(name, caller)

    def get(self, name: StateName, caller: Caller) -> bytes | None:
        """The newest version; None where there is none. A piece that is missing is an error:
        an empty answer would make the client build everything anew."""
        current = self._admitted(name, caller).current
        if current is None or current.deleted:
            return None
        ahead = self._ahead.take(name, current)
        return self._changes.vault.content(name, current) if ahead is None else ahead

    def put(self, name: StateName, caller: Caller, body: bytes, lock: str = "") -> Version:
        """A new version. StateLocked while another holds the lock, Conflict where this one is
        lost or the state does not follow the newest."""

        def check(head: Head) -> None:
            caller.admit(head)
            rules.may_write(name, head, lock)

        return self._changes.write(name, Document.read(body), caller.user, check)

    def delete(self, name: StateName, caller: Caller) -> None:
        """No state from now on; its versions are kept. StateLocked while anybody holds it."""

        def check(head: Head) -> None:
            caller.admit(head)
            rules.may_write(name, head, "")

        self._changes.remove(name, caller.user, check)

    def lock(self, name: StateName, caller: Caller, info: Mapping[str, Any]) -> None:
        def change(head: Head) -> Head:
            caller.admit(head)
            return rules.locked(name, head, info, caller.user, self._changes.clock())

        self._ahead.begin(name, self._changes.change(name, change).current)

    def unlock(self, name: StateName, caller: Caller, info: Mapping[str, Any] | None) -> None:
        """info: the lock's JSON; None where the client did not say which lock it means."""

        def change(head: Head) -> Head:
            caller.admit(head)
            now = self._changes.clock()
            return rules.unlocked(name, head, info, caller.user, now, self._stale_after)

        self._ahead.forget(name)
        self._changes.change(name, change)

    def _admitted(self, name: StateName, caller: Caller) -> Head:
        head = self._changes.found(name).head
        caller.admit(head)
        return head
