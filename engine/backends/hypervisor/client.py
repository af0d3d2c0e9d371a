"""The Proxmox VE API through proxmoxer, wrapped in this one place.

proxmoxer builds the URLs, the token header and the session. What it leaves open is mended
here: booleans and lists in PVE's form, timeouts that fit synchronous calls, the message
from the body, error bodies that are not JSON, certificates that are checked, several hosts,
one session per thread, no secret in a log or an error, and answers that got lost.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import requests

from engine.backends.hypervisor.login import PATH as LOGIN_PATH
from engine.backends.hypervisor.login import Login, Ticket, TicketAuth
from engine.backends.hypervisor.refusals import Refusal, answer_lost, explain
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.unreached import not_proxmox, unreachable, untrusted
from engine.backends.hypervisor.wire import (
    NotJson,
    Parameter,
    Serializer,
    encode,
)
from engine.backends.tls import VerifyingAdapter
from engine.backends.trust import connection_refused
from engine.errors import HomeportError

with warnings.catch_warnings():  # on import it silences TLS warnings for the whole process
    from proxmoxer import ProxmoxAPI
    from proxmoxer.core import ResourceException

CONNECT_SECONDS = 6.0
READ_SECONDS = 35.0
"""Longer than the 30 s after which pveproxy itself gives up on a synchronous call."""

_log = logging.getLogger(__name__)


class _NotSent(Exception):
    """The request did not reach the API; another host may be asked."""


class _NodeAway(_NotSent):
    """The API answers, but not the daemon or the node that the request is for (595)."""


class _AnswerLost(Exception):
    """The request went out, and no answer came back."""


class _TicketRefused(Exception):
    """The request was not carried out, because its ticket is not taken any more."""

    def __init__(self, ticket: Ticket, error: Exception) -> None:
        super().__init__(str(error))
        self.ticket, self.error = ticket, error


class ProxmoxClient:
    """Requests to one Proxmox VE or cluster. Safe to use from several threads.

    It shows the token, or logs in. Errors are those of `engine.errors`. A request that may have
    changed something and whose answer was lost raises `OutcomeUnknown`; it is never sent twice,
    neither to this host nor to another.
    """

    def __init__(
        self,
        settings: ProxmoxSettings,
        token: str,
        provider: str,
        login: Login | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.provider = provider
        self.sleep = sleep
        self.clock = clock
        self._token = token
        self._login = login
        self._sessions = threading.local()
        self._last_good = settings.hosts[0]

    def get(self, path: str, /, **params: Parameter) -> Any:
        return self.request("GET", path, params)

    def post(self, path: str, params: Mapping[str, Parameter] | None = None) -> Any:
        return self.request("POST", path, params or {})

    def put(self, path: str, params: Mapping[str, Parameter] | None = None) -> Any:
        return self.request("PUT", path, params or {})

    def delete(self, path: str, params: Mapping[str, Parameter] | None = None) -> Any:
        return self.request("DELETE", path, params or {})

    def request(self, method: str, path: str, params: Mapping[str, Parameter]) -> Any:
        """The `data` of the answer. path: "nodes/pve1/qemu", its parts already quoted."""
        failures: dict[str, Exception] = {}
        for host in self._hosts():
            try:
                data = self._ask(host, method, path, encode(params))
            except (_NotSent, _AnswerLost) as failure:
                if isinstance(failure, _AnswerLost) and method != "GET":
                    raise self._scrubbed(answer_lost(f"{host}: {failure}")) from None
                failures[host] = failure
            else:
                self._last_good = host
                return data
        node = any(isinstance(failure, _NodeAway) for failure in failures.values())
        raise self._scrubbed(unreachable(self.provider, failures, node=node))

    def _hosts(self) -> Iterator[str]:
        first = self._last_good
        yield first
        yield from (host for host in self.settings.hosts if host != first)

    def _ask(self, host: str, method: str, path: str, params: dict[str, Any]) -> Any:
        attempts, tickets = 2 if method == "GET" else 1, 2
        while True:
            try:
                if self._login is not None:
                    self._login.ensure(lambda words: self._enter(host, words))
                return self._send(host, method, path, params)
            except _TicketRefused as refused:
                tickets -= 1
                if self._login is None or not tickets:
                    raise refused.error from None
                self._login.forget(refused.ticket)
            except _AnswerLost:
                attempts -= 1
                if not attempts:
                    raise

    def _enter(self, host: str, words: Mapping[str, str]) -> Mapping[str, Any]:
        """Ask for a ticket. Whatever happens to that, the request itself was not sent."""
        try:
            answer: Mapping[str, Any] = self._send(host, "POST", LOGIN_PATH, dict(words))
        except _AnswerLost as lost:
            raise _NotSent(str(lost)) from None
        return answer

    def _send(self, host: str, method: str, path: str, params: dict[str, Any]) -> Any:
        started = self.clock()
        outcome: object = "no answer"
        ticket = self._login.ticket if self._login else None
        try:
            resource = self._session(host)(path)
            data = getattr(resource, method.lower())(**params)
            outcome = "ok"
            return data
        except ResourceException as error:
            outcome = error.status_code
            refusal = self._refused(error, reading=method == "GET")
            if outcome == HTTPStatus.UNAUTHORIZED and ticket and path != LOGIN_PATH:
                raise _TicketRefused(ticket, refusal) from None
            raise refusal from None
        except requests.exceptions.SSLError as error:
            credential = "password" if self._login else "token"
            refused = untrusted(host, error, credential, CONNECT_SECONDS)
            raise self._scrubbed(refused) from None
        except requests.exceptions.ConnectTimeout:
            raise _NotSent("no answer to the connection") from None
        except requests.exceptions.Timeout:
            raise _AnswerLost(f"no answer within {READ_SECONDS:.0f} seconds") from None
        except requests.exceptions.TooManyRedirects:
            problem = not_proxmox(host, "it redirects to another address")
            raise self._scrubbed(problem) from None
        except (requests.exceptions.RequestException, OSError) as error:
            if nobody := connection_refused(error):
                raise _NotSent(nobody) from None
            raise _AnswerLost("the connection was cut before the answer came") from None
        except NotJson as error:
            raise self._scrubbed(not_proxmox(host, str(error))) from None
        finally:
            _log.debug("%s %s %s: %s, %.3f s", method, host, path, outcome, self.clock() - started)

    def _session(self, host: str) -> ProxmoxAPI:
        sessions: dict[str, ProxmoxAPI] = self._sessions.__dict__
        if host not in sessions:
            api = ProxmoxAPI(
                host,
                user=self.settings.user,
                token_name=self.settings.account.partition("!")[2],
                token_value=self._token,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
            api._store["serializer"] = Serializer()
            session = api._store["session"]
            if self._login is not None:
                session.auth = TicketAuth(self._login)
            adapter = VerifyingAdapter(self.settings.ca_pem, self.settings.fingerprint)
            session.mount("https://", adapter)
            session.max_redirects = 0
            session.trust_env = False  # no proxy and no .netrc between us and the hypervisor
            sessions[host] = api
        return sessions[host]

    def _refused(self, error: ResourceException, *, reading: bool) -> Exception:
        body = error.errors if isinstance(error.errors, dict) else {}
        message = str(body.get("message") or error.content or error.status_message or "").strip()
        if error.status_code == 595:
            return _NodeAway(message or "its API daemon does not answer")
        fields = body.get("errors")
        refusal = Refusal(
            error.status_code,
            message,
            {str(k): str(v) for k, v in fields.items()} if isinstance(fields, dict) else {},
        )
        return self._scrubbed(explain(refusal, self.settings.account, reading=reading))

    def _scrubbed(self, error: HomeportError) -> HomeportError:
        for secret in filter(None, (self._token, *(self._login.secrets if self._login else ()))):
            for part in ("what", "on", "why", "left", "do"):
                text = getattr(error, part)
                setattr(error, part, text.replace(secret, "(secret)"))
        return error
