"""Plans for other passwords and keys, from what the inventory holds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.model.plan import Intent, Plan
from engine.operations.gates import refuse_destroyed
from engine.operations.moving import refuse_moved
from engine.operations.workplace import Workplace
from engine.planning.rotate import plan_rotate

if TYPE_CHECKING:
    from engine.operations.planner import Planner

_MOVES_ON = (Intent.ROTATE, Intent.MIGRATE, Intent.REVERT)
"""What makes a configuration from before wrong."""


class Rotating:
    def __init__(self, workplace: Workplace, planner: Planner) -> None:
        self._workplace = workplace
        self._planner = planner

    def rotate(self, name: str, secrets: Collection[str] = ()) -> Plan:
        """secrets: by default, all that can be changed. Errors as of `plan_rotate`, and
        InvalidInput before the deployment was finished."""
        inventory = self._workplace.inventory
        deployment = inventory.deployments.get(name)
        refuse_destroyed(deployment)
        refuse_moved(deployment, inventory.moves.of(deployment.id))
        if not self._planner.is_built(deployment):
            raise InvalidInput(
                "the deployment was never finished",
                on=deployment.name,
                left="nothing was changed",
                do=f"Finish what was begun: homeport operations {deployment.name}",
            )
        package = self._workplace.package(deployment.application)
        desired = self._planner.with_history(self._planner.as_it_is(deployment, package))
        return plan_rotate(desired, inventory.resources.of(deployment.id), secrets)

    def moved_on(self, deployment: str, since: datetime) -> bool:
        """Has a configuration from then, by the deployment's id, perhaps passwords that are dead,
        or addresses and servers of another provider?"""
        made = self._workplace.inventory.operations.all(deployment)
        return any(run.plan.intent in _MOVES_ON and run.created > since for run in made)
