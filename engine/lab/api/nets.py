"""Snapshots and backups of the lab's guests, with the guests' files in them.

A snapshot is a copy of the guest's root beside it, made while the guest's processes are held:
like that of a thin volume it is what the disk held at one moment. A backup is an archive in
`<provider>/dump`, shown as a volume of its storage; the lab cannot restore one.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

from fakepve import FakeCt, PveError, TaskError

from engine.lab.api.containers import Containers
from engine.lab.api.tasks import Body
from engine.lab.guest import power

_TAKEN = ("qmsnapshot", "vzsnapshot")
_REMOVED = ("qmdelsnapshot", "vzdelsnapshot")
_RETURNED = ("qmrollback", "vzrollback")


class Nets(Containers):
    """Mixin: what is done to snapshots is done to files."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._returning: dict[int, str] = {}
        """Guest -> the snapshot that it was asked to go back to."""

    def _routes_lab_nets(self) -> list[Any]:
        node = "/nodes/{node}"
        return [
            ("GET", node + "/qemu/{vmid}/feature", self._feature),
            ("GET", node + "/lxc/{vmid}/feature", self._feature),
            ("POST", node + "/vzdump", self._vzdump),
        ]

    # --- snapshots --------------------------------------------------------------------

    async def _feature(self, v: dict[str, Any], user: str) -> dict[str, Any]:
        vm = self.guest(int(v["vmid"]))
        if vm is None or vm.node != v["node"]:
            raise PveError(500, f"Configuration file for {v['vmid']} does not exist")
        if v["feature"] != "snapshot":
            raise PveError(501, "the lab knows no feature but snapshot")
        return {"hasFeature": int(self._can_snapshot(vm)), "nodes": [vm.node]}

    def _can_snapshot(self, vm: Any) -> bool:
        if not isinstance(vm, FakeCt):
            return bool(self._qm_can_snapshot(vm.config))
        stores = [mount["volume"].partition(":")[0] for _, mount in vm.volumes()]
        return all(self.storages[name].get("type") == "lvmthin" for name in stores)

    async def _qm_rollback(self, v: dict[str, Any], user: str) -> Any:
        return await super()._qm_rollback(self._note_return(v), user)

    async def _lxc_rollback(self, user: str, v: dict[str, Any]) -> Any:
        return await super()._lxc_rollback(user, self._note_return(v))

    def _note_return(self, v: dict[str, Any]) -> dict[str, Any]:
        if v.get("start"):
            raise PveError(501, "the lab starts no guest after a rollback: start it yourself")
        self._returning[int(v["vmid"])] = v["snapname"]
        return v

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
        work = {_TAKEN: self._snap, _REMOVED: self._unsnap, _RETURNED: self._go_back}
        for kinds, handle in work.items():
            if ttype in kinds and vm is not None:
                body = partial(handle, vm, body)
                break
        return await super().task(node, ttype, tid, user, body, vm, lock, log)

    async def _snap(self, vm: Any, record: Body) -> str | None:
        directory, before = self.guest_directory(vm), set(vm.snapshots)
        await asyncio.to_thread(_copy, directory, directory / "root", directory / "snapshot.new")
        try:
            note = await record()
        except TaskError:
            shutil.rmtree(directory / "snapshot.new", ignore_errors=True)
            raise
        (name,) = set(vm.snapshots) - before
        if (directory / "snapshot.new").exists():
            _snapshot(directory, name).parent.mkdir(exist_ok=True)
            (directory / "snapshot.new").rename(_snapshot(directory, name))
        return note

    async def _unsnap(self, vm: Any, record: Body) -> str | None:
        before = set(vm.snapshots)
        note = await record()
        for name in before - set(vm.snapshots):
            await asyncio.to_thread(power.remove, _snapshot(self.guest_directory(vm), name))
        return note

    async def _go_back(self, vm: Any, record: Body) -> str | None:
        directory, name = self.guest_directory(vm), self._returning.pop(vm.vmid)
        if name in vm.snapshots and not vm.lock and directory.exists():
            self.want(vm, False)
            await self.power_off(vm)
            await asyncio.to_thread(power.remove, directory / "root")
            await asyncio.to_thread(
                _copy, directory, _snapshot(directory, name), directory / "root"
            )
        return await record()

    # --- backups ----------------------------------------------------------------------

    async def _vzdump(self, v: dict[str, Any], user: str) -> str:
        """Of guests that are named; without a way to restore them."""
        node, storage = v["node"], v.get("storage", "local")
        ids = [int(vmid) for vmid in str(v.get("vmid") or "").split(",") if vmid]
        if not ids:
            raise PveError(501, "the lab saves only guests that are named")
        store = self._active_store(storage, node)
        if "backup" not in str(store.get("content")).split(","):
            raise PveError(500, f"storage '{storage}' does not support backups")
        self.require(user, f"/storage/{storage}", "Datastore.AllocateSpace")
        log: list[str] = []

        async def body() -> str | None:
            for vmid in ids:
                try:
                    await self._save_guest(vmid, storage, v, user)
                    log.append(f"INFO: Finished Backup of VM {vmid}")
                except PveError as error:
                    if len(ids) == 1:
                        raise TaskError(f"{error.status} {error.message}") from error
                    log.append(f"ERROR: Backup of VM {vmid} failed - {error.message}")
            if any(line.startswith("ERROR") for line in log):
                raise TaskError("job errors")
            return "\n".join(log)

        name = ids[0] if len(ids) == 1 else ""
        return await self.task(node, "vzdump", name, user, body, log=["INFO: starting new backup"])

    async def _save_guest(self, vmid: int, storage: str, v: dict[str, Any], user: str) -> None:
        self.require(user, f"/vms/{vmid}", "VM.Backup")
        vm = self.guest(vmid)
        if vm is None or vm.node != v["node"]:
            raise PveError(500, f"unable to find VM '{vmid}'")
        if vm.lock:
            raise PveError(500, f"VM is locked ({vm.lock})")
        kind = "lxc" if isinstance(vm, FakeCt) else "qemu"
        stamp = time.strftime("%Y_%m_%d-%H_%M_%S")
        name = f"vzdump-{kind}-{vmid}-{stamp}.{'tar' if kind == 'lxc' else 'vma'}.zst"
        archive = self.settings.directory / "dump" / name
        self._qm_lock(vm, "backup")
        try:
            await asyncio.to_thread(_archive, self.guest_directory(vm), archive)
        finally:
            self._qm_lock(vm, None)
        size = archive.stat().st_size
        if size > self.free_space(storage):
            archive.unlink()
            raise PveError(500, f"unable to write to storage '{storage}': No space left on device")
        words = {"guestname": vm.name, "node": vm.node, "vmid": str(vmid)}
        notes = str(v.get("notes-template") or "")
        for word, value in words.items():
            notes = notes.replace("{{" + word + "}}", value)
        store = self.storages[storage]
        store.setdefault("volumes", {})[f"backup/{name}"] = {
            "content": "backup",
            "format": name.partition(".")[2],
            "subtype": kind,
            "size": size,
            "vmid": vmid,
            "ctime": int(time.time()),
            "notes": notes,
        }
        if "avail" in store:
            store["avail"] -= size

    async def _content_delete(self, v: dict[str, Any], user: str) -> Any:
        """A backup's file goes, too; and with Datastore.Allocate also that of a guest that is
        gone, on whose path nobody has rights any more."""
        storage, name, volume, store, kind, owner, _ = self._volume_target(v)
        if kind != "backup":
            return await super()._content_delete(v, user)
        if not self.allowed(user, f"/storage/{storage}", "Datastore.Allocate"):
            self.require(user, f"/storage/{storage}", "Datastore.AllocateSpace")
            self.require(user, f"/vms/{owner}", "VM.Backup")

        async def body() -> str:
            record = store.get("volumes", {}).pop(name, None)
            if record is not None and "avail" in store:
                store["avail"] += int(record["size"])
            (self.settings.directory / "dump" / name.rpartition("/")[2]).unlink(missing_ok=True)
            return f"Removed volume '{volume}'"

        return await self.task(v["node"], "imgdel", f"{owner}@{storage}", user, body)


def _snapshot(directory: Path, name: str) -> Path:
    return directory / "snapshots" / name


def _copy(directory: Path, source: Path, target: Path) -> None:
    """The files of a guest, as they are at one moment; nothing for one that was never started."""
    power.remove(target)
    if not source.exists():
        return
    with power.held(directory):
        done = subprocess.run(
            ["cp", "-a", "--reflink=auto", "--", str(source), str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise TaskError(f"snapshot failed: {done.stderr.strip()[-300:]}")


def _archive(directory: Path, archive: Path) -> None:
    archive.parent.mkdir(mode=0o700, exist_ok=True)
    root = directory / "root"
    root.mkdir(parents=True, exist_ok=True)
    with power.held(directory):
        done = subprocess.run(
            ["tar", "-C", str(root), "-cf", str(archive), "."],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise TaskError(f"backup failed: {done.stderr.strip()[-300:]}")
