"""What survives: the whole of a provider as one JSON file, replaced as a whole.

The file is written before a changing request is answered and when a task ends, so killing
the API at any moment loses nothing that somebody was told of.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakepve import FakeVm

from engine.lab.api.machines import Life, Machines
from engine.lab.api.tasks import HALF_MADE
from engine.private_files import write_private

_VM_FIELDS = (
    "vmid",
    "name",
    "node",
    "status",
    "config",
    "pending",
    "template",
    "lock",
    "snapshots",
    "pool",
    "started_at",
)
_LIFE_FIELDS = ("wanted", "made_at", "foreign", "fault_lock")
FORMAT = 1


class Stored(Machines):
    """Mixin: loads and saves the provider."""

    saved = b""
    roles: dict[str, list[str]]
    tokens: dict[str, dict[str, Any]]

    def changed(self) -> None:
        self.save()

    def save(self) -> None:
        data = json.dumps(self._dump(), sort_keys=True).encode()
        if data != self.saved:
            write_private(self.settings.state, data)
            self.saved = data

    def _dump(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "identity": self.identity,
            "vms": [
                {name: getattr(vm, name) for name in _VM_FIELDS}
                | {name: getattr(self.life(vm), name) for name in _LIFE_FIELDS}
                for vm in self.vms
            ],
            "storages": {
                name: store | {"files": sorted(store.get("files", ()))}
                for name, store in self.storages.items()
            },
            "pools": {name: sorted(ids) for name, ids in self.pools.items()},
            "pool_info": {
                name: {"comment": info["comment"], "storage": sorted(info["storage"])}
                for name, info in self.pool_info.items()
            },
            "acl": {
                who: [[path, sorted(privileges)] for path, privileges in rules]
                for who, rules in (self.acl or {}).items()
            },
            "users": self.users,
            "roles": self.roles,
            "tokens": self.tokens,
            "tasks": self.tasklog,
        }

    def load(self, path: Path) -> bool:
        """Take up where the last API left off; False where there was none."""
        if not path.exists():
            return False
        data = json.loads(path.read_bytes())
        self.identity = data["identity"]
        for row in data["vms"]:
            self._load_vm(row)
        self.storages = {
            name: store | {"files": set(store["files"])} for name, store in data["storages"].items()
        }
        self.pools = {name: set(ids) for name, ids in data["pools"].items()}
        self.pool_info = {
            name: {"comment": info["comment"], "storage": set(info["storage"])}
            for name, info in data["pool_info"].items()
        }
        self.acl = {
            who: [(path, set(privileges)) for path, privileges in rules]
            for who, rules in data["acl"].items()
        }
        self.users, self.roles, self.tokens = data["users"], data["roles"], data["tokens"]
        self.tasklog = data["tasks"]
        self.tasks = {record["upid"]: record for record in self.tasklog}
        self.cut_short()
        self._undo_half_made()
        return True

    def _load_vm(self, row: dict[str, Any]) -> None:
        vm = FakeVm(row["vmid"], row["name"], node=row["node"])
        for name in _VM_FIELDS:
            setattr(vm, name, row[name])
        vm.qmpstatus = vm.status
        self.vms.append(vm)
        self.lives[vm.vmid] = Life(**{name: row[name] for name in _LIFE_FIELDS if name in row})

    def _undo_half_made(self) -> None:
        """No worker goes on with what the last API began."""
        for vm in [vm for vm in self.vms if vm.lock in HALF_MADE]:
            self.unmake(vm)
        for vm in self.vms:
            if vm.lock == "destroyed":
                self._qm_lock(vm, None)
