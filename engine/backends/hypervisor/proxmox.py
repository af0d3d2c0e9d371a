"""Guests on Proxmox VE: made once, found again, started, stopped and removed.

The guest's id is what makes creation safe to repeat. It is claimed in the inventory before
anything is asked of Proxmox, and Proxmox makes at most one guest with it; whatever happens
to a request or to this process, the next attempt looks at that id first. A guest there that
does not bear our mark is somebody else's: the id is given up, the guest never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.agent import read_host_keys
from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.creation import (
    check_spec,
    clone_parameters,
    configuration,
    configured_address,
    create_parameters,
    growth,
)
from engine.backends.hypervisor.guests import GuestFinder, MarkedGuest
from engine.backends.hypervisor.ids import GuestIds, Seen
from engine.backends.hypervisor.inspection import inspect
from engine.backends.hypervisor.placement import choose_node
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.protocols import Guest, GuestSpec, Progress
from engine.backends.registry import BackendEnvironment, LeaseStore, read_settings
from engine.errors import (
    Conflict,
    HomeportError,
    Locked,
    NotFound,
    OutcomeUnknown,
    RemoteFailure,
)
from engine.model.provider import Check

CREATE_SECONDS, START_SECONDS, STOP_SECONDS, DESTROY_SECONDS = 1800.0, 180.0, 120.0, 600.0
_SHUTDOWN_SECONDS = 60
_ATTEMPTS = 50


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> Proxmox:
    checked = read_settings(ProxmoxSettings, environment, settings)
    token = environment.read_secret(checked.token_ref)
    name = environment.provider.name
    return Proxmox(ProxmoxClient(checked, token.strip(), name), environment.leases)


class Proxmox:
    """The protocol `Hypervisor` on one Proxmox VE or cluster."""

    def __init__(self, client: ProxmoxClient, leases: LeaseStore) -> None:
        self._client = client
        self._settings = client.settings
        self._tasks = Tasks(client)
        pool = f"vmid:{client.provider}"
        self._finder = GuestFinder(client, leases, pool)
        self._ids = GuestIds(client, leases, pool, self._finder)

    def check(self) -> list[Check]:
        return inspect(self._client, self._ids)

    def find(self, owner: str) -> Guest | None:
        found = self._finder.find(owner)
        return self._finder.describe(found, self._finder.status(found)) if found else None

    # making

    def ensure(self, spec: GuestSpec, progress: Progress) -> Guest:
        check_spec(spec)
        with self._about("the guest cannot be created", spec.name):
            guest = self._find_or_create(spec, progress)
            return self._finish(guest, spec, progress)

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

    def _create(self, vmid: int, spec: GuestSpec, progress: Progress) -> None:
        """Ask for the guest and wait. Returns also where it should be looked for again."""
        node = quote(choose_node(self._client, spec))
        try:
            if self._settings.template is not None:
                path = f"nodes/{node}/qemu/{self._settings.template}/clone"
                upid = self._client.post(path, clone_parameters(spec, self._settings, vmid))
            else:
                parameters = create_parameters(spec, self._settings, vmid)
                upid = self._client.post(f"nodes/{node}/qemu", parameters)
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
        """Settings and disk size of a guest that was not started yet; others are left alone."""
        if guest.lock:
            raise self._finder.locked(guest, guest.lock)
        status = self._finder.status(guest)
        if status == "stopped":
            if not guest.mark.finished:
                parameters = configuration(spec, self._settings, guest.vmid)
                self._client.put(f"{guest.path}/config", parameters)
                guest = self._again(guest)
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

    # running

    def start(self, guest: Guest, progress: Progress) -> None:
        with self._about("the guest cannot be started", guest.name, guest.id):
            self._power(guest, "running", "start", {}, progress, START_SECONDS)

    def stop(self, guest: Guest, progress: Progress) -> None:
        """Shut down, and switched off where it does not within a minute."""
        with self._about("the guest cannot be stopped", guest.name, guest.id):
            parameters = {"timeout": _SHUTDOWN_SECONDS, "forceStop": True}
            self._power(guest, "stopped", "shutdown", parameters, progress, STOP_SECONDS)

    def _power(
        self,
        guest: Guest,
        wanted: str,
        action: str,
        parameters: Mapping[str, Any],
        progress: Progress,
        seconds: float,
    ) -> None:
        found = self._marked(guest)
        deadline = self._client.clock() + seconds
        if self._finder.status(found) == wanted:
            return
        if found.lock:
            raise self._finder.locked(found, found.lock)
        try:
            upid = self._client.post(f"{found.path}/status/{action}", parameters)
            self._tasks.wait(str(upid), progress, seconds)
        except (OutcomeUnknown, RemoteFailure):
            if self._finder.status(self._marked(guest)) == wanted:
                return  # somebody else did it, or ours was carried out though its answer was lost
            raise
        except Locked as error:
            current = self._marked(guest)
            raise self._finder.locked(current, current.lock) if current.lock else error from None
        self._wait_for_status(guest, wanted, deadline, progress)

    def _wait_for_status(
        self, guest: Guest, wanted: str, deadline: float, progress: Progress
    ) -> None:
        """A guest under high availability gets its state later than its task ends."""
        while (status := self._finder.status(self._marked(guest))) != wanted:
            progress.raise_if_cancelled()
            if self._client.clock() >= deadline:
                raise OutcomeUnknown(
                    f"the guest is not {wanted} in time",
                    why=f"Proxmox says that it is {status}",
                    do="Look at the guest in the Proxmox web interface, then try again.",
                )
            self._client.sleep(1.0)

    def host_keys(self, guest: Guest, progress: Progress) -> tuple[str, ...]:
        with self._about("the guest's SSH host key cannot be read", guest.name, guest.id):
            return read_host_keys(self._client, self._marked(guest).path, progress)

    # removing

    def destroy(self, owner: str, progress: Progress) -> bool:
        with self._about("the guest cannot be removed", owner):
            claimed = self._ids.claimed(owner)
            if claimed is not None:
                self._ids.wait_for_tasks(claimed, progress, CREATE_SECONDS)
            removed = False
            while (found := self._finder.find(owner, among_copies=True)) is not None:
                progress.raise_if_cancelled()
                self._remove(found, progress)
                removed = True
            self._ids.release(owner)
            return removed

    def _remove(self, found: MarkedGuest, progress: Progress) -> None:
        """Stop and delete. `NotFound` on the way means that it is gone, as it should be."""
        try:
            if found.lock:
                raise self._finder.locked(found, found.lock)
            if self._finder.status(found) != "stopped":
                progress.log(f"Stopping guest {found.vmid}.")
                upid = self._client.post(f"{found.path}/status/stop", {"overrule-shutdown": True})
                self._tasks.wait(str(upid), progress, STOP_SECONDS)
                guest = self._finder.describe(found, "running")
                deadline = self._client.clock() + STOP_SECONDS
                self._wait_for_status(guest, "stopped", deadline, progress)
            progress.log(f"Removing guest {found.vmid} and its disks.")
            everything = {"purge": True, "destroy-unreferenced-disks": True}
            upid = self._client.delete(found.path, everything)
            self._tasks.wait(str(upid), progress, DESTROY_SECONDS)
        except NotFound:
            return

    # shared

    def _marked(self, guest: Guest) -> MarkedGuest:
        """The guest as it is now, wherever it runs now; NotFound unless it bears the mark."""
        found = self._finder.find(guest.owner)
        if found is None or str(found.vmid) != guest.id:
            raise NotFound(
                "the guest is not there any more",
                why=f"no guest {guest.id} with the mark {guest.owner} is left",
                do="If it was removed by hand, destroy the deployment and deploy again.",
            )
        return found

    def _again(self, guest: MarkedGuest) -> MarkedGuest:
        found = self._finder.find(guest.mark.owner)
        if found is None:
            raise NotFound("the guest vanished while it was made", do="Try again.")
        return found

    @contextmanager
    def _about(self, what: str, name: str, vmid: str = "") -> Iterator[None]:
        """Errors say what the user wanted and on what; the cause moves into the reason."""
        try:
            yield
        except HomeportError as error:
            if error.code != "cancelled":
                error.why, error.what = str(error), what
                number = f" ({vmid})" if vmid else ""
                error.on = f"guest {name}{number} at {self._client.provider}"
            raise
