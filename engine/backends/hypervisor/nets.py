"""Safety nets: a guest kept as it is at this moment, by a snapshot or by a backup of Proxmox.

They stand beside what Homeport itself keeps of an application, for the case that the guest as a
whole is broken. Each has the name of the operation that asked for it, and is found again by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.guests import MarkedGuest
from engine.backends.hypervisor.placement import online_nodes
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.hypervisor.turns import Turns
from engine.backends.hypervisor.wire import Parameter
from engine.backends.protocols import NetKind, Progress
from engine.errors import HomeportError, NotFound, OutcomeUnknown, RemoteFailure

_SNAPSHOT_SECONDS, _BACKUP_SECONDS, _REMOVAL_SECONDS = 600.0, 6 * 3600.0, 600.0
_CANNOT = "snapshot feature is not available"


class SafetyNets:
    def __init__(
        self,
        client: ProxmoxClient,
        turns: Turns,
        locked: Callable[[MarkedGuest, str], HomeportError],
    ) -> None:
        self._client = client
        self._storage = client.settings.backup_storage
        self._tasks = Tasks(client)
        self._turns = turns
        self._locked = locked

    def keep(self, guest: MarkedGuest, name: str, kind: NetKind, progress: Progress) -> str | None:
        """What the net is called there; None where the guest's storage has no snapshots."""
        if guest.lock:
            raise self._locked(guest, guest.lock)
        if kind == "snapshot":
            return self._snapshot(guest, name, progress)
        with self._turns.at(guest.node, self._storage, progress):
            return self._backup(guest, name, progress)

    def drop(
        self, guest: MarkedGuest | None, known_as: str, kind: NetKind, progress: Progress
    ) -> bool:
        """False: it was not there any more."""
        path = self._where(guest, known_as, kind)
        if not path:
            return False
        try:
            self._tasks.wait(str(self._client.delete(path)), progress, _REMOVAL_SECONDS)
        except (NotFound, OutcomeUnknown, RemoteFailure):
            if self._where(guest, known_as, kind):
                raise
        return True

    # snapshots

    def _snapshot(self, guest: MarkedGuest, name: str, progress: Progress) -> str | None:
        state = self._snapshots(guest).get(name)
        if state == "":
            return name
        if state is not None:  # half made, or half removed
            self.drop(guest, name, "snapshot", progress)
        able = self._client.get(f"{guest.path}/feature", feature="snapshot")
        if not int(able.get("hasFeature") or 0):
            return None
        wanted = {"snapname": name, "description": "Made by Homeport; it removes it again."}
        try:
            upid = self._client.post(f"{guest.path}/snapshot", wanted)
            self._tasks.wait(str(upid), progress, _SNAPSHOT_SECONDS)
        except RemoteFailure as error:
            if _CANNOT in error.why:
                return None
            raise
        except OutcomeUnknown:
            self._sit_out(guest, ("qmsnapshot", "vzsnapshot"), progress, _SNAPSHOT_SECONDS)
            if self._snapshots(guest).get(name) != "":
                raise
        return name

    def _snapshots(self, guest: MarkedGuest) -> dict[str, str]:
        """Name -> what is being done to it; "" for one that is whole."""
        rows: list[dict[str, Any]] = self._client.get(f"{guest.path}/snapshot")
        return {str(row["name"]): str(row.get("snapstate") or "") for row in rows}

    # backups

    def _backup(self, guest: MarkedGuest, name: str, progress: Progress) -> str:
        if found := self._saved(guest.node, guest.vmid, name):
            return found
        self._sit_out(guest, ("vzdump",), progress, _BACKUP_SECONDS)
        if found := self._saved(guest.node, guest.vmid, name):
            return found
        wanted: dict[str, Parameter] = {
            "vmid": str(guest.vmid),
            "storage": self._storage,
            "mode": "snapshot",
            "compress": "zstd",
            "notes-template": f"{name}: " + "{{guestname}}, made by Homeport; it removes it again.",
            "remove": False,  # never prune what others keep there
        }
        started = time.time()
        try:
            upid = self._client.post(f"nodes/{quote(guest.node)}/vzdump", wanted)
            self._tasks.wait(str(upid), progress, _BACKUP_SECONDS)
        except OutcomeUnknown:
            self._sit_out(guest, ("vzdump",), progress, _BACKUP_SECONDS)
            if not self._saved(guest.node, guest.vmid, name):
                raise
        if found := self._saved(guest.node, guest.vmid, name):
            progress.log(f"Saved as {found} in {time.time() - started:.0f} seconds.")
            return found
        raise RemoteFailure(  # a task for which a right is missing may end well all the same
            "Proxmox VE says that the backup was made, and there is none",
            on=f"guest {guest.vmid} on the storage {self._storage}",
            why="the storage lists no new backup of the guest",
            left="nothing was changed",
            do="Check the connection of the provider: it names every missing right. Or choose "
            "another 'safety_net' in its settings.",
        )

    def _saved(self, node: str, vmid: int, name: str) -> str:
        """The volume of the backup with this name; its listing is the proof that it is there."""
        rows: list[dict[str, Any]] = self._client.get(
            self._place(node), content="backup", vmid=vmid
        )
        mine = (str(row["volid"]) for row in rows if str(row.get("notes")).startswith(f"{name}:"))
        return next(mine, "")

    # both

    def _where(self, guest: MarkedGuest | None, known_as: str, kind: NetKind) -> str:
        """The path of what is to be removed; empty where it is not there. A backup outlives its
        guest, and then any node will do."""
        if kind == "snapshot":
            there = guest is not None and known_as in self._snapshots(guest)
            return f"{guest.path}/snapshot/{quote(known_as)}" if guest and there else ""
        place = self._place(guest.node if guest else online_nodes(self._client)[0].name)
        rows: list[dict[str, Any]] = self._client.get(place, content="backup")
        there = any(row["volid"] == known_as for row in rows)
        return f"{place}/{quote(known_as.partition(':')[2], safe='')}" if there else ""

    def _place(self, node: str) -> str:
        return f"nodes/{quote(node)}/storage/{quote(self._storage)}/content"

    def _sit_out(
        self, guest: MarkedGuest, kinds: tuple[str, ...], progress: Progress, seconds: float
    ) -> None:
        """What an earlier attempt began is waited for; how it ends shows in what is there."""
        for upid in self._tasks.running([guest.node], guest.vmid, kinds):
            try:
                self._tasks.wait(upid, progress, seconds)
            except OutcomeUnknown:
                raise
            except HomeportError as error:
                progress.log(f"That attempt failed: {error.why or error.what}")
