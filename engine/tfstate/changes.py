"""Changes to a state: the head is read, the rules are asked, and the head is replaced only where
nobody else did meanwhile; otherwise all of it is done again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from engine.errors import Locked, NotFound
from engine.tfstate import rules
from engine.tfstate.model import Document, Head, StateName, Version
from engine.tfstate.vault import Packed, StateVault, StoredHead

_ATTEMPTS = 8
"""So often is a change tried again after somebody else was faster."""
Check = Callable[[Head], None]


def _now() -> datetime:
    return datetime.now(UTC)


class Changes:
    """Safe to use from several threads, processes and machines."""

    def __init__(self, vault: StateVault, clock: Callable[[], datetime] = _now) -> None:
        self.vault = vault
        self.clock = clock

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

    def change(self, name: StateName, change: Callable[[Head], Head]) -> None:
        """change: also says who may, and is given an empty head where there is none yet."""
        for _ in range(_ATTEMPTS):
            stored = self._found(name)
            changed = change(stored.head)
            if changed == stored.head or self.vault.replace_head(name, changed, stored.revision):
                return
        raise _contended(name)

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
        for _ in range(_ATTEMPTS):
            stored = self._found(name)
            check(stored.head)
            current = stored.head.current
            if current is None or current.deleted:
                return
            gone = {"serial": current.serial, "lineage": current.lineage}
            if self._commit(name, stored, self._successor(stored.head, by, gone)):
                return
        raise _contended(name)

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
        for _ in range(_ATTEMPTS):
            stored = self._found(name)
            if written := already(stored.head):
                return written
            if not written_parts:
                self.vault.write_parts(name, content)
                written_parts = True
            version = self._successor(stored.head, by, held)
            if self._commit(name, stored, version, content):
                return version
        raise _contended(name)

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
        return self.vault.replace_head(name, head, stored.revision)

    def _found(self, name: StateName) -> StoredHead:
        return self.vault.head(name) or StoredHead(Head(), 0)


def _contended(name: StateName) -> Locked:
    return Locked(
        "others change this state at the same time",
        on=str(name),
        left="the state that was there is kept",
        do="Retry.",
    )
