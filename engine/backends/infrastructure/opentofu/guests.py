"""Guests of Proxmox VE that OpenTofu makes, changes and removes.

Everything else (finding, starting, stopping, host keys) is asked of Proxmox VE itself, so all that
Homeport does with guests works on these; and a guest that Homeport made by itself is the same guest
once OpenTofu has taken it over. Ids come from the same range and bear the same mark.
"""

from __future__ import annotations

from functools import partial

from engine.backends.hypervisor.creation import check_spec
from engine.backends.hypervisor.placement import choose_node
from engine.backends.hypervisor.proxmox import Proxmox
from engine.backends.infrastructure.opentofu.changes import KnownResource
from engine.backends.infrastructure.opentofu.declaration import DeclaredGuest
from engine.backends.infrastructure.opentofu.declaring import Declared, Declaring
from engine.backends.infrastructure.opentofu.parts import Resource
from engine.backends.infrastructure.opentofu.program import installed_version
from engine.backends.protocols import DeclaredChange, Guest, GuestSpec, Progress, Wanted
from engine.backends.registry import failed_check
from engine.errors import HomeportError
from engine.model.provider import Check, CheckStatus

_SERVICE = "infrastructure"
_UNCHOSEN = "chosen-when-made"


class DeclaredGuests(Declared, Proxmox):
    """The protocols `Hypervisor` and `Declares`."""

    def __init__(self, native: Proxmox, declaring: Declaring) -> None:
        Declared.__init__(self, native, declaring)
        Proxmox.__init__(self, native.client, native.leases, native.turns, self._declare_new)

    def check(self) -> list[Check]:
        return [*super().check(), self._check()]

    # Declares

    def preview(
        self, owner: str, name: str, wanted: Wanted, progress: Progress
    ) -> list[DeclaredChange]:
        resources = []
        if isinstance(wanted, GuestSpec):
            found = self._finder.find(owner)
            place = (found.node, found.vmid) if found else (_UNCHOSEN, self.settings.vmid_first)
            resources.append(self._resource(wanted, *place, is_there=found is not None))
        return self._declaring.preview(owner, name, resources, progress)

    # Hypervisor

    def ensure(self, spec: GuestSpec, progress: Progress) -> Guest:
        check_spec(spec)
        with self._about("the guest cannot be made as declared", spec.name):
            found = self._finder.find(spec.owner)
            if found is not None:
                if found.lock:
                    raise self._finder.locked(found, found.lock)
                self._apply(spec, found.node, found.vmid, progress)
            return self._maker.make(spec, progress)

    def destroy(self, owner: str, progress: Progress) -> bool:
        owns = partial(_bears, owner)
        with self._about("the guest cannot be removed", owner):
            self._refuse_strangers(owner)
            removed = self._declaring.withdraw(owner, owns, progress)
        removed = super().destroy(owner, progress) or removed
        self._declaring.clear(owner, progress)
        return removed

    # parts

    def _declare_new(self, vmid: int, spec: GuestSpec, progress: Progress) -> None:
        """Where the id is free: see `GuestMaker`."""
        self._apply(spec, choose_node(self.client, spec), vmid, progress)

    def _apply(self, spec: GuestSpec, node: str, vmid: int, progress: Progress) -> None:
        """node, vmid: for a guest that is not there yet."""

        def want() -> list[Resource]:
            found = self._finder.find(spec.owner)
            place = (found.node, found.vmid) if found else (node, vmid)
            return [self._resource(spec, *place, is_there=found is not None)]

        self._ids.asked(vmid)
        self._declaring.apply(spec.owner, want, partial(_bears, spec.owner), progress, spec.name)

    def _resource(self, spec: GuestSpec, node: str, vmid: int, *, is_there: bool) -> Resource:
        return DeclaredGuest(spec, node, vmid).resource(self.settings, is_there=is_there)

    def _refuse_strangers(self, owner: str) -> None:
        """A guest that was made by others, with an id that the state remembers as ours."""
        found = self._finder.find(owner)
        for one in self._declaring.known(owner, partial(_bears, owner)):
            is_ours = found is not None and str(found.vmid) == one.id
            if not is_ours and not self._ids.is_free(int(one.id)):
                raise self._declaring.not_ours(f"guest {one.id}", owner)

    def _check(self) -> Check:
        title = "OpenTofu"
        try:
            version = installed_version(self._declaring.ground.settings.binary)
            where = "files"
            if self._declaring.ground.service is not None:
                state = self._declaring.ground.service("hp-check", False)
                where = state.url.removesuffix("/hp-check")
        except HomeportError as error:
            return failed_check(_SERVICE, error, title)
        found = f"{version}; states: {where}"
        return Check(service=_SERVICE, title=title, status=CheckStatus.PASS, found=found)


def _bears(owner: str, known: KnownResource) -> bool:
    return owner in known.tags
