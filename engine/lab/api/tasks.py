"""Worker tasks: they run beside the request, can be stopped, and are remembered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fakepve import FakePve, PveError, TaskError

LOG = logging.getLogger("homeport.lab.api")
_KEPT = 500
"""Finished tasks that are remembered."""

HALF_MADE = ("create", "clone")
"""Locks of a VM that a worker still makes."""
Body = Callable[[], Awaitable[str | None]]


class Tasks(FakePve):  # type: ignore[misc] # fakepve has no types
    """fakepve's task records, with failure of any kind, abort, and persistence."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workers: dict[str, asyncio.Task[None]] = {}

    async def task(
        self,
        node: str,
        ttype: str,
        tid: Any,
        user: str,
        body: Body,
        vm: Any = None,
        lock: bool = True,
        log: Any = (),
    ) -> str:
        """Start a worker; its UPID. `vm` is held by the file lock meanwhile, if `lock`."""
        upid, pid, start = self._upid(node, ttype, tid, user)
        record: dict[str, Any] = {
            "upid": upid,
            "node": node,
            "pid": pid,
            "pstart": pid * 7,
            "starttime": start,
            "type": ttype,
            "id": str(tid),
            "user": user,
            "status": "running",
            "log": list(log),
        }
        self.tasks[upid] = record
        self.tasklog.append(record)
        for old in self.tasklog[:-_KEPT]:
            if old["status"] == "stopped":
                self.tasklog.remove(old)
                self.tasks.pop(old["upid"], None)
        self.workers[upid] = asyncio.ensure_future(self._work(record, body, vm, lock))
        return str(upid)

    async def _work(self, record: dict[str, Any], body: Body, vm: Any, lock: bool) -> None:
        upid, log = record["upid"], record["log"]
        status = "OK"
        try:
            await self.before_task(record)
            if vm is not None and lock:
                await self.acquire(vm, upid)
            try:
                log.extend((await body() or "").splitlines())
            finally:
                if vm is not None and lock:
                    self.release(vm, upid)
        except TaskError as error:
            status = str(error)
        except PveError as error:
            status = error.message
        except asyncio.CancelledError:
            status = "interrupted by signal"
        except Exception as error:
            LOG.exception("task %s", upid)
            status = f"{type(error).__name__}: {error}"
        if status != "OK" and vm is not None and vm.lock in HALF_MADE:
            self.unmake(vm)
        first, *rest = status.splitlines() or ["unknown error"]
        log.extend(line for line in [first, *rest] if status != "OK")
        log.append("TASK OK" if status == "OK" else f"TASK ERROR: {first}")
        self.workers.pop(upid, None)
        record.update(status="stopped", exitstatus=first, endtime=int(time.time()))
        self.changed()

    async def before_task(self, record: dict[str, Any]) -> None:
        """A place for faults: raises TaskError where this task is to fail."""

    def unmake(self, vm: Any) -> None:
        """Remove a VM and its disks, as a worker does that is told to end; backups stay."""
        for machines in (self.vms, self.cts):
            if vm in machines:
                machines.remove(vm)
        self._pool_leave(vm.vmid)
        for name, store in self.storages.items():
            volumes = store.get("volumes", {})
            disks = [
                volume
                for volume, record in volumes.items()
                if record.get("vmid") == vm.vmid and record.get("content") != "backup"
            ]
            for volume in disks:
                self._qm_free(f"{name}:{volume}")

    def changed(self) -> None:
        """State that must survive has changed."""

    def _routes_lab_tasks(self) -> list[Any]:
        one = "/nodes/{node}/tasks/{upid}"
        return [("DELETE", one, self._task_stop), ("GET", "/cluster/tasks", self._cluster_tasks)]

    async def _task_stop(self, values: dict[str, Any], user: str) -> None:
        """Abort: the worker gets a signal. A finished task is left as it is."""
        record = self.tasks.get(values["upid"])
        if record is None:
            raise PveError(500, f"unable to parse worker upid '{values['upid']}'")
        if not self._task_owner(user, record):
            self.require(user, "/nodes/" + record["node"], "Sys.Modify")
        if worker := self.workers.get(values["upid"]):
            worker.cancel()

    async def _cluster_tasks(self, values: dict[str, Any], user: str) -> list[dict[str, Any]]:
        audit = self.allowed(user, "/", "Sys.Audit")
        seen = [task for task in self.tasklog if audit or self._task_owner(user, task)]
        return [self._task_view(task, True) for task in reversed(seen[-25:])]

    def cut_short(self) -> None:
        """After a restart: tasks that were running then have no worker any more."""
        for record in self.tasklog:
            if record["status"] == "running":
                record.update(
                    status="stopped",
                    exitstatus="unexpected status",
                    endtime=int(time.time()),
                )
