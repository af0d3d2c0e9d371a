"""Guests on Proxmox VE: made once, found again, started, stopped and removed.

Every call looks up the guest by its mark first, wherever in the cluster it is by now, and
leaves a guest without the mark alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.backends.hypervisor.agent import read_host_keys
from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.creation import check_spec
from engine.backends.hypervisor.guests import CONTAINER, GuestFinder, MarkedGuest
from engine.backends.hypervisor.ids import GuestIds
from engine.backends.hypervisor.inspection import inspect
from engine.backends.hypervisor.least_rights import least_rights
from engine.backends.hypervisor.login import shared_login
from engine.backends.hypervisor.making import CREATE_SECONDS, Create, GuestMaker
from engine.backends.hypervisor.nets import SafetyNets
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.hypervisor.tasks import Tasks
from engine.backends.hypervisor.turns import Turns
from engine.backends.protocols import Guest, GuestSpec, NetKind, Progress
from engine.backends.registry import BackendEnvironment, LeaseStore, read_settings
from engine.errors import Denied, HomeportError, Locked, NotFound, OutcomeUnknown, RemoteFailure
from engine.model.provider import Check

START_SECONDS, STOP_SECONDS, DESTROY_SECONDS = 180.0, 120.0, 600.0
_SHUTDOWN_SECONDS = 60
_LEFT = "what was made so far is kept and found again by the next attempt"


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> Proxmox:
    checked = read_settings(ProxmoxSettings, environment, settings)
    client = connect(checked, environment.read_secret, environment.provider.name)
    return Proxmox(client, environment.leases, environment.paths.state / "turns")


def connect(
    settings: ProxmoxSettings, read_secret: Callable[[str], str], provider: str
) -> ProxmoxClient:
    """Asks nothing yet. Denied where the stored secret cannot be one."""
    token, login = "", None
    if settings.token_id:
        token = token_secret(read_secret(settings.token_ref), settings.token_id)
    else:
        totp_secret = read_secret(settings.totp_ref).strip() if settings.totp_ref else ""
        password = read_secret(settings.password_ref).rstrip("\r\n")
        login = shared_login(settings, password, totp_secret)
    return ProxmoxClient(settings, token, provider, login)


def token_secret(stored: str, token_id: str) -> str:
    """The secret alone, also where the whole "user@realm!name=secret" was stored."""
    secret = stored.strip().removeprefix(f"{token_id}=")
    if not re.fullmatch(r"[!-~]+", secret):
        raise Denied(
            "the stored token secret cannot be one of Proxmox VE",
            on=token_id,
            why="it is empty or holds blanks or other characters that no token has",
            left="nothing was sent",
            do="Store the secret again, as pveum user token add showed it.",
        )
    return secret


class Proxmox:
    """The protocol `Hypervisor` on one Proxmox VE or cluster."""

    def __init__(
        self,
        client: ProxmoxClient,
        leases: LeaseStore,
        turns: Path,
        create: Create | None = None,
    ) -> None:
        """turns: where locks are kept that processes of this machine share. create: makes a guest
        in another way than by asking for it here."""
        self.settings = client.settings
        self.client = client
        self.leases = leases
        self.turns = turns
        self._tasks = Tasks(client)
        pool = f"vmid:{client.provider}"
        self._finder = GuestFinder(client, leases, pool)
        self._ids = GuestIds(client, leases, pool, self._finder)
        limit = client.settings.parallel_tasks
        self._turns = Turns(turns, client.provider, limit, client.sleep)
        self._nets = SafetyNets(client, self._turns, self._finder.locked)
        self._maker = GuestMaker(client, self._finder, self._ids, self._turns, create)

    def check(self) -> list[Check]:
        return inspect(self.client, self._ids)

    def least_rights(self) -> str:
        version = str(self.client.get("version").get("version"))
        return least_rights(self.client.settings, int(version.partition(".")[0]))

    def find(self, owner: str) -> Guest | None:
        found = self._finder.find(owner)
        return self._finder.describe(found, self._finder.status(found)) if found else None

    # making

    def ensure(self, spec: GuestSpec, progress: Progress) -> Guest:
        check_spec(spec)
        with self._about("the guest cannot be created", spec.name):
            return self._maker.make(spec, progress)

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
        deadline = self.client.clock() + seconds
        if self._finder.status(found) == wanted:
            return
        if found.lock:
            raise self._finder.locked(found, found.lock)
        try:
            upid = self.client.post(f"{found.path}/status/{action}", parameters)
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
            if self.client.clock() >= deadline:
                raise OutcomeUnknown(
                    f"the guest is not {wanted} in time",
                    why=f"Proxmox says that it is {status}",
                    do="Look at the guest in the Proxmox web interface, then try again.",
                )
            self.client.sleep(1.0)

    def host_keys(self, guest: Guest, progress: Progress) -> tuple[str, ...]:
        with self._about("the guest's SSH host key cannot be read", guest.name, guest.id):
            found = self._marked(guest)
            if found.kind == CONTAINER:
                return ()  # it has no agent; it proves them itself
            return read_host_keys(self.client, found.path, progress)

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
                upid = self.client.post(f"{found.path}/status/stop", {"overrule-shutdown": True})
                self._tasks.wait(str(upid), progress, STOP_SECONDS)
                guest = self._finder.describe(found, "running")
                deadline = self.client.clock() + STOP_SECONDS
                self._wait_for_status(guest, "stopped", deadline, progress)
            progress.log(f"Removing guest {found.vmid} and its disks.")
            everything = {"purge": True, "destroy-unreferenced-disks": True}
            storage = self.client.settings.storage
            with self._turns.at(found.node, storage, progress):
                upid = self.client.delete(found.path, everything)
                self._tasks.wait(str(upid), progress, DESTROY_SECONDS)
        except NotFound:
            return

    # safety nets

    def keep(self, owner: str, name: str, kind: NetKind, progress: Progress) -> str | None:
        with self._about(f"the {kind} of the guest cannot be made", owner):
            found = self._finder.find(owner)
            if found is None:
                raise NotFound("there is no guest", why=f"none bears the mark {owner}")
            return self._nets.keep(found, name, kind, progress)

    def drop(self, owner: str, known_as: str, kind: NetKind, progress: Progress) -> bool:
        with self._about(f"the {kind} of the guest cannot be removed", owner):
            return self._nets.drop(self._finder.find(owner), known_as, kind, progress)

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

    @contextmanager
    def _about(self, what: str, name: str, vmid: str = "") -> Iterator[None]:
        """Errors say what the user wanted and on what; the cause moves into the reason."""
        try:
            yield
        except HomeportError as error:
            if error.code != "cancelled":
                error.why, error.what = str(error), what
                number = f" ({vmid})" if vmid else ""
                error.on = f"guest {name}{number} at {self.client.provider}"
                error.left = error.left or _LEFT
            raise
