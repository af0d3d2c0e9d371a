"""Accounts on a server with Dovecot and Postfix: lines in three files of a directory of their own.

users is a passwd-file of Dovecot, which knows who may log in, for sending as for reading; mailboxes
and aliases are maps of Postfix. An account to send by is a user without a mailbox; mail to its
address, which is what returns to it, goes to the server's owner. Passwords are there as hashes
only. An operation that is cut off between two files finds its own lines again and goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.backends.mail.chain import check_chain, resolver_look_up
from engine.backends.mail.marked_lines import (
    keys_of,
    line_of,
    marks_of,
    with_line,
    without_mark,
)
from engine.backends.mail.mta_sts import check_policy
from engine.backends.mail.records import mail_records
from engine.backends.mail.refusals import LEFT
from engine.backends.mail.remote_files import RemoteFiles
from engine.backends.mail.settings import ADDRESS, DovecotSettings
from engine.backends.mail.submission import offers_logins, refuses_login
from engine.backends.protocols import DnsRecord, RelayAccess
from engine.backends.registry import BackendEnvironment, failed_check, read_settings
from engine.backends.servers import not_ours
from engine.errors import HomeportError, InvalidInput
from engine.model.provider import Check, CheckStatus

USERS, MAILBOXES, ALIASES = FILES = ("users", "mailboxes", "aliases")
MAPS = (MAILBOXES, ALIASES)
_WORDS = {USERS: "mailbox", MAILBOXES: "mailbox", ALIASES: "alias"}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SCHEME = "{SHA512-CRYPT}"


class DovecotMail:
    """`engine.backends.protocols.Mail`."""

    def __init__(self, settings: DovecotSettings, files: RemoteFiles, provider: str) -> None:
        self._settings = settings
        self._files = files
        self._provider = provider

    def check(self) -> list[Check]:
        """What one part lacks does not hide what the others do."""
        settings = self._settings
        checks = [self._tried(self._check_files), self._tried(self._check_submission)]
        if not settings.dkim_selector:
            do = "Sign it (rspamd, opendkim), and name selector and public key in the settings."
            found = "the settings name no DKIM key: much of it will count as spam"
            checks.append(_line("Mail is signed", found, CheckStatus.WARN, do))
        look_up = resolver_look_up(settings.resolver)
        checks += check_chain(self.records(settings.domain), look_up)
        if settings.mta_sts_id:
            checks.append(check_policy(settings.domain, settings.host, look_up))
        return checks

    def _tried(self, check: Callable[[], Check]) -> Check:
        try:
            return check()
        except HomeportError as error:
            return failed_check("mail", error)

    def _check_files(self) -> Check:
        for name in FILES:
            self._files.read(name)
        for name in MAPS:
            self._files.index(name)
        found = f"by {self._settings.ssh_user} in {self._settings.directory}"
        return _line("Accounts can be changed", found)

    def _check_submission(self) -> Check:
        offered = offers_logins(self._settings)
        return _line("Mail is taken over TLS", f"at {self._settings.address}, by {offered}")

    def access(self, name: str) -> RelayAccess:
        if not _NAME.fullmatch(name):
            raise InvalidInput("this cannot name an account", on=name, left=LEFT)
        return self._settings.access(name)

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
        self._refuse_foreign(owner, _checked(address))
        extra = f"userdb_quota_rule=*:storage={quota_mib}M" if quota_mib else ""
        made = self._user(owner, address, password, extra)
        return self._map(MAILBOXES, owner, address, address) or made

    def ensure_alias(self, owner: str, address: str, targets: Sequence[str]) -> bool:
        if not targets:
            raise InvalidInput("an alias without a target", on=address, left=LEFT)
        self._refuse_foreign(owner, _checked(address))
        return self._map(ALIASES, owner, address, ", ".join(_checked(one) for one in targets))

    def refuses_login(self, address: str, password: str) -> bool:
        return refuses_login(self._settings, address, password)

    def drop(self, owner: str) -> bool:
        mark = self._mark(owner)
        dropped = []
        for name in FILES:
            dropped.append(self._files.change(name, lambda text: without_mark(text, mark)))
            if name in MAPS:
                self._files.index(name)
        return any(dropped)

    def records(self, domain: str) -> tuple[DnsRecord, ...]:
        return mail_records(self._settings, domain)

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

    def _mark(self, owner: str) -> str:
        """Two providers may share one server, and a deployment that moves is at both."""
        return f"{owner} at {self._provider}"


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> DovecotMail:
    """The entry point `mail.dovecot`. Connects when it is first used."""
    read = read_settings(DovecotSettings, environment, settings)
    files = RemoteFiles(read, environment.read_secret)
    return DovecotMail(read, files, environment.provider.name)


def _checked(address: str) -> str:
    """Where mail goes from an alias may be in any domain."""
    if not ADDRESS.fullmatch(address):
        raise InvalidInput(
            "this cannot be an address", on=address, left=LEFT, do="Write it in lower case."
        )
    return address


def _fits(known: str, password: str) -> bool:
    from passlib.hash import sha512_crypt

    hashed = known.removeprefix(_SCHEME)
    return known.startswith(f"{_SCHEME}$6$") and bool(sha512_crypt.verify(password, hashed))


def _hashed(password: str) -> str:
    from passlib.hash import sha512_crypt

    return f"{_SCHEME}{sha512_crypt.using(rounds=5000).hash(password)}"


def _line(title: str, found: str, status: CheckStatus = CheckStatus.PASS, do: str = "") -> Check:
    return Check(service="mail", title=title, status=status, found=found, do=do)
