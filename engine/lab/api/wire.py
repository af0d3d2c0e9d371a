"""How Proxmox VE answers on the wire where fakepve differs (reference: proxmox.md, 4.1 and 7)."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from fakepve import FakePve, PveError
from fakepve.routing import param_error
from fakepve.server import API
from fakepve.server import error as _error

_BODY_LIMIT = 512 * 1024
_REFUSAL_SECONDS = 0.3
"""Every 401 is slow, as a brake; Proxmox VE takes 3 s."""
_METHODS = ("GET", "POST", "PUT", "DELETE")


class Wire(FakePve):  # type: ignore[misc] # fakepve has no types
    """Mixin: what is checked before and after fakepve answers a request."""

    def _build_app(self) -> web.Application:
        app: web.Application = super()._build_app()
        app.middlewares.insert(0, self._on_the_wire)
        return app

    @web.middleware
    async def _on_the_wire(self, request: web.Request, handler: Any) -> web.StreamResponse:
        refused = self._refuse_form(request)
        if refused is not None:
            return refused
        response: web.StreamResponse = await handler(request)
        if response.status == 401:
            await asyncio.sleep(_REFUSAL_SECONDS)
            if not request.path.endswith("/access/ticket"):
                return web.Response(status=401, reason=response.reason)
        if request.method != "GET":
            self.changed()
        return response

    def _refuse_form(self, request: web.Request) -> web.Response | None:
        """Requests that Proxmox VE's HTTP server does not take."""
        path = request.path.removeprefix(API)
        length = request.content_length or 0
        if request.method not in _METHODS:
            return refusal(501, f"Method '{request.method} {path}' not implemented")
        if request.headers.get("Transfer-Encoding"):
            return refusal(501, "chunked transfer encoding not supported")
        if length and request.method in ("GET", "DELETE"):
            return refusal(501, "Unexpected content")
        if length > _BODY_LIMIT and request.content_type != "multipart/form-data":
            return refusal(501, "for data too large")
        return None

    async def answer(
        self, request: Any, match: Any, params: Any, user: str, call: Any = None
    ) -> Any:
        """An unknown path or method is "not implemented", never "not found"."""
        if match is None or request.method not in match.methods:
            path = request.path.removeprefix(API)
            raise PveError(501, f"Method '{request.method} {path}' not implemented")
        _refuse_loose_booleans(match.methods[request.method], params)
        return await super().answer(request, match, params, user, call)

    def _verify(self, request: Any, values: dict[str, Any], drop: Any = ()) -> Any:
        match = self.resolve(request, API)
        _refuse_loose_booleans(match.methods[request.method], values)
        return super()._verify(request, values, drop)

    async def synthesise(
        self, match: Any, method: str, info: Any, user: str, values: dict[str, Any]
    ) -> Any:
        """fakepve makes up an answer for what it does not model; the lab refuses to change."""
        if method != "GET":
            path = match.template.format(**match.params) if match.params else match.template
            raise PveError(501, f"Method '{method} {path}' not implemented in the lab")
        return await super().synthesise(match, method, info, user, values)

    async def _answer(self, request: Any, handler: Any, generic: Any, path_node: Any) -> Any:
        if path_node is not None and path_node not in self.nodes:
            return refusal(
                500,
                f"hostname lookup '{path_node}' failed - failed to get address info for: "
                f"{path_node}: Name or service not known",
            )
        return await super()._answer(request, handler, generic, path_node)


def _refuse_loose_booleans(method: dict[str, Any], values: dict[str, Any]) -> None:
    """Only 0 and 1 are booleans; fakepve also takes words."""
    declared = (method.get("parameters") or {}).get("properties", {})
    wrong = {
        name: f"type check ('boolean') failed - got '{value}'"
        for name, value in values.items()
        if declared.get(name, {}).get("type") == "boolean" and str(value) not in ("0", "1")
    }
    if wrong:
        raise param_error(**wrong)


def refusal(status: int, message: str) -> web.Response:
    """An error in the form that every error of the API has."""
    response: web.Response = _error(status, message)
    return response
