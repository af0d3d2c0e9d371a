"""What survives: the whole of a provider as one JSON file, replaced as a whole.

The file is written before a changing request is answered and when a task ends, so killing
the API at any moment loses nothing that somebody was told of.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakepve import FakeCt, FakeVm

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
_CT_FIELDS = ("vmid", "node", "status", "config", "pending", "snapshots", "pool", "started_at")
_LIFE_FIELDS = ("wanted", "made_at", "foreign", "fault_lock", "ssh_public_keys")
FORMAT = 1


class Stored(Machines):
    """Mixin: loads and saves the provider."""

    saved = b""
    roles: dict[str, list[str]]
    tokens: dict[str, dict[str, Any]]
    totp: dict[str, str]

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
            "vms": [self._dump_machine(vm, _VM_FIELDS) for vm in self.vms],
            "cts": [self._dump_machine(ct, _CT_FIELDS) for ct in self.cts],
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
            "totp": self.totp,
            "tasks": self.tasklog,
        }

    def _dump_machine(self, machine: Any, fields: tuple[str, ...]) -> dict[str, Any]:
        life = self.life(machine)
        return {name: getattr(machine, name) for name in fields} | {
            name: getattr(life, name) for name in _LIFE_FIELDS
        }

    def load(self, path: Path) -> bool:
        """Take up where the last API left off; False where there was none."""
        if not path.exists():
            return False
        data = json.loads(path.read_bytes())
        self.identity = data["identity"]
        for row in data["vms"]:
            self._load_machine(FakeVm(row["vmid"], row["name"], node=row["node"]), row, _VM_FIELDS)
        for row in data.get("cts", ()):  # a lab from before there were containers
            self._load_machine(
                FakeCt(row["vmid"], node=row["node"], defaults=False), row, _CT_FIELDS
            )
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
        self.totp = data.get("totp", {})
        self.tasklog = data["tasks"]
        self.tasks = {record["upid"]: record for record in self.tasklog}
        self.cut_short()
        self._undo_half_made()
        return True

    def _load_machine(self, machine: Any, row: dict[str, Any], fields: tuple[str, ...]) -> None:
        for name in fields:
            setattr(machine, name, row[name])
        machine.qmpstatus = machine.status
        (self.vms if isinstance(machine, FakeVm) else self.cts).append(machine)
        self.lives[machine.vmid] = Life(**{name: row[name] for name in _LIFE_FIELDS if name in row})

    def _undo_half_made(self) -> None:
        """No worker goes on with what the last API began."""
        for machine in [one for one in self.machines() if one.lock in HALF_MADE]:
            self.unmake(machine)
        for machine in self.machines():
            if machine.lock == "destroyed":
                self._qm_lock(machine, None)
