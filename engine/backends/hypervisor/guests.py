"""Finding the guests of this installation in a cluster, and telling them from all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.creation import configured_address
from engine.backends.hypervisor.mark import Mark, is_copy, mark_line, read_mark, read_tags
from engine.backends.hypervisor.rights import require_sight
from engine.backends.hypervisor.tasks import Tasks, is_running
from engine.backends.protocols import Guest
from engine.backends.registry import LeaseStore
from engine.errors import Conflict, Denied, Locked, NotFound

VM, CONTAINER = "qemu", "lxc"
"""Kinds of guests, as Proxmox VE calls them in its paths and lists."""


@dataclass(frozen=True)
class MarkedGuest:
    """A guest that bears the owner's mark, as it was a moment ago."""

    vmid: int
    node: str
    mark: Mark
    config: dict[str, Any]
    kind: str = VM

    @property
    def path(self) -> str:
        return f"nodes/{quote(self.node)}/{self.kind}/{self.vmid}"

    @property
    def lock(self) -> str:
        return str(self.config.get("lock") or "")


class GuestFinder:
    """Looks across the whole cluster, because guests move between its nodes."""

    def __init__(self, client: ProxmoxClient, leases: LeaseStore, pool: str) -> None:
        self._client = client
        self._leases = leases
        self._pool = pool

    def find(self, owner: str, *, among_copies: bool = False) -> MarkedGuest | None:
        """The one guest with the mark. Conflict where several have it, or where one has only
        the tag: it may be ours with its notes edited, or the only copy of it that is left.

        among_copies: guests that are known to be copies are left out instead.
        """
        require_sight(self._client)
        marked, doubtful = [], []
        claimed = self._leases.find(self._pool, owner)
        for row in self.rows():
            vmid, tagged = int(row["vmid"]), owner in read_tags(row)
            if not tagged and str(vmid) != claimed:
                continue
            config = self._config(row, tagged=tagged)
            if config is None:
                continue
            mark = read_mark(config, vmid)
            if mark is not None and mark.owner == owner:
                kind = str(row["type"])
                marked.append(MarkedGuest(vmid, str(row["node"]), mark, config, kind))
            elif tagged and not (among_copies and is_copy(config, owner, vmid)):
                doubtful.append(vmid)
        if len(marked) > 1 or (doubtful and not marked):
            raise self._ambiguous(owner, [guest.vmid for guest in marked] or doubtful)
        return marked[0] if marked else None

    def rows(self) -> list[dict[str, Any]]:
        """Every guest of the cluster that the token may see."""
        rows: list[dict[str, Any]] = self._client.get("cluster/resources", type="vm")
        return rows

    def status(self, guest: MarkedGuest) -> str:
        return str(self._client.get(f"{guest.path}/status/current").get("status") or "unknown")

    def describe(self, guest: MarkedGuest, status: str) -> Guest:
        return Guest(
            id=str(guest.vmid),
            name=str(guest.config.get("name") or guest.config.get("hostname") or ""),
            owner=guest.mark.owner,
            status=status,
            node=guest.node,
            address=configured_address(guest.config),
            holds_proof=guest.kind == CONTAINER,
        )

    def locked(self, guest: MarkedGuest, lock: str) -> Locked:
        """The error for a guest with a lock; tells a lock in use from one left behind."""
        working = Tasks(self._client).running([guest.node], guest.vmid) or self._backup_runs(guest)
        if working:
            why = f"it has the lock '{lock}' and a task is working on it"
            do = "Wait until the task has ended, then try again."
        else:
            tool = "pct" if guest.kind == CONTAINER else "qm"
            why = f"it has the lock '{lock}', and no task that this token may see works on it"
            do = (
                "If the Proxmox web interface shows no running task for the guest either, the "
                f"lock was left behind: on node {guest.node} run: {tool} unlock {guest.vmid}"
            )
        return Locked(
            "the guest is locked in Proxmox VE",
            on=f"guest {guest.vmid} at {self._client.provider}",
            why=why,
            left="the guest was not touched",
            do=do,
        )

    def _config(self, row: dict[str, Any], *, tagged: bool) -> dict[str, Any] | None:
        """A guest's configuration; None for one that vanished since it was listed, empty for
        what is not ours to see."""
        place = f"nodes/{quote(str(row['node']))}/{quote(str(row['type']))}/{row['vmid']}"
        try:
            config: dict[str, Any] = self._client.get(f"{place}/config")
        except NotFound:
            return None
        except Denied:
            if tagged:
                raise
            return {}
        return config

    def _backup_runs(self, guest: MarkedGuest) -> bool:
        """Backup jobs of several guests are tasks without a guest's id."""
        if guest.lock != "backup":
            return False
        rows = self._client.get(f"nodes/{quote(guest.node)}/tasks", source="active", limit=500)
        return any(is_running(row) and row.get("type") == "vzdump" for row in rows)

    def _ambiguous(self, owner: str, vmids: list[int]) -> Conflict:
        listed = ", ".join(str(vmid) for vmid in vmids)
        if len(vmids) > 1:
            why = f"guests {listed} all bear the mark {owner}"
            do = "Look which one is in use; remove the tag and the notes from the others."
        else:
            why = (
                f"guest {listed} has the tag {owner}, but its notes do not carry the mark for "
                "this id: it is a copy, or the notes were edited"
            )
            do = (
                "If it is a copy, remove the tag from it. If it is the original, put this line "
                f"back into its notes: {mark_line(Mark(owner, vmids[0]))}"
            )
        return Conflict(
            "it is not certain which guest is the deployment's",
            on=self._client.provider,
            why=why,
            left="no guest was touched",
            do=do,
        )
