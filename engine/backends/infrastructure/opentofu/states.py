"""Where a deployment's state lies, and what a run of OpenTofu needs to get there.

A state at a service is reached through a door on the loopback address that is open for one run.
The service's credentials stay in this process: OpenTofu would write a password that it is told
into `.terraform` and into every saved plan, and one in the environment is read by all that it
starts. The door lets in processes of this user alone, by what the kernel says of the connection,
so there is nothing to steal. It also knows the lock that a run took before the service does, so a
lock that a killed run left can be given back by exactly its ID.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import requests

from engine.backends.infrastructure.opentofu.door import Answer, Door
from engine.backends.infrastructure.opentofu.settings import StateSettings
from engine.backends.trust import https_session, untrusted, why_unreached, with_port
from engine.errors import Denied, HomeportError, OnHold, RemoteFailure, Unreachable
from engine.private_files import write_private

FILE = "terraform.tfstate"
_SECONDS = (6.0, 60.0)


class States(Protocol):
    """One deployment's state."""

    backend: Mapping[str, Any]
    """For the run: a `backend` block."""
    shown_backend: Mapping[str, Any]
    """For the user's directory, {} where OpenTofu's own default is right."""

    def read(self) -> Mapping[str, Any] | None:
        """As it is stored; None where there is none yet."""

    @contextmanager
    def opened(self, held: Path) -> Iterator[Mapping[str, str]]:
        """Environment for a run. held: a file that names the lock while one is held."""

    def trouble(self) -> HomeportError | None:
        """Why the state could not be had or kept, where that was what went wrong."""


class FileState:
    """`terraform.tfstate` in the deployment's directory; a killed run's lock goes with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.backend: Mapping[str, Any] = {"local": {"path": str(path)}}
        self.shown_backend: Mapping[str, Any] = {}

    def read(self) -> Mapping[str, Any] | None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        if not content:  # OpenTofu locks the file before it has anything to write into it
            return None
        try:
            state: Mapping[str, Any] = json.loads(content)
        except ValueError:
            raise RemoteFailure(
                "OpenTofu's state cannot be read",
                on=str(self._path),
                why="it is not JSON",
                left="nothing was changed",
                do=f"Put {FILE}.backup, or a copy from your backups, in its place. Without a state "
                "what is there is taken over again: remove the file.",
            ) from None
        return state

    @contextmanager
    def opened(self, held: Path) -> Iterator[Mapping[str, str]]:
        yield {}

    def trouble(self) -> HomeportError | None:
        return None


class ServiceState:
    """At a server of the `http` backend. password: asked for when a run begins."""

    def __init__(
        self, settings: StateSettings, project: str, name: str, password: Callable[[], str]
    ) -> None:
        self._settings = settings
        self.name = f"{project}/{name}"
        self.url = f"{settings.url}/{self.name}"
        self._password = password
        self._trouble: HomeportError | None = None
        self._session: requests.Session | None = None
        self.backend: Mapping[str, Any] = {"http": {}}
        methods = {"lock_method": "LOCK", "unlock_method": "UNLOCK"}
        places = dict.fromkeys(("address", "lock_address", "unlock_address"), self.url)
        self.shown_backend: Mapping[str, Any] = {"http": {**places, **methods}}

    def read(self) -> Mapping[str, Any] | None:
        answer = self._ask("GET", "", b"")
        if answer.status in (204, 404):
            return None
        if answer.status != 200:
            raise self.trouble() or self._failed(answer)
        state: Mapping[str, Any] = json.loads(answer.body)
        return state

    @contextmanager
    def opened(self, held: Path) -> Iterator[Mapping[str, str]]:
        self._give_back(held)
        with Door(lambda method, query, body: self._kept(held, method, query, body)) as address:
            yield {
                "TF_HTTP_ADDRESS": address,
                "TF_HTTP_LOCK_ADDRESS": address,
                "TF_HTTP_UNLOCK_ADDRESS": address,
                "TF_HTTP_LOCK_METHOD": "LOCK",
                "TF_HTTP_UNLOCK_METHOD": "UNLOCK",
                "TF_HTTP_RETRY_MAX": "2",
            }

    def trouble(self) -> HomeportError | None:
        return self._trouble

    def _give_back(self, held: Path) -> None:
        """The lock of a run that was killed; whoever calls knows that nothing of it is left."""
        if held.exists():
            answer = self._ask("UNLOCK", "", held.read_bytes())
            if answer.status in (401, 403) or answer.status >= 500:
                raise self.trouble() or self._failed(answer)
            held.unlink()  # refused: it was never taken, or somebody took it away meanwhile

    def _kept(self, held: Path, method: str, query: str, body: bytes) -> Answer:
        """A request of OpenTofu; a lock is written down before it is asked for."""
        if method == "LOCK":
            write_private(held, body)
        answer = self._ask(method, query, body)
        given_back = method == "UNLOCK" and answer.status == 200
        if given_back or (method == "LOCK" and 400 <= answer.status < 500):
            held.unlink(missing_ok=True)
        return answer

    def _ask(self, method: str, query: str, body: bytes) -> Answer:
        """The service's answer, or 503 in its place where there is none."""
        try:
            answer = self._sent(method, query, body)
            if answer.status_code == 401 and self._has_newer_password():
                answer = self._sent(method, query, body)
        except HomeportError as error:
            self._trouble = error
            return Answer(503, str(error).encode())
        except requests.exceptions.SSLError as error:
            self._trouble = untrusted("the state service", with_port(self._settings.url), error)
            return Answer(503, str(self._trouble).encode())
        except requests.RequestException as error:
            self._trouble = self._away(why_unreached(error))
            return Answer(503, str(self._trouble).encode())
        found = Answer(answer.status_code, answer.content)
        self._trouble = self._refused(found)
        return found

    def _sent(self, method: str, query: str, body: bytes) -> requests.Response:
        if self._session is None:
            self._session = self._opened_session()
        return self._session.request(
            method,
            self.url + (f"?{query}" if query else ""),
            data=body or None,
            headers={"Content-Type": "application/json"},
            timeout=_SECONDS,
        )

    def _has_newer_password(self) -> bool:
        """One that is made for each who asks ends when somebody else asks for the same state."""
        before, self._session = self._session, self._opened_session()
        return before is None or before.auth != self._session.auth

    def _opened_session(self) -> requests.Session:
        session = https_session(self._settings)
        if self._settings.url.startswith("http:"):  # to this machine alone: see the settings
            session.mount("http://", requests.adapters.HTTPAdapter())
        session.auth = (self._settings.username, self._password())
        return session

    def _refused(self, answer: Answer) -> HomeportError | None:
        if answer.status in (401, 403):
            return Denied(
                "the state service does not let Homeport in",
                on=self.name,
                why=_words(answer),
                left="nothing was changed",
                do="Correct username and password of 'state' in the provider's settings of "
                "infrastructure.",
            )
        if answer.status >= 500:
            return self._away(_words(answer))
        return None

    def _away(self, why: str) -> HomeportError:
        return OnHold(
            "the state service cannot be used",
            on=f"{self._settings.url}, for {self.name}",
            why=why,
            left="what OpenTofu made meanwhile is kept in the deployment's directory",
            do="Bring the service back, or unseal the OpenBao behind it; the operation goes on.",
        )

    def _failed(self, answer: Answer) -> HomeportError:
        return Unreachable(
            "the state cannot be read",
            on=self.name,
            why=f"status {answer.status}: {_words(answer)}",
            left="nothing was changed",
            do="Look at the state service.",
        )


def _words(answer: Answer) -> str:
    return " ".join(answer.body.decode(errors="replace").split())[:400] or f"status {answer.status}"
