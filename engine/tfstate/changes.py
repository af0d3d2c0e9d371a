"""Changes to a state: the head is read, the rules are asked, and the head is replaced only where
nobody else did meanwhile; otherwise all of it is done again.

The first attempt is made on the head that was written here last: where that is replaced, it was
still the newest, and need not have been read. Whatever the rules say no to is read first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from engine.errors import HomeportError, Locked, NotFound
from engine.tfstate import rules
from engine.tfstate.model import Document, Head, StateName, Version
from engine.tfstate.vault import Packed, StateVault, StoredHead

_ATTEMPTS = 8
"""So often is a change tried again after somebody else was faster."""
Check = Callable[[Head], None]
Done = TypeVar("Done")
Attempt = Callable[[StoredHead], Done | None]
"""None: somebody else was faster, or nothing was to be done on a head that may be an old one."""


def _now() -> datetime:
    return datetime.now(UTC)


class Changes:
    """Safe to use from several threads, processes and machines."""

    def __init__(self, vault: StateVault, clock: Callable[[], datetime] = _now) -> None:
        self.vault = vault
        self.clock = clock
        self._written: dict[StateName, StoredHead] = {}

    def known(self, name: StateName) -> StoredHead:
        stored = self.vault.head(name)
        if stored is None:
            raise NotFound(
                "there is no such state",
                on=str(name),
                do="See: homeport state list. To make one: homeport state grant PROJECT/NAME "
                "--user USER",
            )
        return stored

    def found(self, name: StateName) -> StoredHead:
        """An empty head where there is none yet."""
        try:
            return self.vault.head(name) or StoredHead(Head(), 0)
        except HomeportError:
            self._written.pop(name, None)  # what is wrong has to be put right first
            raise

    def change(self, name: StateName, change: Callable[[Head], Head]) -> Head:
        """The head as it is then. change: also says who may, and is given an empty head where
        there is none yet."""

        def attempt(stored: StoredHead) -> Head | None:
            changed = change(stored.head)
            if changed == stored.head:
                return changed if stored.is_read else None
            return changed if self._replaced(name, changed, stored) else None

        return self._until_done(name, attempt)

    def write(self, name: StateName, document: Document, by: str, check: Check) -> Version:
        """A successor of the newest version. Conflict where it is none; the newest itself where
        that is the very same, for then the answer to the first request was lost."""

        def repeated(head: Head) -> Version | None:
            check(head)
            current = head.current
            same = current and rules.same_serial(current, document)
            if current and same and self.vault.content(name, current) == document.body:
                return current
            rules.must_follow(name, current, document)
            return None

        return self._add(name, document, by, repeated)

    def restore(
        self, name: StateName, document: Document, by: str, check: Check, operation: str
    ) -> Version:
        """Whatever the newest version is."""
        return self._add(name, document, by, check, operation)

    def remove(self, name: StateName, by: str, check: Check) -> None:
        """A version that says that the state was deleted, where it is not."""

        def attempt(stored: StoredHead) -> bool | None:
            check(stored.head)
            current = stored.head.current
            if current is None or current.deleted:
                return stored.is_read or None
            gone = {"serial": current.serial, "lineage": current.lineage}
            return self._commit(name, stored, self._successor(stored.head, by, gone)) or None

        self._until_done(name, attempt)

    def _add(
        self,
        name: StateName,
        document: Document,
        by: str,
        already: Callable[[Head], Version | None],
        operation: str = "",
    ) -> Version:
        content = self.vault.pack(document.body)
        held = {
            "serial": document.serial,
            "lineage": document.lineage,
            "size": len(document.body),
            "blob": content.blob,
            "parts": len(content.parts),
            **({"operation": operation} if operation else {}),
        }
        written_parts = False

        def attempt(stored: StoredHead) -> Version | None:
            nonlocal written_parts
            if written := already(stored.head):
                return written if stored.is_read else None
            if not written_parts:
                self.vault.write_parts(name, content)
                written_parts = True
            version = self._successor(stored.head, by, held)
            return version if self._commit(name, stored, version, content) else None

        return self._until_done(name, attempt)

    def _until_done(self, name: StateName, attempt: Attempt[Done]) -> Done:
        remembered = self._written.pop(name, None)
        if remembered is not None:
            with suppress(HomeportError):
                if (done := attempt(remembered)) is not None:
                    return done
        for _ in range(_ATTEMPTS):
            if (done := attempt(self.found(name))) is not None:
                return done
        raise _contended(name)

    def _replaced(self, name: StateName, head: Head, stored: StoredHead) -> bool:
        if not self.vault.replace_head(name, head, stored.revision):
            return False
        self._written[name] = StoredHead(head, stored.revision + 1, is_read=False)
        return True

    def _successor(self, head: Head, by: str, held: dict[str, Any]) -> Version:
        number = head.current.number + 1 if head.current else 1
        known = {
            "number": number,
            "key": f"{number:08d}-{secrets.token_hex(8)}",
            "written": self.clock(),
            "by": by,
            "operation": str(head.lock.info.get("Operation") or "") if head.lock else "",
            "previous": head.current.key if head.current else "",
        }
        return Version.model_validate(known | held)

    def _commit(
        self,
        name: StateName,
        stored: StoredHead,
        version: Version,
        content: Packed | None = None,
    ) -> bool:
        self.vault.write_record(name, version, content)
        lock = rules.heard(stored.head, version.written)
        head = stored.head.model_copy(update={"current": version, "lock": lock})
        return self._replaced(name, head, stored)


def _contended(name: StateName) -> Locked:
    return Locked(
        "others change this state at the same time",
        on=str(name),
        left="the state that was there is kept",
        do="Retry.",
    )
