"""Accounts on a server with Modoboa, which Dovecot and Postfix read its database for.

Modoboa has a description of aliases, and of accounts a name alone: the mark stands there, after
the word "homeport:". Who may use an account can change its name in Modoboa's own interface; then it
is nobody's of ours any more, and is left alone. An account to send by is one whose mailbox is for
sending only, with an alias of its address beside it that leads to the server's owner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.backends.mail.modoboa.api import ACCOUNTS, ALIASES, DOMAINS, SIMPLE, Found, ModoboaApi
from engine.backends.mail.modoboa.refusals import is_taken
from engine.backends.mail.modoboa.rights import set_up_commands
from engine.backends.mail.server import MailServer, checked, checked_targets, line
from engine.backends.mail.settings import ModoboaSettings
from engine.backends.registry import BackendEnvironment, read_settings
from engine.backends.servers import not_ours
from engine.errors import HomeportError, NotFound
from engine.model.provider import Check, CheckStatus

WORD = "homeport:"
_PROBE = "hp-probe"
_SEND_ONLY = {"use_domain_quota": False, "quota": "1", "is_send_only": True}
"""One MiB of the domain's room, which Modoboa wants where the domain has a limit; nothing is ever
kept there."""


class ModoboaMail(MailServer[ModoboaSettings]):
    """`engine.backends.protocols.Mail`."""

    def __init__(self, settings: ModoboaSettings, api: ModoboaApi, provider: str) -> None:
        super().__init__(settings, provider)
        self._api = api

    def _check_accounts(self) -> list[Check]:
        settings = self._settings
        domains = {str(one["name"]) for one in self._api.listed(DOMAINS)}
        probe = f"{_PROBE}@{settings.domain}"
        account = {"username": probe, "role": SIMPLE}
        said = self._api.objections(ACCOUNTS, probe, account) | self._api.objections(
            ALIASES, probe, {"address": probe}
        )
        title = "Accounts can be changed"
        if refused := [text for text in said.values() if not is_taken(text)]:
            do = f"On its host, where manage.py is:\n{set_up_commands(settings.domain)}"
            return [line(title, "; ".join(refused), CheckStatus.FAIL, do)]
        checks = [line(title, f"in {settings.domain}, by Modoboa at {settings.web_host}")]
        owner = settings.owner_address
        if owner.partition("@")[2] in domains and not self._exists(owner):
            do = "Make it as a mailbox or an alias there, or name another as 'returns_to'."
            found = f"Modoboa has no {owner}, and no account to send by can be made without it"
            checks.append(line("Who gets what returns", found, CheckStatus.FAIL, do))
        return checks

    def find(self, owner: str) -> tuple[str, ...]:
        accounts, aliases = self._marked(owner)
        addresses = {str(one["username"]) for one in accounts}
        return tuple(sorted(addresses | {str(one["address"]) for one in aliases}))

    def ensure_relay(self, owner: str, name: str, password: str) -> bool:
        address = self.access(name).username
        account, alias = self._standing(owner, address)
        returned = self._alias(owner, address, [self._settings.owner_address], alias)
        return self._account(owner, address, password, _SEND_ONLY, account) or returned

    def ensure_mailbox(
        self, owner: str, address: str, password: str, *, quota_mib: int = 0
    ) -> bool:
        account, _ = self._standing(owner, checked(address))
        mailbox = {"use_domain_quota": False, "quota": str(quota_mib), "is_send_only": False}
        return self._account(owner, address, password, mailbox, account)

    def ensure_alias(self, owner: str, address: str, targets: Sequence[str]) -> bool:
        wanted = checked_targets(address, targets)
        _, alias = self._standing(owner, checked(address))
        return self._alias(owner, address, wanted, alias)

    def drop(self, owner: str) -> bool:
        accounts, aliases = self._marked(owner)
        for one in aliases:
            self._removed(self._api.remove_alias, str(one["address"]), one)
        for one in accounts:
            self._removed(self._api.remove_account, str(one["username"]), one)
        return bool(accounts or aliases)

    def _account(
        self,
        owner: str,
        address: str,
        password: str,
        mailbox: Mapping[str, Any],
        standing: Found | None,
    ) -> bool:
        told = {"first_name": WORD, "last_name": self._mark(owner), "is_active": True}
        if standing is None:
            fresh = {"username": address, "role": SIMPLE, "password": password}
            self._api.create(ACCOUNTS, address, fresh | told | {"mailbox": mailbox})
            return True
        is_same = _says(standing, told) and _says(standing.get("mailbox") or {}, mailbox)
        if is_same and self._lets_in(address, password):
            return False
        told |= {"mailbox": mailbox, "password": password}
        self._api.change(ACCOUNTS, address, standing["pk"], told)
        return True

    def _alias(
        self, owner: str, address: str, targets: Sequence[str], standing: Found | None
    ) -> bool:
        told = {
            "address": address,
            "recipients": sorted(set(targets)),
            "enabled": True,
            "expire_at": None,
            "description": f"{WORD} {self._mark(owner)}",
        }
        if standing is None:
            self._api.create(ALIASES, address, told)
            return True
        if _says({**standing, "recipients": sorted(standing["recipients"])}, told):
            return False
        self._api.change(ALIASES, address, standing["pk"], told)
        return True

    def _lets_in(self, address: str, password: str) -> bool:
        """Modoboa tells of no password, so it is tried where mail is sent. Where nobody answers
        there it may be another, and is written anew."""
        try:
            return not self.refuses_login(address, password)
        except HomeportError:
            return False

    def _marked(self, owner: str) -> tuple[list[Found], list[Found]]:
        """Accounts and aliases with the owner's mark. Modoboa searches names, but no
        descriptions."""
        mark = self._mark(owner)
        accounts = [one for one in self._api.listed(ACCOUNTS, owner) if _of_account(one) == mark]
        aliases = [one for one in self._api.listed(ALIASES) if _of_alias(one) == mark]
        return accounts, aliases

    def _account_of(self, address: str) -> Found | None:
        """Whose mailbox it is, whatever the account is called."""
        for one in self._api.listed(ACCOUNTS, address):
            mailbox = one.get("mailbox") or {}
            if address in (one.get("username"), mailbox.get("full_address")):
                return one
        return None

    def _alias_of(self, address: str) -> Found | None:
        found = self._api.listed(ALIASES, address)
        return next((one for one in found if one.get("address") == address), None)

    def _exists(self, address: str) -> bool:
        return self._api.is_account(address) or self._api.is_alias(address)

    def _standing(self, owner: str, address: str) -> tuple[Found | None, Found | None]:
        """Account and alias of this address. Conflict where one of them is another's, also one
        that Modoboa does not show to Homeport's account."""
        account, alias = self._account_of(address), self._alias_of(address)
        for what, found, mark_of, is_there in (
            ("mailbox", account, _of_account, self._api.is_account),
            ("alias", alias, _of_alias, self._api.is_alias),
        ):
            if found is None and not is_there(address):
                continue
            if (mark := mark_of(found or {})) != self._mark(owner):
                on = f"{address} at {self._settings.web_host}"
                raise not_ours(what, on, mark, known_by="address")
        return account, alias

    @staticmethod
    def _removed(remove: Callable[[str, int], None], on: str, one: Found) -> None:
        try:
            remove(on, one["pk"])
        except NotFound:
            return  # somebody else was faster


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> ModoboaMail:
    """The entry point `mail.modoboa`. Connects when it is first used."""
    read = read_settings(ModoboaSettings, environment, settings)
    api = ModoboaApi(read, environment.read_secret)
    return ModoboaMail(read, api, environment.provider.name)


def _says(found: Found, wanted: Mapping[str, Any]) -> bool:
    return all(found.get(field) == value for field, value in wanted.items())


def _of_account(one: Found) -> str:
    """The mark that it bears; empty for a foreign one."""
    return str(one["last_name"]) if one.get("first_name") == WORD else ""


def _of_alias(one: Found) -> str:
    said = str(one.get("description", ""))
    return said.removeprefix(f"{WORD} ") if said.startswith(f"{WORD} ") else ""
