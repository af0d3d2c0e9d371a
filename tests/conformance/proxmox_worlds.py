"""Places with a Proxmox VE API for the hypervisor's conformance suite.

A world is a server that answers over TLS, and the hands of its administrator: who can look
at everything, and make the trouble that the suite asks for.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from fakepve import FakePve, FakeVm, TaskError
from fakepve.certs import make_cert
from fakepve.lxc import format_size
from fakepve.qemu import join_drive, split_drive, volume_ref

from engine.backends.tls import fingerprint_of

GIB = 1024**3
TEMPLATE = "debian-12-standard_12.12-1_amd64.tar.zst"
IMAGE = "local:import/debian-12-generic-amd64.qcow2"
TOKEN_ID = "homeport@pve!homeport"
HOST_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3dC3lQmPSvBQm0ZkP7sHxgWrjJPjM2b2bGdQd3rYwA root@guest"
)
RIGHTS = {
    "/pool/homeport": (
        "VM.Allocate VM.Audit VM.Clone VM.PowerMgmt VM.Config.Options VM.Config.CPU "
        "VM.Config.Memory VM.Config.HWType VM.Config.Disk VM.Config.CDROM VM.Config.Network "
        "VM.Config.Cloudinit VM.GuestAgent.Audit VM.GuestAgent.FileRead Pool.Audit"
    ),
    "/storage/local-lvm": "Datastore.AllocateSpace Datastore.Audit",
    "/storage/local": "Datastore.Audit",
    "/sdn/zones/localnetwork/vmbr0": "SDN.Use",
}


class World(Protocol):
    """What the suite asks of a place. Ids are those of guests; times are seconds."""

    name: str
    token: str
    kind: Literal["vm", "lxc"]
    """Of the guests that its settings ask for."""
    network: str
    """First three numbers of the addresses that guests may have."""

    def settings(self) -> dict[str, Any]: ...

    def guests(self) -> dict[int, dict[str, Any]]:
        """Every guest's configuration, by id, as its administrator sees it."""

    def volumes(self) -> set[str]:
        """Names of the disks that exist."""

    def add_foreign(self, vmid: int, **config: str) -> None: ...

    def remove_foreign(self, vmid: int) -> None: ...

    def add_template(self, vmid: int) -> None:
        """A template with a disk of 3 GiB and a cloud-init drive, in the pool."""

    def lock(self, vmid: int, lock: str) -> None:
        """Set a guest's lock, or clear it with an empty one."""

    def revoke(self, path: str, privilege: str) -> None: ...

    def leave_free(self, storage: str, free: int) -> None:
        """Let a storage have this many bytes left."""

    def fail_tasks(self, kind: str, message: str) -> None:
        """Tasks of this kind end with this error; an empty message: as usual again."""


class _Double(FakePve):  # type: ignore[misc]
    """fakepve, plus what a guest's creation needs: imported images and resizing."""

    creation_takes = 0.0
    at_once = most_at_once = 0
    """Tasks that work on disks."""
    task_errors: dict[str, str]

    def _qm_new_drive(self, vmid: int, key: str, value: str, default: str | None) -> Any:
        volume, props = split_drive(value)
        source = props.pop("import-from", None)
        if source is None:
            return super()._qm_new_drive(vmid, key, value, default)
        storage, name = volume_ref(source)
        image = self.storages[storage]["volumes"][name]
        volid, _ = self._qm_alloc(volume_ref(volume)[0], vmid, None, image["disk"])
        return join_drive(volid, {**props, "size": format_size(image["disk"])}), [volid]

    async def _qm_clone(self, v: dict[str, Any], user: str) -> str:
        """A clone has a cloud-init drive of its own, as on Proxmox VE."""
        upid = str(await super()._qm_clone(v, user))
        clone = self.vm(int(v["newid"]))
        for key, value in clone.config.items():
            if "cloudinit" in str(value):
                storage, name = volume_ref(split_drive(value)[0])
                own = f"vm-{clone.vmid}-cloudinit"
                volumes = self.storages[storage]["volumes"]
                volumes[own] = {**volumes[name], "vmid": clone.vmid}
                clone.config[key] = f"{storage}:{own},media=cdrom"
        return upid

    def _routes_resize(self) -> list[Any]:
        return [("PUT", "/nodes/{node}/qemu/{vmid}/resize", self._resize)]

    async def _resize(self, v: dict[str, Any], user: str) -> str:
        vm = self.find(v["node"], v["vmid"])

        async def body() -> None:
            volume, props = split_drive(vm.config[v["disk"]])
            vm.config[v["disk"]] = join_drive(volume, {**props, "size": v["size"]})

        return str(await self.task(vm.node, "resize", vm.vmid, user, body, vm=vm))

    async def ceph_io(self, vm: FakeVm, keys: Any = None) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.creation_takes if vm.lock in ("create", "clone") else 0)
        self.at_once -= 1

    async def task(self, node: str, ttype: str, tid: Any, user: str, body: Any, **kw: Any) -> str:
        message = self.task_errors.get(ttype)

        async def failing() -> None:
            raise TaskError(message)

        return str(await super().task(node, ttype, tid, user, failing if message else body, **kw))


class FakeWorld:
    """fakepve in a thread of this process."""

    name = "fakepve"
    token = "0b1c5a52-9c3a-4a5e-8d0f-canary-token"
    network = "10.80.1"

    def __init__(self, directory: Path) -> None:
        self.kind: Literal["vm", "lxc"] = "vm"
        certificate, key, der = make_cert(str(directory), hosts=("127.0.0.1",))
        self.ca_pem = ssl.DER_cert_to_PEM_cert(der)
        self.fingerprint = fingerprint_of(der)
        self.pve = _Double(host="127.0.0.1", port=0)
        self.pve.time_scale = 0.001
        self.pve.task_errors = {}
        self.pve.apitokens[TOKEN_ID] = self.token
        self.pve.pools["homeport"] = set()
        self.pve.storages["local"]["content"] = "iso,vztmpl,import,backup"
        self.pve.storages["local"]["volumes"] = {
            IMAGE.partition(":")[2]: {"content": "import", "size": GIB, "disk": 3 * GIB},
            f"vztmpl/{TEMPLATE}": {"content": "vztmpl", "size": GIB},
        }
        self.pve.storages["local-lvm"]["avail"] = 100 * GIB
        self.grant()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self.pve.start(certificate, key))

    def close(self) -> None:
        self._run(self.pve.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def grant(self) -> None:
        self.pve.acl = {}
        for path, privileges in RIGHTS.items():
            self.pve.grant(TOKEN_ID, path, *privileges.split())

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.pve.port}"

    def settings(self) -> dict[str, Any]:
        return {
            "hosts": [self.address],
            "token_id": TOKEN_ID,
            "token_ref": "secret:providers/test/hypervisor-token",
            "ca_pem": self.ca_pem,
            "storage": "local-lvm",
            "image": IMAGE,
            "guests": self.kind,
            "container_template": "local:vztmpl/debian-12-standard",
            "bridge": "vmbr0",
            "pool": "homeport",
            "vmid_first": 9000,
            "vmid_last": 9020,
            "agent_seconds": 1,
        }

    def guests(self) -> dict[int, dict[str, Any]]:
        guests = [*self.pve.vms, *self.pve.cts]
        return {guest.vmid: {**guest.config, "status": guest.status} for guest in guests}

    def volumes(self) -> set[str]:
        return set(self.pve.storages["local-lvm"].get("volumes", {}))

    def add_foreign(self, vmid: int, **config: str) -> None:
        pool = config.pop("pool", "")
        self.pve.add_vm(vmid, config.get("name", "foreign"), config=dict(config))
        if pool:
            self.pve._pool_join(pool, vmid)

    def remove_foreign(self, vmid: int) -> None:
        if (container := self.pve.ct(vmid)) is not None:
            self.pve._drop(container)
            return
        self.pve.vms.remove(self.pve.vm(vmid))
        self.pve._pool_leave(vmid)

    def lock(self, vmid: int, lock: str) -> None:
        if lock:
            self.pve.snapshot_lock(vmid, lock)
        else:
            self.pve.unlock(vmid)

    def revoke(self, path: str, privilege: str) -> None:
        self.pve.acl[TOKEN_ID] = [
            (place, privileges - {privilege} if place == path else privileges)
            for place, privileges in self.pve.acl[TOKEN_ID]
        ]

    def leave_free(self, storage: str, free: int) -> None:
        self.pve.storages[storage]["avail"] = free

    def fail_tasks(self, kind: str, message: str) -> None:
        self.pve.task_errors = {kind: message} if message else {}

    def give_agent(self, vmid: int, files: dict[str, str] | None = None) -> None:
        self.pve.vm(vmid).agent = {"files": files or {}}

    def add_template(self, vmid: int) -> None:
        volumes = self.pve.storages["local-lvm"].setdefault("volumes", {})
        for name in (f"base-{vmid}-disk-0", f"vm-{vmid}-cloudinit"):
            volumes[name] = {"content": "images", "size": 3 * GIB, "vmid": vmid, "format": "raw"}
        config = {
            "scsi0": f"local-lvm:base-{vmid}-disk-0,size=3G",
            "ide2": f"local-lvm:vm-{vmid}-cloudinit,media=cdrom",
            "boot": "order=scsi0",
            "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
            "template": "1",
        }
        self.pve.add_vm(vmid, "template", config=config, template=True)
        self.pve._pool_join("homeport", vmid)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@contextmanager
def fake_world() -> Iterator[FakeWorld]:
    with tempfile.TemporaryDirectory() as directory:
        world = FakeWorld(Path(directory))
        try:
            yield world
        finally:
            world.close()
