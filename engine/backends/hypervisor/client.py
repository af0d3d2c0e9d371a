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
from typing import Any

import requests

from engine.backends.hypervisor.refusals import NOTHING_CHANGED, Refusal, answer_lost, explain
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.wire import (
    NotJson,
    Parameter,
    Serializer,
    encode,
)
from engine.backends.tls import VerifyingAdapter, certificate_problem, shown_fingerprint
from engine.backends.trust import connection_refused
from engine.errors import Denied, HomeportError, RemoteFailure, Unreachable

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


class ProxmoxClient:
    """Requests to one Proxmox VE or cluster. Safe to use from several threads.

    Errors are those of `engine.errors`. A request that may have changed something and whose
    answer was lost raises `OutcomeUnknown`; it is never sent twice.
    """

    def __init__(
        self,
        settings: ProxmoxSettings,
        token: str,
        provider: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.provider = provider
        self.sleep = sleep
        self.clock = clock
        self._token = token
        self._sessions = threading.local()
        self._last_good = settings.hosts[0]

    @property
    def api_token(self) -> str:
        """ "user@realm!name=secret", for another program that speaks with this token."""
        return f"{self.settings.token_id}={self._token}"

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
        raise self._scrubbed(self._unreachable(failures))

    def _hosts(self) -> Iterator[str]:
        first = self._last_good
        yield first
        yield from (host for host in self.settings.hosts if host != first)

    def _ask(self, host: str, method: str, path: str, params: dict[str, Any]) -> Any:
        attempts = 2 if method == "GET" else 1
        while True:
            attempts -= 1
            try:
                return self._send(host, method, path, params)
            except _AnswerLost:
                if not attempts:
                    raise

    def _send(self, host: str, method: str, path: str, params: dict[str, Any]) -> Any:
        started = self.clock()
        outcome: object = "no answer"
        try:
            resource = self._session(host)(path)
            data = getattr(resource, method.lower())(**params)
            outcome = "ok"
            return data
        except ResourceException as error:
            outcome = error.status_code
            raise self._refused(error, reading=method == "GET") from None
        except requests.exceptions.SSLError as error:
            raise self._untrusted(host, error) from None
        except requests.exceptions.ConnectTimeout:
            raise _NotSent("no answer to the connection") from None
        except requests.exceptions.Timeout:
            raise _AnswerLost(f"no answer within {READ_SECONDS:.0f} seconds") from None
        except requests.exceptions.TooManyRedirects:
            raise self._not_proxmox(host, "it redirects to another address") from None
        except (requests.exceptions.RequestException, OSError) as error:
            if refused := connection_refused(error):
                raise _NotSent(refused) from None
            raise _AnswerLost("the connection was cut before the answer came") from None
        except NotJson as error:
            raise self._not_proxmox(host, str(error)) from None
        finally:
            _log.debug("%s %s %s: %s, %.3f s", method, host, path, outcome, self.clock() - started)

    def _session(self, host: str) -> ProxmoxAPI:
        sessions: dict[str, ProxmoxAPI] = self._sessions.__dict__
        if host not in sessions:
            user, _, name = self.settings.token_id.partition("!")
            api = ProxmoxAPI(
                host,
                user=user,
                token_name=name,
                token_value=self._token,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
            api._store["serializer"] = Serializer()
            session = api._store["session"]
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
        return self._scrubbed(explain(refusal, self.settings.token_id, reading=reading))

    def _unreachable(self, failures: dict[str, Exception]) -> HomeportError:
        why = "; ".join(f"{host}: {failure}" for host, failure in failures.items())
        if any(isinstance(failure, _NodeAway) for failure in failures.values()):
            what = "a node of the Proxmox cluster does not answer"
            do = "Check that the node is on and in the cluster, then try again."
        else:
            what = "Proxmox VE cannot be reached"
            do = (
                "Check that the host is on, that its address and port in the provider's settings "
                "are right, and that this machine may connect to it."
            )
        return Unreachable(what, on=self.provider, why=why, left=NOTHING_CHANGED, do=do)

    def _untrusted(self, host: str, error: Exception) -> HomeportError:
        shown = shown_fingerprint(host, CONNECT_SECONDS)
        return self._scrubbed(
            Denied(
                "the Proxmox host cannot prove that it is the right one",
                on=host,
                why=certificate_problem(error, shown),
                left="the token was not sent to it",
                do="On the host itself run: pvenode cert info. If the SHA-256 fingerprint of "
                "pve-ssl.pem or pveproxy-ssl.pem is the one shown here, put it into the "
                "provider's settings as 'fingerprint'; otherwise somebody is in between.",
            )
        )

    def _not_proxmox(self, host: str, why: str) -> HomeportError:
        return self._scrubbed(
            RemoteFailure(
                "the answer is not one of Proxmox VE",
                on=host,
                why=why,
                do="Check the address and port; if a reverse proxy stands in front of Proxmox "
                "VE, name the host itself, with port 8006.",
            )
        )

    def _scrubbed(self, error: HomeportError) -> HomeportError:
        if self._token:
            for part in ("what", "on", "why", "left", "do"):
                text = getattr(error, part)
                setattr(error, part, text.replace(self._token, "(secret)"))
        return error
