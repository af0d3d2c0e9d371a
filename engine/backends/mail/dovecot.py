"""Accounts on a server with Dovecot and Postfix: lines in three files of a directory of their own.

users is a passwd-file of Dovecot, which knows who may log in, for sending as for reading; mailboxes
and aliases are maps of Postfix. An account to send by is a user without a mailbox; mail to its
address, which is what returns to it, goes to the server's owner. Passwords are there as hashes
only. An operation that is cut off between two files finds its own lines again and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.backends.mail.marked_lines import (
    keys_of,
    line_of,
    marks_of,
    with_line,
    without_mark,
)
from engine.backends.mail.remote_files import RemoteFiles
from engine.backends.mail.server import MailServer, checked, checked_targets, line
from engine.backends.mail.settings import DovecotSettings
from engine.backends.registry import BackendEnvironment, read_settings
from engine.backends.servers import not_ours
from engine.model.provider import Check

USERS, MAILBOXES, ALIASES = FILES = ("users", "mailboxes", "aliases")
MAPS = (MAILBOXES, ALIASES)
_WORDS = {USERS: "mailbox", MAILBOXES: "mailbox", ALIASES: "alias"}
_SCHEME = "{SHA512-CRYPT}"


class DovecotMail(MailServer[DovecotSettings]):
    """`engine.backends.protocols.Mail`."""

    def __init__(self, settings: DovecotSettings, files: RemoteFiles, provider: str) -> None:
        super().__init__(settings, provider)
        self._files = files

    def _check_accounts(self) -> list[Check]:
        for name in FILES:
            self._files.read(name)
        for name in MAPS:
            self._files.index(name)
        found = f"by {self._settings.ssh_user} in {self._settings.directory}"
        return [line("Accounts can be changed", found)]

    def find(self, owner: str) -> tuple[str, ...]:
        mark = self._mark(owner)
        return tuple(sorted({key for name in FILES for key in keys_of(self._read(name), mark)}))

    def ensure_relay(self, owner: str, name: str, password: str) -> bool:
        address = self.access(name).username
        self._refuse_foreign(owner, address)
        returned = self._map(ALIASES, owner, address, self._settings.owner_address)
        return self._user(owner, address, password) or returned

    def ensure_mailbox(
        self, owner: str, address: str, password: str, *, quota_mib: int = 0
    ) -> bool:
        self._refuse_foreign(owner, checked(address))
        extra = f"userdb_quota_rule=*:storage={quota_mib}M" if quota_mib else ""
        made = self._user(owner, address, password, extra)
        return self._map(MAILBOXES, owner, address, address) or made

    def ensure_alias(self, owner: str, address: str, targets: Sequence[str]) -> bool:
        wanted = ", ".join(checked_targets(address, targets))
        self._refuse_foreign(owner, checked(address))
        return self._map(ALIASES, owner, address, wanted)

    def drop(self, owner: str) -> bool:
        mark = self._mark(owner)
        dropped = []
        for name in FILES:
            dropped.append(self._files.change(name, lambda text: without_mark(text, mark)))
            if name in MAPS:
                self._files.index(name)
        return any(dropped)

    def _refuse_foreign(self, owner: str, address: str) -> None:
        """Conflict, before anything is made, where some file has the address for another."""
        for name in FILES:
            self._require_own(name, self._read(name), address, self._mark(owner))
        if maps := self._files.others_with(address):
            on = f"{address} at {self._settings.host}"
            raise not_ours("mailbox or alias", on, known_by="address", where=maps[0])

    def _require_own(self, name: str, text: str, address: str, mark: str) -> None:
        if others := sorted(marks_of(text, address) - {mark}):
            on = f"{address} at {self._settings.host}"
            raise not_ours(_WORDS[name], on, others[-1], known_by="address")

    def _user(self, owner: str, address: str, password: str, extra: str = "") -> bool:
        mark = self._mark(owner)

        def changed(text: str) -> str:
            self._require_own(USERS, text, address, mark)
            known = line_of(text, address).partition(":")[2].partition(":")[0]
            hashed = known if _fits(known, password) else _hashed(password)
            return with_line(text, address, f"{address}:{hashed}::::::{extra}", mark)

        return self._files.change(USERS, changed)

    def _map(self, name: str, owner: str, address: str, value: str) -> bool:
        mark = self._mark(owner)

        def changed(text: str) -> str:
            self._require_own(name, text, address, mark)
            return with_line(text, address, f"{address} {value}", mark)

        made = self._files.change(name, changed)
        self._files.index(name)  # also where a kill came before it the last time
        return made

    def _read(self, name: str) -> str:
        return self._files.read(name)


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> DovecotMail:
    """The entry point `mail.dovecot`. Connects when it is first used."""
    read = read_settings(DovecotSettings, environment, settings)
    files = RemoteFiles(read, environment.read_secret)
    return DovecotMail(read, files, environment.provider.name)


def _fits(known: str, password: str) -> bool:
    from passlib.hash import sha512_crypt

    hashed = known.removeprefix(_SCHEME)
    return known.startswith(f"{_SCHEME}$6$") and bool(sha512_crypt.verify(password, hashed))


def _hashed(password: str) -> str:
    from passlib.hash import sha512_crypt

    return f"{_SCHEME}{sha512_crypt.using(rounds=5000).hash(password)}"
