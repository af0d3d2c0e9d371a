"""Modoboa's API v2: mailboxes with their accounts, and aliases; its errors as the engine's.

A server that is asked too often says how long to wait (429, Retry-After; by default five changes a
second), and that is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests

from engine.backends.mail.modoboa.refusals import away, is_taken, lost, not_modoboa, refused
from engine.backends.mail.settings import ModoboaSettings
from engine.backends.trust import Trust, connection_refused, https_session, untrusted, why_unreached

ACCOUNTS, ALIASES, DOMAINS = "accounts", "aliases", "domains"
SIMPLE = "SimpleUsers"
"""The role of an account that administrates nothing."""
Found = Mapping[str, Any]
"""What Modoboa tells of one account, alias or domain."""
_PAGE = 500
_PATIENCE = 90.0


@dataclass(frozen=True)
class _Call:
    """One request. path: below the API's own. on: what it is about."""

    method: str
    path: str
    on: str
    told: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.path.endswith("/validate/")


@dataclass
class ModoboaApi:
    """Asked by several threads at once, if need be. Every method raises Denied, Unreachable or
    RemoteFailure; one that changes something also OutcomeUnknown, Conflict, NoCapacity, NotFound,
    NotReady and InvalidInput."""

    settings: ModoboaSettings
    read_secret: Callable[[str], str]
    open_session: Callable[[Trust], requests.Session] = https_session
    sleep: Callable[[float], None] = time.sleep

    def listed(self, kind: str, search: str = "") -> Iterator[Found]:
        """What is shown to Homeport's account. search: narrows it; what comes may be more."""
        page, more = 1, True
        while more:
            query = {"page": page, "page_size": _PAGE} | ({"search": search} if search else {})
            told = self._asked(_Call("GET", f"{kind}/", kind, query=query))
            if not isinstance(told, dict) or not isinstance(told.get("results"), list):
                raise not_modoboa(self.settings)
            yield from told["results"]
            page, more = page + 1, bool(told.get("next"))

    def create(self, kind: str, on: str, told: Mapping[str, Any]) -> None:
        self._asked(_Call("POST", f"{kind}/", on, told))

    def change(self, kind: str, on: str, key: int, told: Mapping[str, Any]) -> None:
        self._asked(_Call("PATCH", f"{kind}/{key}/", on, told))

    def remove_account(self, on: str, key: int) -> None:
        """The mail that its mailbox holds stays on the server."""
        self._asked(_Call("POST", f"{ACCOUNTS}/{key}/delete/", on, {"keepdir": True}))

    def remove_alias(self, on: str, key: int) -> None:
        self._asked(_Call("DELETE", f"{ALIASES}/{key}/", on))

    def is_account(self, address: str) -> bool:
        """Somebody's at all, also where it is not shown to Homeport's account."""
        said = self.objections(ACCOUNTS, address, {"username": address, "role": SIMPLE})
        return is_taken(said.get("username", ""))

    def is_alias(self, address: str) -> bool:
        """The same of an alias."""
        said = self.objections(ALIASES, address, {"address": address})
        return is_taken(said.get("address", ""))

    def objections(self, kind: str, on: str, told: Mapping[str, Any]) -> dict[str, str]:
        """What would speak against making it, by field; nothing is made."""
        call = _Call("POST", f"{kind}/validate/", on, told)
        status, said = self._answer(call)
        return _texts(said) if status == 400 else self._accepted(call, status, said) or {}

    def _asked(self, call: _Call) -> Any:
        return self._accepted(call, *self._answer(call))

    def _accepted(self, call: _Call, status: int, said: Any) -> Any:
        if status < 300:
            return said
        raise refused(self.settings, call.on, status, _texts(said), writes=call.writes)

    def _answer(self, call: _Call) -> tuple[int, Any]:
        """Status and JSON; None where there is no body."""
        waited = 0.0
        while True:
            answer = self._sent(call)
            seconds = _seconds(answer)
            if answer.status_code != 429 or waited + seconds > _PATIENCE:
                break
            self.sleep(seconds)
            waited += seconds
        if answer.status_code >= 500 or not answer.content:
            return answer.status_code, None
        try:
            return answer.status_code, answer.json()
        except ValueError:
            raise not_modoboa(self.settings) from None

    def _sent(self, call: _Call) -> requests.Response:
        url = f"{self.settings.url.rstrip('/')}/api/v2/{call.path}"
        try:
            return self._session.request(
                call.method, url, json=call.told, params=call.query, allow_redirects=False
            )
        except requests.exceptions.SSLError as error:
            raise untrusted("Modoboa", self.settings.web_host, error) from None
        except requests.RequestException as error:
            why = why_unreached(error)
            never_sent = isinstance(error, requests.ConnectTimeout) or connection_refused(error)
            if never_sent or not call.writes:
                raise away(self.settings, why) from None
            raise lost(self.settings, call.on, why) from None

    @cached_property
    def _session(self) -> requests.Session:
        session = self.open_session(self.settings)
        session.headers["Authorization"] = f"Token {self.read_secret(self.settings.token_ref)}"
        session.headers["Accept"] = "application/json"
        session.headers["Accept-Language"] = "en"  # what it says is read for what it means
        return session


def _seconds(answer: requests.Response) -> float:
    told = answer.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else 1.0


def _texts(said: Any) -> dict[str, str]:
    """Modoboa's own words by field, "" for what is about none."""
    if not isinstance(said, dict):
        return {"": _text(said)} if said else {}
    return {
        "" if field in ("detail", "error", "non_field_errors") else str(field): _text(told)
        for field, told in said.items()
    }


def _text(told: Any) -> str:
    if isinstance(told, dict):
        told = list(told.values())
    return " ".join(map(_text, told)) if isinstance(told, list) else str(told)[:300]
