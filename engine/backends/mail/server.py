"""What every mail server of ours does alike, whatever keeps its accounts."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from engine.backends.mail.chain import check_chain, resolver_look_up
from engine.backends.mail.mta_sts import check_policy
from engine.backends.mail.records import mail_records
from engine.backends.mail.refusals import LEFT
from engine.backends.mail.settings import ADDRESS, MailSettings
from engine.backends.mail.submission import offers_logins, refuses_login
from engine.backends.protocols import DnsRecord, RelayAccess
from engine.backends.registry import failed_check
from engine.errors import HomeportError, InvalidInput
from engine.model.provider import Check, CheckStatus

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")

Settings = TypeVar("Settings", bound=MailSettings)


class MailServer(ABC, Generic[Settings]):
    """The part of `engine.backends.protocols.Mail` that asks nothing of where accounts are kept."""

    def __init__(self, settings: Settings, provider: str) -> None:
        self._settings = settings
        self._provider = provider

    @abstractmethod
    def _check_accounts(self) -> list[Check]:
        """Can accounts be made and changed? What raises becomes a line."""

    def check(self) -> list[Check]:
        """What one part lacks does not hide what the others do."""
        settings = self._settings
        checks = _tried(self._check_accounts) + _tried(self._check_submission)
        if not settings.dkim_selector:
            do = "Sign it (rspamd, opendkim), and name selector and public key in the settings."
            found = "the settings name no DKIM key: much of it will count as spam"
            checks.append(line("Mail is signed", found, CheckStatus.WARN, do))
        look_up = resolver_look_up(settings.resolver)
        checks += check_chain(self.records(settings.domain), look_up)
        if settings.mta_sts_id:
            checks.append(check_policy(settings.domain, settings.host, look_up))
        return checks

    def _check_submission(self) -> list[Check]:
        offered = offers_logins(self._settings)
        return [line("Mail is taken over TLS", f"at {self._settings.address}, by {offered}")]

    def access(self, name: str) -> RelayAccess:
        if not _NAME.fullmatch(name):
            raise InvalidInput("this cannot name an account", on=name, left=LEFT)
        return self._settings.access(name)

    def refuses_login(self, address: str, password: str) -> bool:
        return refuses_login(self._settings, address, password)

    def records(self, domain: str) -> tuple[DnsRecord, ...]:
        return mail_records(self._settings, domain)

    def _mark(self, owner: str) -> str:
        """Two providers may share one server, and a deployment that moves is at both."""
        return f"{owner} at {self._provider}"


def checked(address: str) -> str:
    """Where mail goes from an alias may be in any domain. InvalidInput where it is none."""
    if not ADDRESS.fullmatch(address):
        raise InvalidInput(
            "this cannot be an address", on=address, left=LEFT, do="Write it in lower case."
        )
    return address


def checked_targets(address: str, targets: Sequence[str]) -> list[str]:
    """Of the alias with this address; InvalidInput where there are none."""
    if not targets:
        raise InvalidInput("an alias without a target", on=address, left=LEFT)
    return [checked(one) for one in targets]


def line(title: str, found: str, status: CheckStatus = CheckStatus.PASS, do: str = "") -> Check:
    return Check(service="mail", title=title, status=status, found=found, do=do)


def _tried(check: Callable[[], list[Check]]) -> list[Check]:
    try:
        return check()
    except HomeportError as error:
        return [failed_check("mail", error)]
