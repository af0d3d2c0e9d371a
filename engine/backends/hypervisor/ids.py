"""The ids of guests: claimed in the inventory, since Proxmox VE reserves none.

`cluster/nextid` says whether an id is free at this moment, and creation refuses one that is
taken. Between the two stands the lease: within one installation an id has one owner.
"""

from __future__ import annotations

from enum import Enum

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.guests import GuestFinder
from engine.backends.hypervisor.mark import Mark, mark_line
from engine.backends.hypervisor.placement import online_nodes
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.protocols import Progress
from engine.backends.registry import LeaseStore
from engine.errors import Conflict, HomeportError, NoCapacity, OutcomeUnknown

_SETTLE_SECONDS = 3.0
_CREATING: tuple[str, ...] = ("qmcreate", "qmrestore", "vzcreate", "vzrestore")
_UNDER_WAY = (*_CREATING, "qmdestroy", "vzdestroy")


class Seen(Enum):
    FREE = "free"
    OURS = "ours"
    FOREIGN = "foreign"


class GuestIds:
    """Ids of one provider's own range."""

    def __init__(
        self, client: ProxmoxClient, leases: LeaseStore, pool: str, finder: GuestFinder
    ) -> None:
        self._client = client
        self._settings = client.settings
        self._leases = leases
        self._pool = pool
        self._finder = finder
        self._tasks = Tasks(client)
        self._unasked: set[int] = set()
        """Ids claimed here for which Proxmox was not asked to make anything yet."""

    def claim(self, owner: str) -> int:
        """The owner's id; a new one from the range where it has none. NoCapacity."""
        held = self._leases.find(self._pool, owner)
        if held is not None:
            return int(held)
        candidates = range(self._settings.vmid_first, self._settings.vmid_last + 1)
        item = self._leases.claim(self._pool, owner, (str(number) for number in candidates))
        if item is None:
            raise NoCapacity(
                "no guest id is free",
                why=f"all ids from {candidates[0]} to {candidates[-1]} are taken",
                left="nothing was changed",
                do="Widen vmid_first and vmid_last in the provider's settings.",
            )
        self._unasked.add(int(item))
        return int(item)

    def claimed(self, owner: str) -> int | None:
        held = self._leases.find(self._pool, owner)
        return int(held) if held is not None else None

    def reject(self, vmid: int, owner: str) -> None:
        self._leases.reject(self._pool, owner, str(vmid))

    def release(self, owner: str) -> None:
        self._leases.release(self._pool, owner)

    def is_free(self, vmid: int) -> bool:
        try:
            self._client.get("cluster/nextid", vmid=vmid)
        except Conflict:
            return False
        return True

    def look(self, vmid: int, owner: str) -> Seen:
        """Whose guest has this id. No creation of it may be running.

        Conflict where it has no mark that can be read, although this token made a guest with
        this id: then nobody can tell, and taking another id could make a second guest.
        """
        if self.is_free(vmid):
            return Seen.FREE
        found = self._finder.find(owner)
        if found is not None and found.vmid == vmid:
            return Seen.OURS
        if vmid in self._unasked or not self._made_before(vmid):
            return Seen.FOREIGN
        pool = self._settings.pool
        raise Conflict(
            f"guest {vmid} may be the deployment's, but its mark cannot be read",
            why="this token made a guest with this id; now it cannot see it, or its notes "
            "were changed",
            left="no guest was touched",
            do=f"Look at guest {vmid} in the Proxmox web interface. If it is the deployment's, "
            + (f"put it into the pool {pool} and " if pool else "")
            + f"put this line into its notes: {mark_line(Mark(owner, vmid))}. Otherwise destroy "
            "the deployment and deploy again.",
        )

    def asked(self, vmid: int) -> None:
        """Proxmox was asked to make a guest with this id and did not refuse."""
        self._unasked.discard(vmid)

    def wait_for_tasks(self, vmid: int, progress: Progress, seconds: float) -> None:
        """Sit out a creation or removal that an earlier attempt, or somebody else, began."""
        nodes = [node.name for node in online_nodes(self._client)]
        running = self._tasks.running(nodes, vmid, _UNDER_WAY)
        if (source := self._settings.clone_source) is not None:  # its id is the one in the task
            running += self._tasks.running(nodes, source, ("qmclone",))
        for upid in running:
            progress.log(f"Something is already under way for guest {vmid}; waiting for it.")
            try:
                self._tasks.wait(upid, progress, seconds)
            except OutcomeUnknown:
                raise
            except HomeportError as error:
                progress.log(f"That attempt failed: {error.why or error.what}")

    def expect_creation(self, vmid: int) -> None:
        """After a lost answer: give the request a moment to show that it arrived."""
        self.asked(vmid)
        deadline = self._client.clock() + _SETTLE_SECONDS
        while self.is_free(vmid) and self._client.clock() < deadline:
            self._client.sleep(0.2)

    def _made_before(self, vmid: int) -> bool:
        """Whether a task of this token made a guest with this id, as far as that is recorded."""
        kinds, guest = _CREATING, vmid
        if (source := self._settings.clone_source) is not None:
            kinds, guest = ("qmclone",), source
        nodes = [node.name for node in online_nodes(self._client)]
        return self._tasks.succeeded(nodes, guest, kinds)
