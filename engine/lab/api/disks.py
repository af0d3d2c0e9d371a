"""Disks of VMs: imported images, cloud-init drives, growth, and the space all of them take."""

from __future__ import annotations

import re
import time
from typing import Any

from fakepve import PveError, TaskError, schema
from fakepve.lxc import format_size
from fakepve.qemu import DRIVE_KEY, NEW_DISK, join_drive, split_drive, volume_ref
from fakepve.routing import param_error

from engine.lab.api import cloudinit
from engine.lab.api.actions import Actions

_CLOUD_INIT_BYTES = 4 * 1024**2
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


class Disks(Actions):
    """Mixin over fakepve's storages."""

    def _routes_lab_disks(self) -> list[Any]:
        one = "/nodes/{node}/qemu/{vmid}"
        return [
            ("PUT", one + "/resize", self._resize),
            ("PUT", one + "/cloudinit", self._cloud_init_renew),
            ("GET", one + "/cloudinit", self._cloud_init_pending),
        ]

    def free_space(self, storage: str) -> int:
        """Bytes that can still be allocated on a storage."""
        return int(self._space(self._store(storage))[2])

    def _qm_alloc(self, sid: str, vmid: int, fmt: Any, size: int, linked_from: Any = None) -> Any:
        if size > self.free_space(sid):
            raise PveError(500, f"unable to write to storage '{sid}': No space left on device")
        made = super()._qm_alloc(sid, vmid, fmt, size, linked_from)
        if linked_from:
            self._qm_volume(made[0])["base"] = f"{sid}:{linked_from.rpartition('/')[2]}"
        return made

    # --- new drives -------------------------------------------------------------------

    def _qm_check_drive(
        self, user: str, vmid: int, pool: str | None, key: str, value: str, default: str | None
    ) -> None:
        super()._qm_check_drive(user, vmid, pool, key, value, default)
        source = split_drive(value)[1].get("import-from")
        if source is None:
            return
        storage, name = volume_ref(source)
        if storage is None:
            if user != "root@pam":
                raise PveError(403, "Only root can pass arbitrary filesystem paths.")
            raise PveError(500, f"no such file '{source}'")
        kind, owner, _ = self._parse_volname(self._store(storage), name)
        self._check_access(user, storage, kind, owner, source)

    def _qm_new_drive(
        self, vmid: int, key: str, value: str, default: str | None
    ) -> tuple[str, list[str]]:
        volume, props = split_drive(value)
        if volume.endswith(":cloudinit"):
            return self._cloud_init_drive(vmid, volume_ref(volume)[0], props)
        source = props.pop("import-from", None)
        if source is None or not (found := NEW_DISK.match(volume)):
            result: tuple[str, list[str]] = super()._qm_new_drive(vmid, key, value, default)
            return result
        storage, name = volume_ref(source)
        image = self._volumes(storage).get(name)
        if image is None:
            raise TaskError(f"volume '{source}' does not exist")
        size = int(image.get("disk") or image.get("size") or 0)
        volid, _ = self._qm_alloc(
            str(found.group(1) or default), vmid, props.pop("format", None), size
        )
        return join_drive(volid, props | {"size": format_size(size)}), [volid]

    def _cloud_init_drive(
        self, vmid: int, storage: str, props: dict[str, str]
    ) -> tuple[str, list[str]]:
        store = self._store(storage)
        name = f"vm-{vmid}-cloudinit"
        if name in store.setdefault("volumes", {}):
            raise PveError(500, f'Logical Volume "{name}" already exists')
        store["volumes"][name] = {
            "content": "images",
            "format": "raw",
            "size": _CLOUD_INIT_BYTES,
            "vmid": vmid,
            "ctime": int(time.time()),
        }
        if "avail" in store:
            store["avail"] -= _CLOUD_INIT_BYTES
        volid = f"{storage}:{name}"
        return join_drive(volid, props | {"media": "cdrom", "size": "4M"}), [volid]

    # --- changes to an existing VM ----------------------------------------------------

    async def _apply_config(self, vm: Any, user: str, p: dict[str, Any]) -> None:
        updates = dict(p)
        names = [n for n in str(updates.get("delete") or "").replace(";", ",").split(",") if n]
        for name in names:
            if not self._is_option(name):
                raise PveError(
                    400, "Parameter verification failed.", {"delete": f"unknown option '{name}'"}
                )
        made: list[str] = []
        for key in sorted(key for key in updates if DRIVE_KEY.match(key)):
            volume = split_drive(str(updates[key]))[0]
            if volume == split_drive(str(vm.config.get(key, "")))[0]:
                continue  # options of the drive change, not the drive
            self._qm_check_drive(user, vm.vmid, None, key, str(updates[key]), None)
            try:
                updates[key], volumes = self._qm_new_drive(vm.vmid, key, str(updates[key]), None)
            except TaskError as error:
                raise PveError(500, str(error)) from error
            made += volumes
        before, lock = dict(vm.config), vm.lock
        if updates.get("skiplock"):
            if user != "root@pam":
                raise param_error(skiplock="Only root may use this option.")
            vm.lock = None
        try:
            cloudinit.check(updates)
            await super()._apply_config(vm, user, updates)
        except PveError:
            vm.lock = lock
            for volid in made:
                self._qm_free(volid)
            raise
        vm.lock = vm.config.get("lock")
        self._keep_detached(vm, before)

    def _is_option(self, name: str) -> bool:
        parameters = schema.load().paths["/nodes/{node}/qemu/{vmid}/config"]["PUT"]["parameters"]
        found = schema.validate(parameters, {name: ""})[1].get(name, "")
        return "not defined in schema" not in found

    def _keep_detached(self, vm: Any, before: dict[str, Any]) -> None:
        """A disk that a VM no longer uses stays, as `unusedN`; a cloud-init drive goes."""
        for key, value in before.items():
            if not DRIVE_KEY.match(key):
                continue
            volume, props = split_drive(str(value))
            used = {split_drive(str(other))[0] for other in vm.config.values()}
            if volume in used or volume_ref(volume)[0] is None:
                continue
            if props.get("media") == "cdrom":
                if "cloudinit" in volume:
                    self._qm_free(volume)
                continue
            number = next(n for n in range(256) if f"unused{n}" not in vm.config)
            vm.config[f"unused{number}"] = volume

    async def _resize(self, v: dict[str, Any], user: str) -> str:
        vm = self.find(v["node"], v["vmid"])
        self._check_lock(vm)
        key = v["disk"]
        if key not in vm.config:
            raise PveError(500, f"disk '{key}' does not exist")
        volume, props = split_drive(str(vm.config[key]))
        record = self._qm_volume(volume)
        if record is None or props.get("media") == "cdrom":
            raise PveError(500, "you can't resize a cdrom")
        storage = volume_ref(volume)[0]
        self.require(user, f"/storage/{storage}", "Datastore.AllocateSpace")
        found = re.fullmatch(r"(\+?)(\d+(?:\.\d+)?)([KMGT]?)", v["size"])
        assert found, "the schema has checked it"
        wanted = int(float(found.group(2)) * _UNITS[found.group(3)])

        async def body() -> None:
            size = int(record["size"]) + wanted if found.group(1) else wanted
            if size < int(record["size"]):
                raise TaskError("shrinking disks is not supported")
            store = self.storages[storage]
            grown = size - int(record["size"])
            if grown > self.free_space(storage):
                raise TaskError(f"unable to write to storage '{storage}': No space left on device")
            if "avail" in store:
                store["avail"] -= grown
            record["size"] = size
            vm.config[key] = join_drive(volume, props | {"size": format_size(size)})

        return await self.task(vm.node, "resize", vm.vmid, user, body, vm=vm)

    # --- clones -----------------------------------------------------------------------

    async def _qm_clone(self, v: dict[str, Any], user: str) -> str:
        """As fakepve; and the clone gets a cloud-init drive of its own.

        A guest's files name their own place in the lab, so a copy of them could not live
        elsewhere: only what has never run (a template made from an image) can be cloned.
        """
        source = self.vm(int(v["vmid"]))
        if source is not None and self.guest_directory(source).exists():
            raise PveError(500, "the lab cannot clone a guest that has run")
        upid = str(await super()._qm_clone(v, user))
        clone = self.vm(int(v["newid"]))
        for key, value in list(clone.config.items()) if clone is not None else ():
            volume, props = split_drive(str(value))
            if DRIVE_KEY.match(key) and "cloudinit" in volume:
                storage = volume_ref(volume)[0]
                clone.config[key] = self._cloud_init_drive(int(v["newid"]), storage, props)[0]
        return upid

    async def _qm_destroy(self, v: dict[str, Any], user: str) -> str:
        """A template stays while linked clones stand on its disks."""
        vm = self.find(v["node"], v["vmid"])
        stores = self.storages.values()
        linked = {volume.get("base") for s in stores for volume in s.get("volumes", {}).values()}
        used = linked & {split_drive(str(value))[0] for value in vm.config.values()}
        if not used:
            return await super()._qm_destroy(v, user)

        async def fail() -> None:
            raise TaskError(f"base volume '{min(used)}' is still in use by linked cloned")

        return await self.task(vm.node, "qmdestroy", vm.vmid, user, fail, vm=vm)

    # --- cloud-init -------------------------------------------------------------------

    async def _cloud_init_renew(self, v: dict[str, Any], user: str) -> None:
        """The drive is made anew at every start anyway."""
        self._check_lock(self.find(v["node"], v["vmid"]))

    async def _cloud_init_pending(self, v: dict[str, Any], user: str) -> list[Any]:
        self.find(v["node"], v["vmid"])
        return []
