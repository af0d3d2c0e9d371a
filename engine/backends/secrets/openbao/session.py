"""Logged in to one OpenBao: a token that is renewed before it ends and replaced after.

Every step of an operation opens backends anew; they share one session in their process, so
that a step costs no login. A login is made when something is first asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import hvac
import requests
from hvac import exceptions

from engine.backends.registry import BackendEnvironment
from engine.backends.secrets.openbao.policy import own_policy
from engine.backends.secrets.openbao.refusals import explain
from engine.backends.secrets.openbao.secret_id import SecretId
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.backends.trust import CONNECT_SECONDS, READ_SECONDS, https_session
from engine.errors import Denied, HomeportError

_RENEW_BELOW = 1 / 3
"""Of a token's life: it is renewed when less than this is left of it."""

_REFUSED = (
    exceptions.InvalidRequest,
    exceptions.InvalidPath,
    exceptions.Forbidden,
    exceptions.Unauthorized,
)
"""By a login; which of them depends on what is wrong, and on whether OpenBao may say so."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Token:
    value: str
    ends: float
    """By the session's clock; infinite for one that never ends."""
    life: float
    renewable: bool

    def __repr__(self) -> str:
        return f"<token that ends at {self.ends}>"


class Session:
    """Safe to use from several threads."""

    def __init__(
        self,
        settings: OpenBaoSettings,
        environment: BackendEnvironment,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._secret_id = SecretId(settings, environment)
        self._clock = clock
        self._token: _Token | None = None
        self._lock = threading.Lock()
        self._clients = threading.local()

    def call(self, on: str, ask: Callable[[hvac.Client], Answer]) -> Answer:
        """What `ask` gives. on: the path that an error names.

        hvac's InvalidPath and the InvalidRequest of check-and-set are let through: only the
        caller knows what they mean there. All else is one of `engine.errors`.
        """
        token = self._valid_token()
        try:
            return self._ask(ask, token)
        except exceptions.Forbidden as refused:
            if self._is_alive(token):
                raise self._denied(on, refused) from None
        token = self._renewed_login(token)
        try:
            return self._ask(ask, token)
        except exceptions.Forbidden as refused:
            raise self._denied(on, refused) from None

    def ask_unauthenticated(self, ask: Callable[[hvac.Client], Answer]) -> Answer:
        try:
            return ask(self._client(""))
        except (exceptions.VaultError, requests.RequestException) as error:
            raise explain(error, self.settings, self.settings.host) from None

    def _ask(self, ask: Callable[[hvac.Client], Answer], token: _Token) -> Answer:
        try:
            return ask(self._client(token.value))
        except (exceptions.InvalidPath, exceptions.InvalidRequest) as error:
            if "no handler for route" in str(error):
                raise explain(error, self.settings, "") from None
            raise
        except exceptions.Forbidden:
            raise
        except (exceptions.VaultError, requests.RequestException) as error:
            raise explain(error, self.settings, self.settings.host) from None

    # the token

    def _valid_token(self) -> _Token:
        with self._lock:
            token = self._token
            if token is None or token.ends <= self._clock():
                token = self._log_in()
            elif token.ends - self._clock() < token.life * _RENEW_BELOW:
                token = self._renew(token)
            self._token = token
            return token

    def _renewed_login(self, refused: _Token) -> _Token:
        """Another thread may have logged in meanwhile."""
        with self._lock:
            if self._token is None or self._token.value == refused.value:
                self._token = None
                self._token = self._log_in()
            return self._token

    def _renew(self, token: _Token) -> _Token:
        """For longer, where it may live longer; a new one where it may not."""
        if not token.renewable:
            return self._log_in()
        try:
            answer = self._client(token.value).auth.token.renew_self()
        except (exceptions.Forbidden, exceptions.InvalidRequest):
            return self._log_in()
        except (exceptions.VaultError, requests.RequestException) as error:
            raise explain(error, self.settings, self.settings.host) from None
        renewed = self._token_of(answer["auth"], token.life)
        at_its_end = renewed.ends - self._clock() < token.life * _RENEW_BELOW
        return self._log_in() if at_its_end else renewed

    def _log_in(self) -> _Token:
        settings = self.settings
        try:
            secret_id = self._secret_id.read(self._client)
            answer = self._client("").auth.approle.login(
                settings.role_id, secret_id, use_token=False, mount_point=settings.auth_mount
            )
        except _REFUSED as error:
            raise self._login_refused(error) from None
        except (exceptions.VaultError, requests.RequestException) as error:
            raise explain(error, settings, settings.host) from None
        return self._token_of(answer["auth"])

    def _token_of(self, auth: dict[str, Any], life: float = 0.0) -> _Token:
        seconds = float(auth["lease_duration"]) or float("inf")
        return _Token(
            str(auth["client_token"]),
            self._clock() + seconds,
            max(life, seconds),
            bool(auth["renewable"]),
        )

    def _is_alive(self, token: _Token) -> bool:
        try:
            self._client(token.value).auth.token.lookup_self()
        except exceptions.Forbidden:
            return False
        except (exceptions.VaultError, requests.RequestException) as error:
            raise explain(error, self.settings, self.settings.host) from None
        return True

    def _client(self, token: str) -> hvac.Client:
        """hvac would take a token from the environment or the home directory where it has none."""
        clients: dict[str, hvac.Client] = self._clients.__dict__
        if "it" not in clients:
            clients["it"] = hvac.Client(
                url=self.settings.url.rstrip("/"),
                token="",
                namespace=self.settings.namespace or None,
                session=https_session(self.settings),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
        clients["it"].token = token
        return clients["it"]

    # refusals

    def _login_refused(self, error: exceptions.VaultError) -> HomeportError:
        settings = self.settings
        return Denied(
            "OpenBao does not let Homeport in",
            on=f"{settings.host}, auth/{settings.auth_mount}",
            why=", ".join(error.errors or []) or "role id or secret id are not right",
            left="nothing was changed",
            do="Check role_id, auth_mount and namespace in the provider's settings. The secret id "
            "may have ended, or been used up or destroyed: make a new one, "
            "wrapped, and store it by homeport providers add: bao write -f -wrap-ttl=30m "
            f"auth/{settings.auth_mount}/role/ROLE/secret-id",
        )

    def _denied(self, on: str, error: exceptions.Forbidden) -> HomeportError:
        return Denied(
            "OpenBao denies this to Homeport's role",
            on=on,
            why=", ".join(error.errors or []) or "permission denied",
            left="nothing was changed",
            do="Give the role this policy:\n" + own_policy(self.settings),
        )


_sessions: dict[tuple[str, OpenBaoSettings], Session] = {}
_sessions_lock = threading.Lock()


def session_for(settings: OpenBaoSettings, environment: BackendEnvironment) -> Session:
    """The process's one session for these settings of this installation."""
    key = (f"{environment.paths.state}:{environment.provider.name}", settings)
    with _sessions_lock:
        return _sessions.setdefault(key, Session(settings, environment))
