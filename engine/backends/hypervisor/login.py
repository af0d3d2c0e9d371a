"""Logging in with a user's password where there is no API token.

Proxmox VE gives a ticket for it that lasts two hours, and a second word that every changing
request must bear (the CSRF token). A ticket is renewed by showing it in place of the password;
every host of the cluster takes it. Source: pve-access-control 9.1, PVE::API2::AccessControl.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.auth import AuthBase

from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.errors import Denied

RENEW_SECONDS, LAST_SECONDS = 3600.0, 7200.0
"""Age at which a ticket is renewed, and from which on it is worth nothing."""
_TOTP_STEP = 30
PATH = "access/ticket"

Post = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""Sends these parameters to `access/ticket`; the `data` of the answer. Denied for a 401."""


@dataclass(frozen=True)
class Ticket:
    value: str
    csrf: str
    made: float


class Login:
    """One user at one Proxmox VE or cluster. Safe to use from several threads."""

    def __init__(
        self,
        user: str,
        password: str,
        totp_secret: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """totp_secret: base32, as the web interface shows it when TOTP is set up."""
        self._user = user
        self._password = password
        self._totp_secret = totp_secret
        self._clock, self._now, self._sleep = clock, now, sleep
        self._lock = threading.Lock()
        self._ticket: Ticket | None = None
        self._last_step = -1

    @property
    def ticket(self) -> Ticket | None:
        return self._ticket

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear anywhere."""
        ticket = self._ticket
        return (self._password, self._totp_secret, *((ticket.value, ticket.csrf) if ticket else ()))

    def ensure(self, post: Post) -> None:
        """A ticket that is good for a while. Denied where Proxmox does not take the password."""
        with self._lock:
            age = self._clock() - self._ticket.made if self._ticket else LAST_SECONDS
            if self._ticket is None or age >= LAST_SECONDS:
                self._enter(post)
            elif age >= RENEW_SECONDS:
                try:
                    self._keep(post({"username": self._user, "password": self._ticket.value}))
                except Denied:
                    self._enter(post)

    def forget(self, refused: Ticket | None) -> None:
        """The server does not take this ticket any more. A newer one stays."""
        with self._lock:
            if self._ticket is refused:
                self._ticket = None

    def _enter(self, post: Post) -> None:
        self._ticket = None
        answer = post({"username": self._user, "password": self._password})
        if answer.get("NeedTFA"):
            answer = self._second_factor(post, str(answer["ticket"]))
        self._keep(answer)

    def _second_factor(self, post: Post, challenge: str) -> Mapping[str, Any]:
        if not self._totp_secret:
            raise Denied(
                "Proxmox VE asks for a second factor",
                on=self._user,
                why="two-factor authentication is set up for this user, and Homeport has no "
                "secret to make codes from",
                left="nothing was changed",
                do="Store the user's TOTP secret and name it as 'totp_ref', or better use an API "
                "token: it needs no second factor.",
            )
        try:
            return self._answer(post, challenge)
        except Denied:  # each code is taken once: another process may have used this one
            return self._answer(post, challenge)

    def _answer(self, post: Post, challenge: str) -> Mapping[str, Any]:
        step = int(self._now() // _TOTP_STEP)
        if step == self._last_step:
            self._sleep((step + 1) * _TOTP_STEP - self._now())
            step += 1
        self._last_step = step
        code = totp(self._totp_secret, step)
        return post(
            {"username": self._user, "tfa-challenge": challenge, "password": f"totp:{code}"}
        )

    def _keep(self, answer: Mapping[str, Any]) -> None:
        self._ticket = Ticket(
            str(answer["ticket"]), str(answer["CSRFPreventionToken"]), self._clock()
        )


class TicketAuth(AuthBase):
    """Puts the ticket on every request of a session but the one that asks for it."""

    verify_ssl = True
    timeout = None

    def __init__(self, login: Login) -> None:
        self._login = login

    def get_cookies(self) -> dict[str, str]:
        """proxmoxer's session asks for them; the ticket is set as each request is sent."""
        return {}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        ticket = self._login.ticket
        if ticket is not None and not str(request.url).endswith(PATH):
            request.headers["Cookie"] = f"PVEAuthCookie={ticket.value}"
            if request.method != "GET":
                request.headers["CSRFPreventionToken"] = ticket.csrf
        return request


_shared: dict[tuple[object, ...], Login] = {}
_shared_lock = threading.Lock()


def shared_login(settings: ProxmoxSettings, password: str, totp_secret: str) -> Login:
    """One login for all that this process does there: codes of a second factor are rare."""
    proof = hashlib.sha256(f"{password}\0{totp_secret}".encode()).hexdigest()
    with _shared_lock:
        key = (settings.hosts, settings.user, proof)
        if key not in _shared:
            _shared[key] = Login(settings.user, password, totp_secret)
        return _shared[key]


def totp(secret: str, step: int) -> str:
    """The six digits of RFC 6238 (SHA-1) for a step of 30 seconds. Denied for what is no secret."""
    text = secret.replace(" ", "").upper()
    try:
        key = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise Denied(
            "the stored TOTP secret cannot be one",
            why="it is not in base32",
            left="nothing was sent",
            do="Store the secret again, as the web interface showed it when TOTP was set up.",
        ) from None
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
