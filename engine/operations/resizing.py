"""Plans for a guest of another size, and for one that is to be declared, from what is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.backends.protocols import DeclaredChange
from engine.errors import NotFound
from engine.model.deployment import Deployment, ResourceKind
from engine.model.plan import Effect, Plan
from engine.operations.declared import changes_of, preview
from engine.operations.gates import refuse_destroyed
from engine.operations.moving import refuse_moved
from engine.operations.workplace import Workplace
from engine.planning.desired import Desired
from engine.planning.guest_size import GuestSize
from engine.planning.resize import ENSURE, plan_resize
from engine.planning.sequence import in_order

if TYPE_CHECKING:
    from engine.operations.planner import Planner


class Resizing:
    def __init__(self, workplace: Workplace, planner: Planner) -> None:
        self._workplace = workplace
        self._planner = planner

    def resize(
        self,
        name: str,
        *,
        cores: int | None = None,
        memory_mib: int | None = None,
        disk_gib: int | None = None,
    ) -> Plan:
        """What is left out stays as it is. Empty where nothing would change. NotFound before there
        is a guest; InvalidInput for a smaller disk."""
        deployment = self._deployment(name)
        refuse_moved(deployment, self._workplace.inventory.moves.of(deployment.id))
        now = self._size(deployment)
        given = {"cores": cores, "memory_mib": memory_mib, "disk_gib": disk_gib}
        wanted = replace(now, **{key: n for key, n in given.items() if n is not None})
        plan = self._planner.declared(self._plan(deployment, now, wanted))
        if now != wanted:
            return plan
        if not any(changes_of(step) for step in plan.steps):
            return plan.model_copy(update={"steps": ()})
        stays = [
            one
            for one in plan.steps
            if one.effect is Effect.READ or one.id == ENSURE or changes_of(one)
        ]
        return plan.model_copy(update={"steps": in_order(stays)})

    def drift(self, name: str) -> list[DeclaredChange]:
        """What would have to be done for all to be as it is declared. NotFound where nothing of its
        provider is declared."""
        deployment = self._deployment(name)
        now = self._size(deployment)
        plan = self._plan(deployment, now, now)
        told = [preview(self._workplace, plan, step) for step in plan.steps]
        if all(changes is None for changes in told):
            raise NotFound(
                "the deployment is not declared to anything",
                on=deployment.name,
                why=f"the profile of {deployment.provider} has no 'infrastructure'",
                do="Add to the provider's profile: infrastructure: opentofu",
            )
        changes = {change.words: change for found in told for change in found or ()}
        return list(changes.values())

    def size_of(self, deployment: str) -> GuestSize | None:
        """Of the guest where the deployment lives; None before it has one. By name or id."""
        inventory = self._workplace.inventory
        known = inventory.deployments.get(deployment)
        guest = inventory.resources.get(known.id, known.provider, ResourceKind.GUEST, "main")
        needs = self._workplace.package(known.application).needs
        return GuestSize.of(needs, guest.attributes) if guest else None

    def _plan(self, deployment: Deployment, now: GuestSize, wanted: GuestSize) -> Plan:
        owned = self._workplace.inventory.resources.of(deployment.id)
        return plan_resize(self._desired(deployment), now, wanted, owned)

    def _desired(self, deployment: Deployment) -> Desired:
        package = self._workplace.package(deployment.application)
        return self._planner.with_history(self._planner.as_it_is(deployment, package))

    def _deployment(self, name: str) -> Deployment:
        deployment = self._workplace.inventory.deployments.get(name)
        refuse_destroyed(deployment)
        return deployment

    def _size(self, deployment: Deployment) -> GuestSize:
        found = self.size_of(deployment.id)
        if found is None:
            raise NotFound(
                "the deployment has no guest",
                on=deployment.name,
                do=f"Finish what was begun: homeport operations {deployment.name}",
            )
        return found
