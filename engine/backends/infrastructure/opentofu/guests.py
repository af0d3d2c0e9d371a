"""Guests of Proxmox VE that OpenTofu makes, changes and removes.

Everything else (finding, starting, stopping, host keys) is asked of Proxmox VE itself, so all that
Homeport does with guests works on these; and a guest that Homeport made by itself is the same guest
once OpenTofu has taken it over. Ids come from the same range and bear the same mark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.backends.hypervisor.creation import check_spec
from engine.backends.hypervisor.placement import choose_node
from engine.backends.hypervisor.proxmox import Proxmox
from engine.backends.infrastructure.opentofu.changes import TofuPlan
from engine.backends.infrastructure.opentofu.declaration import VM, DeclaredGuest
from engine.backends.infrastructure.opentofu.documents import Ground
from engine.backends.infrastructure.opentofu.program import installed_version
from engine.backends.infrastructure.opentofu.workspace import Wanted, Workspace
from engine.backends.protocols import DeclaredChange, Guest, GuestSpec, Progress
from engine.backends.registry import failed_check
from engine.errors import Conflict, HomeportError
from engine.model.provider import Check, CheckStatus

_SERVICE = "infrastructure"
_UNCHOSEN = "chosen-when-made"


class DeclaredGuests(Proxmox):
    """The protocols `Hypervisor` and `DeclaresGuests`."""

    def __init__(
        self,
        native: Proxmox,
        ground: Ground,
        approved: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(native.client, native.leases, native.turns, self._declare_new)
        self._native = native
        self._ground = ground
        self._approved = approved

    def check(self) -> list[Check]:
        return [*super().check(), self._check()]

    # DeclaresGuests

    def bound_to(self, approved: Sequence[Mapping[str, str]]) -> DeclaredGuests:
        return DeclaredGuests(self._native, self._ground, approved)

    def preview(
        self, owner: str, name: str, spec: GuestSpec | None, progress: Progress
    ) -> list[DeclaredChange]:
        workspace = Workspace(self._ground, owner, name)
        found = self._finder.find(owner)
        if spec is None:
            if not workspace.known():
                return []
            return _told(workspace.preview(Wanted(None), progress))
        node, vmid = (found.node, found.vmid) if found else (_UNCHOSEN, self.settings.vmid_first)
        guest = DeclaredGuest(spec, node, vmid)
        return _told(workspace.preview(Wanted(guest, found is not None), progress))

    def directory(self, owner: str) -> str:
        workspace = Workspace(self._ground, owner)
        return str(workspace.directory.path) if workspace.directory.exists else ""

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
        workspace = Workspace(self._ground, owner)
        removed = False
        with self._about("the guest cannot be removed", owner):
            own = [one.id for one in workspace.known() if one.kind == VM and owner in one.tags]
            if own:
                self._refuse_strangers(own, owner)
                plan = workspace.apply(lambda: Wanted(None), self._approved, progress)
                removed = not plan.is_empty
        removed = super().destroy(owner, progress) or removed
        workspace.remove()
        return removed

    # parts

    def _declare_new(self, vmid: int, spec: GuestSpec, progress: Progress) -> None:
        """Where the id is free: see `GuestMaker`."""
        self._apply(spec, choose_node(self.client, spec), vmid, progress)

    def _apply(self, spec: GuestSpec, node: str, vmid: int, progress: Progress) -> None:
        """node, vmid: for a guest that is not there yet."""

        def want() -> Wanted:
            found = self._finder.find(spec.owner)
            place = (found.node, found.vmid) if found else (node, vmid)
            return Wanted(DeclaredGuest(spec, *place), found is not None)

        self._ids.asked(vmid)
        workspace = Workspace(self._ground, spec.owner, spec.name)
        workspace.apply(want, self._approved, progress)

    def _refuse_strangers(self, ids: Sequence[str], owner: str) -> None:
        """A guest that was made by others, with an id that the state remembers as ours."""
        found = self._finder.find(owner)
        for key in ids:
            is_ours = found is not None and str(found.vmid) == key
            if not is_ours and not self._ids.is_free(int(key)):
                raise Conflict(
                    "the guest in OpenTofu's state is not the deployment's any more",
                    why=f"guest {key} does not bear the mark {owner}",
                    left="no guest was touched",
                    do=f"If guest {key} is somebody else's, take it out of the state: "
                    f"{self._ground.settings.binary} state rm ADDRESS, in "
                    f"{self.directory(owner)}. Then destroy again.",
                )

    def _check(self) -> Check:
        title = "OpenTofu"
        try:
            version = installed_version(self._ground.settings.binary)
            where = "files"
            if self._ground.service is not None:
                state = self._ground.service("hp-check", False)
                where = state.url.removesuffix("/hp-check")
        except HomeportError as error:
            return failed_check(_SERVICE, error, title)
        found = f"{version}; states: {where}"
        return Check(service=_SERVICE, title=title, status=CheckStatus.PASS, found=found)


def _told(plan: TofuPlan) -> list[DeclaredChange]:
    return [DeclaredChange(change.words, change.as_json()) for change in plan.changes]
