"""The `http` backend of OpenTofu and Terraform, as nimbolus/terraform-backend speaks it:
/state/PROJECT/NAME with GET, POST, DELETE, LOCK and UNLOCK, and basic auth.

Where that one is lax this is strict: no credentials, no answer; a lock is known by its ID, so that
`tofu force-unlock` works; a store that cannot be read is 503 or 500, never an empty state.
Source: OpenTofu, internal/backend/remote-state/http.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import logging
import signal
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from engine.errors import (
    Conflict,
    HomeportError,
    InvalidInput,
    RetryableError,
)
from engine.tfstate.model import StateName
from engine.tfstate.rules import Caller, NotLetIn, StateLocked
from engine.tfstate.states import States

LOG = logging.getLogger("homeport.state")
LARGEST = 256 * 1024 * 1024
"""Bytes of one state."""
_LARGE = 1024 * 1024
_REFUSAL_SECONDS = 0.3
"""Wrong credentials are answered slowly, as a brake."""
_THREADS = 8
_DAMAGED = "the body is not what its Content-MD5 says: it was damaged on its way, and not stored"
Answer = TypeVar("Answer")


class StateService:
    """Requests in, answers out; what blocks is done in threads."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._threads = ThreadPoolExecutor(_THREADS, "state")

    def application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST)
        application.router.add_get("/health", self._health)
        application.router.add_route("*", "/state/{project}/{name}", self._state)
        return application

    async def _health(self, request: web.Request) -> web.Response:
        try:
            await self._in_thread(self._states.ready)
        except HomeportError as error:
            LOG.warning("not ready: %s", error)
            return _words(error, 503)
        return web.Response(text="ok\n")

    async def _state(self, request: web.Request) -> web.Response:
        handler = {
            "GET": self._get,
            "POST": self._put,
            "PUT": self._put,
            "DELETE": self._delete,
            "LOCK": self._lock,
            "UNLOCK": self._unlock,
        }.get(request.method)
        if handler is None:
            return web.Response(status=501, text=f"{request.method} is not understood\n")
        caller = _caller(request)
        if caller is None:
            return web.Response(
                status=401,
                headers={"WWW-Authenticate": 'Basic realm="homeport state"'},
                text="a user name and a password are needed\n",
            )
        where = f"{request.match_info['project']}/{request.match_info['name']}"
        try:
            name = StateName.parse(where)
            if (request.content_length or _LARGE) >= _LARGE and request.can_read_body:
                # whoever is not let in sends nothing large either
                await self._in_thread(self._states.admit, name, caller)
            response = await handler(request, name, caller)
        except HomeportError as error:
            response = _refusal(error)
            LOG.warning("%s %r by %r: %s", request.method, where, caller.user, error)
            if response.status == 403:
                await asyncio.sleep(_REFUSAL_SECONDS)
        else:
            LOG.info("%s %r by %r: %s", request.method, where, caller.user, response.status)
        return response

    async def _get(self, request: web.Request, name: StateName, caller: Caller) -> web.Response:
        body = await self._in_thread(self._states.get, name, caller)
        if body is None:
            return web.Response(status=404, text="there is no state yet\n")
        return web.Response(
            body=body, content_type="application/json", headers={"Content-MD5": _md5(body)}
        )

    async def _put(self, request: web.Request, name: StateName, caller: Caller) -> web.Response:
        body = await request.read()
        claimed = request.headers.get("Content-MD5", "")
        if claimed and claimed != _md5(body):
            raise InvalidInput(_DAMAGED, on=str(name), left="nothing was changed", do="Retry.")
        lock = request.query.get("ID", "")
        await self._in_thread(self._states.put, name, caller, body, lock)
        return web.Response()

    async def _delete(self, request: web.Request, name: StateName, caller: Caller) -> web.Response:
        await self._in_thread(self._states.delete, name, caller)
        return web.Response()

    async def _lock(self, request: web.Request, name: StateName, caller: Caller) -> web.Response:
        info = _lock_info(await request.read())
        await self._in_thread(self._states.lock, name, caller, info or {})
        return web.Response()

    async def _unlock(self, request: web.Request, name: StateName, caller: Caller) -> web.Response:
        info = _lock_info(await request.read())
        await self._in_thread(self._states.unlock, name, caller, info)
        return web.Response()

    async def _in_thread(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, call, *arguments)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """InvalidInput where the two cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, certificate, key)
    return context


async def serve(
    states: States,
    host: str,
    port: int,
    certificate: Path,
    key: Path,
    listening: Callable[[int], None] = lambda port: None,
) -> None:
    """Until SIGTERM or SIGINT; requests under way are answered first. SIGHUP: the certificate is
    read again. listening: told the port, once requests are taken. InvalidInput where the
    certificate or the address cannot be used."""
    context = tls_context(certificate, key)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, context, certificate, key)
    runner = web.AppRunner(StateService(states).application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=context).start()
        listening(int(runner.addresses[0][1]))
        await stop.wait()
    except OSError as error:
        raise InvalidInput(
            "the state service cannot listen there",
            on=f"{host}:{port}",
            why=error.strerror or str(error),
            do="Name another address: --listen HOST:PORT",
        ) from None
    finally:
        await runner.cleanup()


def _reload(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        tls_context(certificate, key)  # one that does not fit would leave the one in use unusable
    except InvalidInput as error:
        LOG.error("the certificate in use is kept: %s", error)
    else:
        _load(context, certificate, key)


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            "certificate and key cannot be used",
            on=f"{certificate}, {key}",
            why=getattr(error, "reason", None) or str(error),
            do="Name the PEM files of the certificate, with its chain, and of its key.",
        ) from None


def _caller(request: web.Request) -> Caller | None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Caller(user, secret) if colon else None


def _lock_info(body: bytes) -> dict[str, Any] | None:
    """None for an empty body, which Terraform's force-unlock sends ("null" is as empty)."""
    try:
        info = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        info = body
    if info is not None and not isinstance(info, dict):
        raise InvalidInput(
            "this is not a lock", why="it is not a JSON object", do="Send the lock's JSON."
        )
    return info


def _md5(body: bytes) -> str:
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def _refusal(error: HomeportError) -> web.Response:
    match error:
        case StateLocked():
            return web.json_response(error.holder, status=423)
        case NotLetIn():
            return _words(error, 403)
        case InvalidInput():
            return _words(error, 400)
        case Conflict():
            return _words(error, 409)
        case RetryableError():
            return _words(error, 503)
    return _words(error, 500)


def _words(error: HomeportError, status: int) -> web.Response:
    lines = filter(None, (str(error), error.left, error.do))
    return web.Response(status=status, text="\n".join(lines) + "\n")
