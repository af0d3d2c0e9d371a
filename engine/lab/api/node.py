"""The provider's one node: its figures, its bridge, and the lists of its tasks."""

from __future__ import annotations

import ipaddress
import json
import os
import time
from pathlib import Path
from typing import Any

from aiohttp import web
from fakepve import PveError
from fakepve.routing import param_error
from fakepve.server import USER, params

from engine.lab.api.actions import memory_of
from engine.lab.api.machines import Machines
from engine.lab.api.settings import BRIDGE

_ACTIVE, _ARCHIVE = "active", "archive"


class Node(Machines):
    """Mixin: answers about the node that are true of this machine."""

    fingerprint: str

    def _routes_lab_node(self) -> list[Any]:
        return [
            ("GET", "/nodes/{node}/status", self._node_status),
            ("GET", "/nodes/{node}/network", self._network),
        ]

    # --- figures ----------------------------------------------------------------------

    def _node_stats(self, online: bool) -> dict[str, Any]:
        """Memory is what its running guests were given; the rest is this machine's."""
        if not online:
            return {}
        disk = os.statvfs(self.settings.directory)
        return {
            "cpu": min(1.0, os.getloadavg()[0] / _cores()),
            "maxcpu": _cores(),
            "mem": self.used_memory(),
            "maxmem": self.node_memory(),
            "disk": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
            "maxdisk": disk.f_blocks * disk.f_frsize,
            "uptime": int(float(Path("/proc/uptime").read_text().split()[0])),
        }

    def used_memory(self) -> int:
        return sum(memory_of(vm) for vm in self.machines() if vm.status == "running")

    async def _nodes(self, request: Any) -> web.Response:
        body = json.loads((await super()._nodes(request)).text)
        for row in body["data"]:
            row["ssl_fingerprint"] = self.fingerprint
        return web.json_response(body)

    async def _cluster_status(self, request: Any) -> web.Response:
        body = json.loads((await super()._cluster_status(request)).text)
        for row in body["data"]:
            if row["type"] == "node":
                row["ip"] = self.settings.host
        return web.json_response(body)

    async def _node_status(self, v: dict[str, Any], user: str) -> dict[str, Any]:
        stats, kernel = self._node_stats(True), os.uname()

        def space(total: int, used: int) -> dict[str, int]:
            return {"total": total, "used": used, "free": total - used, "avail": total - used}

        return {
            "cpu": stats["cpu"],
            "cpuinfo": {"cpus": _cores(), "cores": _cores(), "sockets": 1, "model": kernel.machine},
            "memory": space(stats["maxmem"], stats["mem"]),
            "rootfs": space(stats["maxdisk"], stats["disk"]),
            "swap": {"total": 0, "used": 0, "free": 0},
            "loadavg": [f"{load:.2f}" for load in os.getloadavg()],
            "uptime": stats["uptime"],
            "pveversion": f"pve-manager/{self.version}/homeport-lab",
            "kversion": f"Linux {kernel.release}",
            "current-kernel": {
                "sysname": kernel.sysname,
                "release": kernel.release,
                "version": kernel.version,
                "machine": kernel.machine,
            },
            "boot-info": {"mode": "efi", "secureboot": 0},
        }

    # --- network ----------------------------------------------------------------------

    async def _network(self, v: dict[str, Any], user: str) -> list[dict[str, Any]]:
        """One bridge, in the network of the lab."""
        if v.get("type", "bridge") not in ("bridge", "any_bridge", "any_local_bridge"):
            return []
        network = ipaddress.ip_network(self.settings.network)
        return [
            {
                "iface": BRIDGE,
                "type": "bridge",
                "method": "static",
                "method6": "manual",
                "families": ["inet"],
                "priority": 3,
                "active": 1,
                "autostart": 1,
                "exists": 1,
                "address": self.settings.host,
                "netmask": str(network.netmask),
                "cidr": f"{self.settings.host}/{network.prefixlen}",
                "bridge_ports": "",
                "bridge_stp": "off",
                "bridge_fd": "0",
            }
        ]

    # --- tasks ------------------------------------------------------------------------

    async def _task_list(self, request: Any) -> web.Response:
        """With all its filters, and with the total."""
        user, node = request[USER], request.match_info["node"]
        p = self._verify(request, await params(request))
        audit = self.allowed(user, f"/nodes/{node}", "Sys.Audit")
        seen = [
            record
            for record in reversed(self.tasklog)
            if record["node"] == node
            and (audit or self._task_owner(user, record))
            and _is_wanted(record, p)
        ]
        rows = [_row(self._task_view(record, True), record) for record in seen]
        start = int(p.get("start", 0))
        page = rows[start : start + int(p.get("limit", 50))]
        return web.json_response({"data": page, "total": len(rows)})

    async def _task_log(self, request: Any) -> web.Response:
        body = json.loads((await super()._task_log(request)).text)
        lines = self._get_task(request)["log"]
        if not lines:
            body["data"] = [{"n": 1, "t": "no content"}]
        return web.json_response(body | {"total": max(1, len(lines))})

    def _get_task(self, request: Any) -> Any:
        if request.match_info["upid"] not in self.tasks:
            raise param_error(upid="unable to parse worker upid")
        return super()._get_task(request)

    async def _status_action(self, request: Any) -> web.Response:
        """Stopping a VM that is not there fails in the task, not at the request."""
        node, text = request.match_info["node"], request.match_info["vmid"]
        if request.match_info["action"] == "stop" and text.isdigit() and not self.vm(int(text)):
            self.require(request[USER], f"/vms/{text}", "VM.PowerMgmt")

            async def body() -> None:
                raise PveError(
                    500, f"unable to find configuration file for VM {text} on node '{node}'"
                )

            upid = await self.task(node, "qmstop", text, request[USER], body)
            return web.json_response({"data": upid})
        answer: web.Response = await super()._status_action(request)
        return answer


def _cores() -> int:
    return os.cpu_count() or 1


def _is_wanted(record: dict[str, Any], p: dict[str, Any]) -> bool:
    running, started = record["status"] == "running", record["starttime"]
    source = p.get("source", _ARCHIVE)
    if (source == _ACTIVE and not running) or (source == _ARCHIVE and running):
        return False
    failed = not running and record["exitstatus"] not in ("OK",)
    return (
        record["id"] == str(p.get("vmid", record["id"]))
        and p.get("typefilter", record["type"]) == record["type"]
        and str(p.get("userfilter") or "") in record["user"]
        and int(p.get("since", 0)) <= started <= int(p.get("until", time.time() + 1))
        and (failed or not p.get("errors"))
    )


def _row(view: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    return view | {"status": "RUNNING"} if record["status"] == "running" else view
