"""LXC containers of the lab: fakepve's records and checks, with the same guests behind them.

A container has no cloud-init and no agent. Its network and name come from its configuration,
and the keys that were given at its creation go into root's `authorized_keys` and nowhere else,
so that nobody can read them back from the API.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fakepve import FakeCt, PveError, TaskError
from fakepve.lxc import NEW_DISK, parse_mount, parse_size, split_props

from engine.lab.api import cloudinit
from engine.lab.api.disks import Disks
from engine.lab.guest import power
from engine.lab.guest.boot import Boot

TEMPLATE = "debian-12-standard_12.12-1_amd64.tar.zst"
_TEMPLATE_BYTES = 126_129_049
_ROOT_GIB = 4.0
"""Size of a root file system for which no size is given, as on Proxmox VE."""
_NOT_IN_THE_LAB = "is not something the lab's containers can do"


class Containers(Disks):
    """Mixin: containers that live."""

    def _routes_lab_containers(self) -> list[Any]:
        return [
            ("GET", "/nodes/{node}/aplinfo", self._templates_offered),
            ("POST", "/nodes/{node}/aplinfo", self._template_fetch),
        ]

    # --- creation and removal ---------------------------------------------------------

    async def _lxc_create(self, user: str, v: dict[str, Any]) -> Any:
        if v.get("restore"):
            raise PveError(501, f"restoring a backup {_NOT_IN_THE_LAB}")
        keys = str(v.get("ssh-public-keys") or "")
        cloudinit.check_keys(keys)
        root = parse_mount(str(v.get("rootfs") or f"{v.get('storage') or 'local'}:{_ROOT_GIB}"))
        found = NEW_DISK.match(root["volume"])
        if found and found.group(1) in self.storages:
            wanted = int(float(found.group(2)) * 1024**3)
            if wanted > self.free_space(found.group(1)):
                raise PveError(
                    500,
                    f"unable to create CT {v['vmid']} - unable to write to storage "
                    f"'{found.group(1)}': No space left on device",
                )
        upid = await super()._lxc_create(user, v)
        if (container := self.ct(int(v["vmid"]))) is not None:
            life = self.life(container)
            life.made_at = time.time()
            life.ssh_public_keys = keys
        return upid

    def _realise(
        self, vmid: int, key: str, value: Any, taken: set[str], default_storage: Any = None
    ) -> str:
        """A new volume is one of its storage, too, and takes up space there."""
        text = str(super()._realise(vmid, key, value, taken, default_storage))
        if NEW_DISK.match(parse_mount(value).get("volume", "")):
            mount = parse_mount(text)
            storage, _, name = mount["volume"].partition(":")
            size = parse_size(mount["size"]) or 0
            store = self.storages[storage]
            store.setdefault("volumes", {})[name] = {
                "content": "rootdir",
                "format": "raw",
                "size": size,
                "vmid": vmid,
                "ctime": int(time.time()),
            }
            if "avail" in store:
                store["avail"] -= size
        return text

    def _drop(self, ct: FakeCt) -> None:
        super()._drop(ct)
        self.unmake(ct)

    async def _lxc_destroy(self, user: str, v: dict[str, Any]) -> Any:
        """The guest's files go first; fakepve's own task then forgets container and volumes."""
        ct, directory = self._find_ct(v["node"], v["vmid"]), None
        if not ct.lock and (ct.status != "running" or v.get("force")):
            self._check_protection(ct, f"can't remove CT {ct.vmid}")
            directory = self.guest_directory(ct)
        if directory is not None and directory.exists():
            await asyncio.to_thread(power.destroy, directory)
        return await super()._lxc_destroy(user, v)

    async def _ct_task(self, ct: FakeCt, ttype: str, user: str, body: Any, **kwargs: Any) -> Any:
        if ttype != "resize":
            return await super()._ct_task(ct, ttype, user, body, **kwargs)

        async def resize() -> None:
            before = dict(ct.config)
            await body()
            try:
                self._account(ct)
            except TaskError:
                ct.config = before
                raise

        return await super()._ct_task(ct, ttype, user, resize, **kwargs)

    def _account(self, ct: FakeCt) -> None:
        """What its volumes have grown by is taken from their storages."""
        for _, mount in ct.volumes():
            storage, _, name = mount["volume"].partition(":")
            store = self.storages[storage]
            record = store.get("volumes", {}).get(name)
            size = parse_size(mount.get("size", "")) or 0
            if record is None or size == int(record["size"]):
                continue
            grown = size - int(record["size"])
            if grown > self.free_space(storage):
                raise TaskError(f"unable to write to storage '{storage}': No space left on device")
            if "avail" in store:
                store["avail"] -= grown
            record["size"] = size

    # --- power ------------------------------------------------------------------------

    async def _start_steps(self, ct: FakeCt, user: str, skiplock: bool = False) -> None:
        self._need_memory(ct)
        self._need_bridge(ct)
        await super()._start_steps(ct, user, skiplock)
        ct.status = "stopped"
        self.want(ct, True)
        try:
            await self.power_on(ct)
        except TaskError:
            self.want(ct, False)
            raise

    async def _lxc_stop(self, user: str, v: dict[str, Any]) -> Any:
        skiplock = self._skiplock(user, v)
        ct = self._here(v)
        self._ct_running(ct, f"CT {v['vmid']} not running")

        async def body() -> None:
            if not skiplock:
                self._task_lock(ct, allow=("mounted",))
            self.want(ct, False)
            await self.power_off(ct)

        return await self._ct_task(ct, "vzstop", user, body)

    async def _ct_powerdown(self, ct: FakeCt, timeout: Any, force: bool) -> None:
        self.want(ct, False)
        if await self.power_off(ct, float(timeout)):
            return
        if not force:
            raise TaskError("container did not stop")
        await self.power_off(ct)

    async def _lxc_suspend(self, user: str, v: dict[str, Any]) -> Any:
        raise PveError(501, f"this {_NOT_IN_THE_LAB}")

    _lxc_resume = _lxc_clone = _lxc_template = _lxc_migrate = _lxc_suspend

    def _boot(self, vm: Any) -> Boot:
        """From the container's own configuration; its user is root."""
        if not isinstance(vm, FakeCt):
            return super()._boot(vm)
        net = split_props(vm.config.get("net0", ""))[1]
        address = net.get("ip", "")
        return Boot(
            mark=f"{self.identity}/{vm.vmid}",
            vmid=vm.vmid,
            hostname=vm.name,
            address=self.in_network(address) if "/" in address else None,
            gateway=net.get("gw"),
            mac=net.get("hwaddr", "").lower(),
            user="root",
            ssh_public_keys=tuple(self.life(vm).ssh_public_keys.splitlines()),
            nameservers=tuple(str(vm.config.get("nameserver", "")).replace(",", " ").split()),
            search_domain=str(vm.config.get("searchdomain", "")),
            cache=str(self.settings.cache),
            bridge=self.settings.bridge,
            proxy=self.settings.proxy,
        )

    # --- templates --------------------------------------------------------------------

    async def _templates_offered(self, v: dict[str, Any], user: str) -> list[dict[str, Any]]:
        """The list that `pveam update` fetches; the lab's has one template."""
        name, version = TEMPLATE.partition("_")[0], TEMPLATE.split("_")[1]
        return [
            {
                "package": name,
                "version": version,
                "os": "debian-12",
                "section": "system",
                "type": "lxc",
                "template": TEMPLATE,
                "headline": "Debian 12 Bookworm (standard)",
                "location": f"http://download.proxmox.com/images/system/{TEMPLATE}",
            }
        ]

    async def _template_fetch(self, v: dict[str, Any], user: str) -> Any:
        storage, template = v["storage"], v["template"]
        self.require(user, f"/storage/{storage}", "Datastore.AllocateTemplate")
        if template != TEMPLATE:
            raise PveError(400, "Parameter verification failed.", {"template": "no such template"})
        store = self._active_store(storage, v["node"])
        if "vztmpl" not in str(store.get("content")).split(","):
            raise PveError(500, f"storage '{storage}' does not support templates")

        async def body() -> None:
            store.setdefault("volumes", {})[f"vztmpl/{template}"] = {
                "content": "vztmpl",
                "format": "tzst",
                "size": _TEMPLATE_BYTES,
                "ctime": int(time.time()),
            }

        return await self.task(v["node"], "download", "", user, body)
