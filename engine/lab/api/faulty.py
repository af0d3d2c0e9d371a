"""What a provider's faults do to its API (`faults` lists them)."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from fakepve import FakeVm, PveError, TaskError
from fakepve.shapes import PRIVILEGES

from engine.lab.api.administration import Administration
from engine.lab.api.downloads import Downloads
from engine.lab.api.faults import Faults
from engine.lab.api.wire import Wire, refusal

_FOREIGN_NAME = "somebody-elses"


class Faulty(Wire, Administration, Downloads):
    """Mixin, outermost: the faults come before everything else."""

    faults: Faults

    def _build_app(self) -> web.Application:
        app = super()._build_app()
        app.middlewares.insert(0, self._with_faults)
        return app

    @web.middleware
    async def _with_faults(self, request: web.Request, handler: Any) -> web.StreamResponse:
        faults = self.faults
        faults.refresh()
        self._apply_faults()
        await asyncio.sleep(float(faults.get("slow") or 0))
        if faults.get("offline"):
            return _cut_off(request)
        if faults.use("gateway"):
            return refusal(596, "Connection timed out")
        if faults.get("unauthorised") and "Authorization" in request.headers:
            return web.Response(status=401, reason="Authentication failed!")
        response: web.StreamResponse = await handler(request)
        if request.method != "GET" and response.status < 400 and faults.use("lost_answers"):
            return _cut_off(request)
        return response

    def _apply_faults(self) -> None:
        """Make the state what the faults say, and what it was where they are off again."""
        revoked = self.faults.get("revoked") or ()
        self.revoked = frozenset(PRIVILEGES if "*" in revoked else revoked)
        locked = self.faults.get("locked") or {}
        for vm in self.machines():
            life, wanted = self.life(vm), locked.get(str(vm.vmid)) or locked.get("*")
            if life.foreign:
                continue
            if wanted and not vm.lock:
                life.fault_lock = wanted
                self._qm_lock(vm, wanted)
            elif life.fault_lock and not wanted:
                life.fault_lock = ""
                self._qm_lock(vm, None)
        taken = self.faults.get("taken")
        for vm in [vm for vm in self.vms if self.life(vm).foreign]:
            if vm.vmid not in (taken or ()) and not self.faults.get("stolen"):
                self.vms.remove(vm)
                del self.lives[vm.vmid]
        for vmid in taken or ():
            self._take(vmid)

    def _take(self, vmid: int) -> None:
        """Somebody else makes a VM with this id, unless there is one."""
        if self.guest(vmid) is None:
            vm = FakeVm(vmid, _FOREIGN_NAME, node=self.settings.name)
            self.vms.append(vm)
            self.life(vm).foreign = True

    async def _qm_create(self, v: dict[str, Any], user: str) -> Any:
        if self.faults.use("stolen"):
            self._take(int(v["vmid"]))
        return await super()._qm_create(v, user)

    async def _lxc_create(self, user: str, v: dict[str, Any]) -> Any:
        if self.faults.use("stolen"):
            self._take(int(v["vmid"]))
        return await super()._lxc_create(user, v)

    async def _qm_clone(self, v: dict[str, Any], user: str) -> str:
        if self.faults.use("stolen"):
            self._take(int(v["newid"]))
        return await super()._qm_clone(v, user)

    async def before_task(self, record: dict[str, Any]) -> None:
        if text := self.faults.task_failure(record["type"]):
            raise TaskError(text)

    def _space(self, store: dict[str, Any]) -> tuple[int, int, int]:
        total, used, free = super()._space(store)
        full = [self.storages.get(name) for name in self.faults.get("no_space") or ()]
        return (total, total, 0) if any(store is other for other in full) else (total, used, free)

    async def _agent_call(self, match: Any, values: dict[str, Any]) -> Any:
        if self.faults.get("silent_agent"):
            raise PveError(500, "QEMU guest agent is not running")
        return await super()._agent_call(match, values)


def _cut_off(request: web.Request) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
