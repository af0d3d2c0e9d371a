"""The lab's Proxmox VE API as a world of the hypervisor's conformance suite."""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import requests

from engine.lab.api.access import LEAST_RIGHTS
from engine.lab.api.faults import Fault, clear_faults, set_fault
from engine.lab.api.launch import (
    ApiHandle,
    ca_path,
    destroy_guests,
    power_off_guests,
    start_api,
    stop_api,
)
from engine.lab.api.settings import IMAGE_VOLUME, TOKEN_ID, USER

NODE = "harbour-t"


class LabWorld:
    """One provider of the lab, started for these tests alone; its guests are real."""

    name = "lab"

    def __init__(self, handle: ApiHandle) -> None:
        self.handle = handle
        self.kind: Literal["vm", "lxc"] = "vm"
        self.token = handle.token
        self.network = handle.host.rpartition(".")[0]
        self._admin = requests.Session()
        self._admin.trust_env = False
        self._admin.verify = str(ca_path(handle.directory))
        self.enter()
        self._roles: set[str] = set()
        self._granted = dict(LEAST_RIGHTS)
        self._filled: list[str] = []

    def enter(self) -> None:
        """Log in as the administrator; again after the API was started anew."""
        self._admin.cookies.clear()
        password = self.handle.root_password
        ticket = self._ask("POST", "access/ticket", username="root@pam", password=password)
        self._admin.cookies.set("PVEAuthCookie", ticket["ticket"])
        self._admin.headers["CSRFPreventionToken"] = ticket["CSRFPreventionToken"]

    def reset(self) -> None:
        """As it was before a test: no guests, all rights, all space."""
        self.token, self.kind = self.handle.token, "vm"
        clear_faults(self.handle.directory)
        for vmid, guest in self.guests().items():
            if guest["status"] == "running":
                self._wait(self._ask("POST", f"{self._place(vmid)}/status/stop"))
            self.remove_foreign(vmid)
        for volume in self._filled:
            self._wait(self._ask("DELETE", f"nodes/{NODE}/storage/local-lvm/content/{volume}"))
        self._filled = []
        for path, privileges in LEAST_RIGHTS.items():
            self._grant(path, privileges)

    def settings(self) -> dict[str, Any]:
        return {
            "hosts": [self.handle.address],
            "token_id": TOKEN_ID,
            "token_ref": "secret:providers/test/hypervisor-token",
            "ca_pem": self.handle.ca_pem,
            "storage": "local-lvm",
            "image": IMAGE_VOLUME,
            "guests": self.kind,
            "container_template": "local:vztmpl/debian-12-standard",
            "bridge": "vmbr0",
            "pool": "homeport",
            "vmid_first": 9000,
            "vmid_last": 9020,
            "agent_seconds": 20,
        }

    def guests(self) -> dict[int, dict[str, Any]]:
        found = {}
        for row in self._ask("GET", "cluster/resources", type="vm"):
            place = f"nodes/{NODE}/{row['id']}"
            status = self._ask("GET", f"{place}/status/current")["status"]
            found[int(row["vmid"])] = {**self._ask("GET", f"{place}/config"), "status": status}
        return found

    def volumes(self) -> set[str]:
        rows = self._ask("GET", f"nodes/{NODE}/storage/local-lvm/content")
        return {row["volid"] for row in rows}

    def add_foreign(self, vmid: int, **config: str) -> None:
        self._wait(self._ask("POST", f"nodes/{NODE}/qemu", vmid=vmid, **config))

    def remove_foreign(self, vmid: int) -> None:
        self._wait(
            self._ask("DELETE", self._place(vmid), **{"purge": 1, "destroy-unreferenced-disks": 1})
        )

    def add_template(self, vmid: int) -> None:
        self.add_foreign(
            vmid,
            name="template",
            pool="homeport",
            scsi0=f"local-lvm:0,import-from={IMAGE_VOLUME}",
            ide2="local-lvm:cloudinit",
            boot="order=scsi0",
        )
        self._wait(self._ask("POST", f"nodes/{NODE}/qemu/{vmid}/template"))

    def lock(self, vmid: int, lock: str) -> None:
        set_fault(self.handle.directory, "locked", {str(vmid): lock} if lock else None)

    def revoke(self, path: str, privilege: str) -> None:
        self._grant(path, tuple(p for p in self._granted[path] if p != privilege))

    def leave_free(self, storage: str, free: int) -> None:
        for volume in self._filled:
            self._ask("DELETE", f"nodes/{NODE}/storage/{storage}/content/{volume}")
        self._filled = []
        status = self._ask("GET", f"nodes/{NODE}/storage/{storage}/status")
        surplus = (int(status["avail"]) - free) // 1024
        if surplus > 0:
            volume = self._ask(
                "POST",
                f"nodes/{NODE}/storage/{storage}/content",
                vmid=8999,
                filename="vm-8999-disk-0",
                size=surplus,
            )
            self._filled.append(volume)

    def fail_tasks(self, kind: str, message: str) -> None:
        set_fault(self.handle.directory, "fail_task", {kind: message} if message else None)

    def fault(self, name: Fault, value: object) -> None:
        set_fault(self.handle.directory, name, value)

    def _forget_rules(self, rule: dict[str, Any]) -> None:
        """One of the rules that GET access/acl lists."""
        whom = {"token": "tokens", "user": "users"}[rule["type"]]
        given = {"path": rule["path"], whom: rule["ugid"], "roles": rule["roleid"]}
        self._ask("PUT", "access/acl", **given, delete=1)

    def _grant(self, path: str, privileges: tuple[str, ...]) -> None:
        if privileges == self._granted[path]:
            return
        rule = {"path": path, "users": USER}
        self._ask("PUT", "access/acl", **rule, roles=self._role(privileges))
        self._ask("PUT", "access/acl", **rule, roles=self._role(self._granted[path]), delete=1)
        self._granted[path] = privileges

    def _role(self, privileges: tuple[str, ...]) -> str:
        name = f"Test-{abs(hash(frozenset(privileges)))}"
        if name not in self._roles:
            self._ask("POST", "access/roles", roleid=name, privs=",".join(privileges))
            self._roles.add(name)
        return name

    def _place(self, vmid: int) -> str:
        rows = self._ask("GET", "cluster/resources", type="vm")
        return next(f"nodes/{NODE}/{row['id']}" for row in rows if row["vmid"] == vmid)

    def _ask(self, method: str, path: str, /, **params: Any) -> Any:
        url = f"https://{self.handle.address}/api2/json/{path}"
        place = "params" if method in ("GET", "DELETE") else "data"
        answer = self._admin.request(method, url, **{place: params}, timeout=30)  # type: ignore[arg-type]
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["data"]

    def _wait(self, upid: str | None) -> None:
        while upid and self._ask("GET", f"nodes/{NODE}/tasks/{upid}/status")["status"] == "running":
            pass


@contextmanager
def lab_world() -> Iterator[LabWorld]:
    with tempfile.TemporaryDirectory(prefix="hp-pve-") as home:
        directory = Path(home) / NODE
        network = _free_network()
        try:
            yield LabWorld(
                start_api(
                    directory, name=NODE, host=f"{network}.1", network=f"{network}.0/24", port=8006
                )
            )
        finally:
            stop_api(directory)
            power_off_guests(directory)
            destroy_guests(directory)
            shutil.rmtree(directory, ignore_errors=True)


def _free_network() -> str:
    """Three numbers of a loopback network where nobody serves the API."""
    choice = random.SystemRandom()
    while True:
        network = f"127.{choice.randint(160, 190)}.{choice.randint(1, 250)}"
        with socket.socket() as probe:
            if probe.connect_ex((f"{network}.1", 8006)) != 0:
                return network
