"""VMs that live: their guests are started, watched, ended, and found again after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakepve import TaskError

from engine.lab.api.settings import Settings
from engine.lab.api.tasks import Tasks
from engine.lab.guest import power
from engine.lab.guest.boot import Boot

_STATS_SECONDS = 2.0
"""How long a new VM is a row with status "unknown" in /cluster/resources (PVE: about 10 s)."""


@dataclass
class Life:
    """What a VM has beyond fakepve's record of it."""

    wanted: bool = False
    """Should it run? What should and does not is started again by the next `lab up`."""
    made_at: float = field(default_factory=time.time)
    init: power.Init | None = None
    """The init whose end is news: nobody here has ordered it."""
    foreign: bool = False
    """Somebody else's, made by a fault."""
    ssh_public_keys: str = ""
    """Of a container: what goes into root's `authorized_keys`, as it was given."""
    fault_lock: str = ""
    """Its lock comes from a fault, and goes with it."""


class Machines(Tasks):
    """Mixin: VMs that live."""

    settings: Settings
    identity: str
    """What tells this provider's guests from those of every other on the machine."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lives: dict[int, Life] = {}

    def life(self, vm: Any) -> Life:
        return self.lives.setdefault(vm.vmid, Life())

    def machines(self) -> list[Any]:
        """VMs and containers."""
        return [*self.vms, *self.cts]

    def guest_directory(self, vm: Any) -> Path:
        return self.settings.guests / str(vm.vmid)

    def unmake(self, vm: Any) -> None:
        super().unmake(vm)
        self.lives.pop(vm.vmid, None)

    # --- power ------------------------------------------------------------------------

    def want(self, vm: Any, running: bool) -> None:
        """Note what is about to be done, so that `repair` can finish it after a crash."""
        self.life(vm).wanted = running
        self.changed()

    async def power_on(self, vm: Any) -> None:
        """Start the guest of a VM, or adopt the one that runs. TaskError says why not."""
        directory = self.guest_directory(vm)
        boot = self._boot(vm)
        try:
            init = await asyncio.to_thread(power.start, directory, boot)
        except power.StartFailed as error:
            raise TaskError(f"start failed: {error}") from error
        vm.status = vm.qmpstatus = "running"
        vm.started_at = time.time()
        self._watch(vm, init)

    async def power_off(self, vm: Any, seconds: float | None = None) -> bool:
        """End the guest: at once, or in order within `seconds` (False: it goes on)."""
        directory, life = self.guest_directory(vm), self.life(vm)
        init, life.init = life.init, None
        if seconds is None:
            ended = await asyncio.to_thread(power.kill, directory)
            if not ended:
                raise TaskError(f"VM {vm.vmid} quit/powerdown failed - processes are left")
        elif not await asyncio.to_thread(power.shutdown, directory, seconds):
            if init is not None:
                self._watch(vm, init)
            return False
        vm.status = vm.qmpstatus = "stopped"
        vm.started_at = None
        return True

    def _watch(self, vm: Any, init: power.Init) -> None:
        """Learn of the guest's end from the kernel, whoever ends it."""
        loop = asyncio.get_running_loop()
        self.life(vm).init = init
        try:
            descriptor = os.pidfd_open(init.pid)
        except ProcessLookupError:
            loop.call_soon(self._ended, vm, init)
            return

        def end() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self._ended(vm, init)

        loop.add_reader(descriptor, end)

    def _ended(self, vm: Any, init: power.Init) -> None:
        with contextlib.suppress(ChildProcessError):  # an earlier API's child
            os.waitpid(init.pid, os.WNOHANG)
        if vm.status != "running" or self.life(vm).init != init:
            return  # its end was ordered here
        if not (self.guest_directory(vm) / "init.json").exists():
            self.life(vm).wanted = False  # powered off from inside; a crashed init leaves the file
        vm.status = vm.qmpstatus = "stopped"
        vm.started_at = None
        self.changed()

    async def repair(self) -> None:
        """Adopt the guests that run; start those that should run and do not."""

        async def mend(vm: Any) -> None:
            init = power.running(self.guest_directory(vm))
            if init is not None and self.life(vm).wanted:
                power.go_on(self.guest_directory(vm))
                if vm.status != "running" or vm.started_at is None:
                    vm.started_at = time.time()
                vm.status = vm.qmpstatus = "running"
                if self.life(vm).init != init:
                    self._watch(vm, init)
                return
            if not self.life(vm).wanted:
                await self.power_off(vm)  # also what a crashed init left running
                return
            vm.status = vm.qmpstatus = "stopped"
            if not vm.lock:
                kind = "qmstart" if vm in self.vms else "vzstart"
                await self.task(
                    vm.node, kind, vm.vmid, "root@pam", lambda: self._boot_up(vm), vm=vm
                )

        await asyncio.gather(*(mend(vm) for vm in self.machines()))
        await asyncio.gather(*self.workers.values())
        self.changed()

    async def _boot_up(self, vm: Any) -> None:
        await self.power_on(vm)

    def _boot(self, vm: Any) -> Boot:
        """What cloud-init tells the guest; nothing without a cloud-init drive."""
        has_drive = any("cloudinit" in str(value) for value in vm.config.values())
        config = vm.config if has_drive else {}
        address, gateway = _ip_config(str(config.get("ipconfig0", "")))
        keys = urllib.parse.unquote(str(config.get("sshkeys", ""))).splitlines()
        return Boot(
            mark=f"{self.identity}/{vm.vmid}",
            vmid=vm.vmid,
            hostname=vm.name,
            address=self.in_network(address) if address else None,
            gateway=gateway,
            mac=_mac(str(vm.config.get("net0", ""))),
            user=str(config.get("ciuser", "debian")),
            ssh_public_keys=tuple(key.strip() for key in keys if key.strip()),
            nameservers=tuple(str(config.get("nameserver", "")).replace(",", " ").split()),
            search_domain=str(config.get("searchdomain", "")),
            cache=str(self.settings.cache),
            bridge=self.settings.bridge,
            proxy=self.settings.proxy,
        )

    def in_network(self, address: str) -> str:
        """The address (with prefix length), where the lab's guests may have it; TaskError."""
        networks = (ipaddress.ip_network(self.settings.network), self.settings.network6)
        if not any(ipaddress.ip_interface(address).ip in network for network in networks):
            raise TaskError(f"start failed: {address} is not in the lab's network {networks[0]}")
        return address

    def node_memory(self) -> int:
        """Bytes of memory that the node has for its guests."""
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    # --- destroy, and what is shown ---------------------------------------------------

    async def _qm_destroy(self, v: dict[str, Any], user: str) -> str:
        """The guest's files go first; fakepve's own task then forgets VM and disks."""
        vm = self.find(v["node"], v["vmid"])
        if (self.guest_directory(vm)).exists() and vm.status != "running" and not vm.lock:
            self._qm_check_protection(vm, f"can't remove VM {vm.vmid}")
            await asyncio.to_thread(power.destroy, self.guest_directory(vm))
        upid = str(await super()._qm_destroy(v, user))
        self.lives.pop(vm.vmid, None)
        return upid

    def _vm_usage(self, vm: Any) -> dict[str, Any]:
        usage: dict[str, Any] = super()._vm_usage(vm)
        return usage | {"netin": 0, "netout": 0}

    async def _resources(self, request: Any) -> Any:
        """pvestatd's view: a new VM has no name and no figures until its next tick."""
        response = await super()._resources(request)
        body = json.loads(response.text)
        new = {
            vm.vmid
            for vm in self.machines()
            if time.time() - self.life(vm).made_at < _STATS_SECONDS
        }
        kept = ("id", "type", "node", "vmid", "template", "tags", "lock", "pool", "status")
        body["data"] = [
            {key: row[key] for key in kept if key in row} | {"status": "unknown"}
            if row["type"] in ("qemu", "lxc") and row["vmid"] in new
            else row
            for row in body["data"]
        ]
        response.text = json.dumps(body)
        return response


def _ip_config(text: str) -> tuple[str | None, str | None]:
    fields = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    address, gateway = fields.get("ip", ""), fields.get("gw")
    if "/" not in address:
        address, gateway = fields.get("ip6", ""), fields.get("gw6")
    return (address, gateway) if "/" in address else (None, gateway)


def _mac(net: str) -> str:
    for part in net.split(","):
        value = part.partition("=")[2]
        if value.count(":") == 5:
            return value.lower()
    return ""
