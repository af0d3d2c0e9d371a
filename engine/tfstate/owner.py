"""What the owner of states may ask for: who has access, what was, and going back to it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from engine.errors import Conflict, InvalidInput, NotFound, PlanChanged, Unsafe
from engine.tfstate import rules
from engine.tfstate.changes import Changes
from engine.tfstate.model import Credential, Document, Head, StateName, Version


class StateOwner:
    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def all(self) -> list[tuple[StateName, Head | Unsafe]]:
        """By name; where a head is damaged, what is the matter with it."""
        return [(name, self._head_or_why(name)) for name in self._changes.vault.names()]

    def head(self, name: StateName) -> Head:
        return self._changes.known(name).head

    def grant(self, name: StateName, user: str) -> str:
        """A new secret for this user, in place of the one before; the state's place is made where
        there is none. The secret is kept nowhere."""
        if not user or ":" in user or not user.isprintable():
            raise InvalidInput(
                "this is not a user's name", on=user, do="Use printable characters, but no ':'."
            )
        secret = secrets.token_urlsafe(32)
        made = Credential(digest=rules.digest(secret), made=self._changes.clock())

        def change(head: Head) -> Head:
            return head.model_copy(update={"credentials": {**head.credentials, user: made}})

        self._changes.change(name, change)
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

        self._changes.known(name)
        self._changes.change(name, change)

    def force_unlock(self, name: StateName, lock: str, by: str, reason: str) -> None:
        """Its holder can write no more afterwards. Conflict where it is another lock."""
        if not reason.strip():
            raise InvalidInput(
                "a lock is taken away for a reason", on=str(name), do="Give one: --reason TEXT"
            )
        self._changes.known(name)
        self._changes.change(
            name, lambda head: rules.forced(name, head, lock, by, reason, self._changes.clock())
        )

    def history(self, name: StateName) -> Iterator[Version]:
        """Newest first."""
        version = self.head(name).current
        while version is not None:
            yield version
            version = (
                self._changes.vault.record(name, version.previous) if version.previous else None
            )

    def find(self, name: StateName, number: int) -> Version:
        """NotFound where there is none, or where it is that the state was deleted."""
        return self._find(self.history(name), name, number)

    def rollback(self, name: StateName, number: int, by: str, after: int) -> Version:
        """What version `number` held, as a new version. after: the number of the newest version
        that was seen; PlanChanged where another was written since, StateLocked while it is held."""
        versions = list(self.history(name))
        old = self._find(versions, name, number)
        if old == versions[0]:
            raise Conflict(
                "the state is at this version already",
                on=f"{name}, version {number}",
                left="nothing was changed",
                do=f"See: homeport state history {name}",
            )
        document = Document.read(self._changes.vault.content(name, old))
        document = document.with_serial(max(version.serial for version in versions) + 1)

        def check(head: Head) -> None:
            rules.may_write(name, head, "")
            if (head.current.number if head.current else 0) != after:
                raise PlanChanged(
                    "the state was written meanwhile",
                    on=str(name),
                    left="the state that was there is kept",
                    do=f"Look again: homeport state history {name}",
                )

        operation = f"rollback to {number}"
        return self._changes.restore(name, document, by, check, operation)

    def _head_or_why(self, name: StateName) -> Head | Unsafe:
        try:
            return self.head(name)
        except Unsafe as error:
            return error

    def _find(self, versions: Iterable[Version], name: StateName, number: int) -> Version:
        for version in versions:
            if version.number == number and not version.deleted:
                return version
        raise NotFound(
            "there is no such version of this state",
            on=f"{name}, version {number}",
            left="nothing was changed",
            do=f"See: homeport state history {name}",
        )
