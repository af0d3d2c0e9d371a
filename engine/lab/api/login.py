"""Logging in to the lab's API with a password, with what fakepve lacks of it: tickets renewed by
tickets, and a second factor that is set up through the API and whose codes are taken once."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import struct
import time
import urllib.parse
from typing import Any

from aiohttp import web
from fakepve import FakePve, PveError
from fakepve.routing import param_error
from fakepve.server import ok, params

_STEP = 30


class PasswordLogin(FakePve):  # type: ignore[misc] # fakepve has no types
    """Mixin: POST /access/ticket, and /access/tfa/{userid}."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.totp: dict[str, str] = {}
        """User -> the base32 secret of the second factor."""
        self._used: dict[str, int] = {}
        self._challenges: dict[str, str] = {}

    def _routes_lab_login(self) -> list[Any]:
        return [
            ("POST", "/access/tfa/{userid}", self._tfa_add),
            ("DELETE", "/access/tfa/{userid}/{id}", self._tfa_remove),
        ]

    async def _ticket(self, request: Any) -> web.Response:
        given = await params(request)
        user, password = str(given.get("username", "")), str(given.get("password", ""))
        if challenge := given.get("tfa-challenge"):
            known = self._challenges.get(str(challenge)) == user
            if not known or not self._takes(user, password):
                raise PveError(401, "authentication failure")
            return self._admit(user)
        session = self.tickets.get(password)
        if session is not None and session["user"] == user and session["expires"] > time.time():
            return self._admit(user)  # renewed; the old one goes on for its own time
        if user in self.totp and self.check_password(user, password):
            challenge = f"PVE:!tfa!{secrets.token_hex(16)}"
            self._challenges[challenge] = user
            words = {"ticket": challenge, "CSRFPreventionToken": secrets.token_hex(8)}
            return _answer(words | {"username": user, "NeedTFA": 1})
        answer: web.Response = await super()._ticket(request)
        return answer

    def _admit(self, user: str) -> web.Response:
        ticket, csrf = self.issue_ticket(user)
        words = {"ticket": ticket, "CSRFPreventionToken": csrf}
        return _answer(words | {"username": user, "cap": {}})

    def _takes(self, user: str, word: str) -> bool:
        """Whether a code is right, and was not used before."""
        step, secret = int(time.time() // _STEP), self.totp.get(user, "")
        for one in (step - 1, step, step + 1):
            right = hmac.compare_digest(word.encode(), f"totp:{_code(secret, one)}".encode())
            if right and one > self._used.get(user, -1):
                self._used[user] = one
                return True
        return False

    async def _tfa_add(self, v: dict[str, Any], user: str) -> dict[str, Any]:
        """Only a time-based code, and without the password that the real one asks for."""
        if "!" in user:
            raise PveError(403, "Permission check failed (API token not allowed)")
        if user not in ("root@pam", v["userid"]):
            raise PveError(403, "Permission check failed")
        if v["type"] != "totp":
            raise PveError(501, "the lab knows no second factor but totp")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(str(v.get("totp", ""))).query)
        secret = (query.get("secret") or [""])[0]
        step = int(time.time() // _STEP)
        try:
            codes = [_code(secret, one) for one in (step - 1, step, step + 1)]
        except binascii.Error:
            codes = []
        if not secret or str(v.get("value")) not in codes:
            raise param_error(value="failed to verify TOTP challenge")
        self.totp[v["userid"]] = secret
        return {"id": "totp"}

    async def _tfa_remove(self, v: dict[str, Any], user: str) -> None:
        if user not in ("root@pam", v["userid"]):
            raise PveError(403, "Permission check failed")
        if self.totp.pop(v["userid"], None) is None:
            raise PveError(500, f"no such entry '{v['id']}'")


def _answer(data: dict[str, Any]) -> web.Response:
    answer: web.Response = ok(data)
    return answer


def _code(secret: str, step: int) -> str:
    """RFC 6238, six digits; written apart from the client's, so that each checks the other."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    (number,) = struct.unpack_from(">I", mac, mac[19] & 0xF)
    return str((number & 0x7FFFFFFF) % 10**6).zfill(6)
