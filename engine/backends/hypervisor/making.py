"""Making a guest, in a way that can be killed at any point and taken up again.

The guest's id is what makes creation safe to repeat. It is claimed in the inventory before
anything is asked of Proxmox, and Proxmox makes at most one guest with it; whatever happens
to a request or to this process, the next attempt looks at that id first. A guest there that
does not bear our mark is somebody else's: the id is given up, the guest never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.containers import check_container, container_parameters
from engine.backends.hypervisor.creation import (
    clone_parameters,
    configuration,
    configured_address,
    create_parameters,
    growth,
    other_size,
)
from engine.backends.hypervisor.guests import CONTAINER, VM, GuestFinder, MarkedGuest
from engine.backends.hypervisor.ids import GuestIds, Seen
from engine.backends.hypervisor.placement import choose_node
from engine.backends.hypervisor.sources import provide_source
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.hypervisor.turns import Turns
from engine.backends.protocols import Guest, GuestSpec, Progress
from engine.errors import Conflict, NotFound, OutcomeUnknown

Create = Callable[[int, GuestSpec, Progress], None]
"""Makes the guest with a claimed id that is free, or leaves it to be looked at again."""
CREATE_SECONDS = 1800.0
_ATTEMPTS = 50


class GuestMaker:
    """Finds a deployment's guest or makes it, and finishes what was left half made."""

    def __init__(
        self,
        client: ProxmoxClient,
        finder: GuestFinder,
        ids: GuestIds,
        turns: Turns,
        create: Create | None = None,
    ) -> None:
        self._client = client
        self._settings = client.settings
        self._tasks = Tasks(client)
        self._finder = finder
        self._ids = ids
        self._turns = turns
        self._create = create or self._ask_for

    def make(self, spec: GuestSpec, progress: Progress) -> Guest:
        return self._finish(self._find_or_create(spec, progress), spec, progress)

    def _find_or_create(self, spec: GuestSpec, progress: Progress) -> MarkedGuest:
        for _ in range(_ATTEMPTS):
            progress.raise_if_cancelled()
            if (found := self._finder.find(spec.owner)) is not None:
                return found
            vmid = self._ids.claim(spec.owner)
            self._ids.wait_for_tasks(vmid, progress, CREATE_SECONDS)
            seen = self._ids.look(vmid, spec.owner)
            if seen is Seen.FOREIGN:
                progress.log(f"The id {vmid} is taken by another guest; taking the next.")
                self._ids.reject(vmid, spec.owner)
            elif seen is Seen.FREE:
                self._create(vmid, spec, progress)
        raise Conflict(
            "no id could be had for the guest",
            why=f"{_ATTEMPTS} ids in a row were taken by others while Homeport asked for them",
            do="Give Homeport a range of ids of its own: vmid_first and vmid_last.",
        )

    def _ask_for(self, vmid: int, spec: GuestSpec, progress: Progress) -> None:
        """When it is its turn. Returns also where the guest should be looked for again."""
        if self._settings.containers:
            check_container(spec)
        node = choose_node(self._client, spec)
        with self._turns.at(node, self._settings.storage, progress):
            self._ask_at(node, vmid, spec, progress)

    def _ask_at(self, node: str, vmid: int, spec: GuestSpec, progress: Progress) -> None:
        settings = self._settings
        if (template := settings.clone_source) is not None:
            path = f"nodes/{quote(node)}/qemu/{template}/clone"
            parameters = clone_parameters(spec, settings, vmid)
        else:
            source = provide_source(self._client, node, progress)
            kind = CONTAINER if settings.containers else VM
            path = f"nodes/{quote(node)}/{kind}"
            make = container_parameters if settings.containers else create_parameters
            parameters = make(spec, settings, vmid, source)
        try:
            upid = self._client.post(path, parameters)
        except Conflict:
            return  # somebody was faster: who, shows when the id is looked at again
        except OutcomeUnknown as lost:
            progress.log(f"{lost.why}; looking whether the guest is being made.")
            self._ids.expect_creation(vmid)
            return
        self._ids.asked(vmid)
        progress.log(f"Proxmox makes guest {vmid} on node {node}.")
        self._tasks.wait(str(upid), progress, CREATE_SECONDS)

    def _finish(self, guest: MarkedGuest, spec: GuestSpec, progress: Progress) -> Guest:
        """Settings and size of a guest that does not run; one that runs is left alone."""
        if guest.lock:
            raise self._finder.locked(guest, guest.lock)
        status = self._finder.status(guest)
        if status == "stopped":
            if not guest.mark.finished:
                parameters = configuration(spec, self._settings, guest.vmid)
                self._client.put(f"{guest.path}/config", parameters)
                guest = self._again(guest)
            elif size := other_size(guest.config, spec):
                self._client.put(f"{guest.path}/config", size)
            if (larger := growth(guest.config, spec)) is not None:
                upid = self._client.put(f"{guest.path}/resize", larger)
                if upid:
                    self._tasks.wait(str(upid), progress, CREATE_SECONDS)
        address = spec.address.partition("/")[0]
        if configured_address(guest.config) != address:
            raise Conflict(
                "the guest has another address than the deployment",
                why=f"Proxmox shows {configured_address(guest.config) or 'none'}, the deployment "
                f"has {address}",
                left="the guest was not changed: a new address would give it new SSH host keys",
                do="Set the address back in the guest's cloud-init settings, or destroy the "
                "deployment and deploy again.",
            )
        return self._finder.describe(guest, status)

    def _again(self, guest: MarkedGuest) -> MarkedGuest:
        found = self._finder.find(guest.mark.owner)
        if found is None:
            raise NotFound("the guest vanished while it was made", do="Try again.")
        return found
