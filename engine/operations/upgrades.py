"""Plans to another release and back, from what inventory and catalog hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.catalog.package import Package, Release
from engine.errors import InvalidInput
from engine.model.deployment import Deployment, ResourceKind
from engine.model.plan import Intent, Operation, OperationStatus, Plan
from engine.operations.gates import refuse_destroyed, refuse_older, release_of
from engine.operations.moving import refuse_moved
from engine.operations.optionvalues import check_values, withdraw
from engine.operations.withheld import withheld
from engine.operations.workplace import Workplace
from engine.planning.desired import Desired
from engine.planning.upgrade import BEFORE, plan_rollback, plan_upgrade

if TYPE_CHECKING:
    from engine.operations.planner import Planner

_ARCHIVE = "values.archive@1"


class Upgrades:
    def __init__(self, workplace: Workplace, planner: Planner) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory
        self._planner = planner

    def upgrade(
        self,
        name: str,
        release: str | None,
        values: Mapping[str, Any],
        archived: Mapping[str, Any] | None = None,
    ) -> Plan:
        """values: the whole document for the release; archived: what leaves, by dotted path.

        InvalidInput for values that the release refuses, and for a release that is not newer.
        """
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        refuse_moved(deployment, self._inventory.moves.of(deployment.id))
        package = self._workplace.package(deployment.application)
        wanted = release_of(package, release)
        refuse_older(package, deployment, wanted)
        schema = self._workplace.options_schema(package.id, wanted.version)
        check_values(schema, values)
        document, given = withdraw(schema, values)
        plan = self._upgrade(deployment, package, wanted, document, archived or {})
        withheld.keep(plan, self._planner.renewed(deployment, given))
        return plan

    def rollback(self, name: str) -> Plan:
        """Back to before the last upgrade, with its data. InvalidInput where there is none."""
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        refuse_moved(deployment, self._inventory.moves.of(deployment.id))
        package = self._workplace.package(deployment.application)
        upgrade = self._last_upgrade(deployment)
        origin = upgrade.plan.rollback
        key = f"{upgrade.id}.{BEFORE}"
        kept = self._inventory.resources.get(
            deployment.id, deployment.provider, ResourceKind.CAPTURE, key
        )
        if origin is None or kept is None:
            raise _nothing_to_go_back_to(deployment, "what was kept then is not there any more")
        new = self._present(deployment, package)
        return plan_rollback(
            replace(new, release=release_of(package, origin.release), values=origin.values),
            new,
            self._workplace.options_schema(package.id, origin.release),
            self._workplace.options_schema(package.id, deployment.release),
            upgrade=upgrade.id,
            captured=datetime.fromisoformat(str(kept.attributes["at"])),
            has_moved_on=self._planner.rotating.moved_on(deployment.id, upgrade.created),
        )

    def again(self, deployment: Deployment, plan: Plan) -> Plan:
        """The same plan made anew, as far as it would still be made."""
        if plan.intent is Intent.ROLLBACK:
            return self.rollback(deployment.id)
        package = self._workplace.package(plan.application)
        release = release_of(package, plan.release)
        refuse_older(package, deployment, release)
        found = (step.args["values"] for step in plan.steps if step.kind == _ARCHIVE)
        archived: Mapping[str, Any] = next(found, {})
        return self._upgrade(deployment, package, release, plan.values, archived)

    def _upgrade(
        self,
        deployment: Deployment,
        package: Package,
        release: Release,
        document: Mapping[str, Any],
        archived: Mapping[str, Any],
    ) -> Plan:
        old = self._present(deployment, package)
        return plan_upgrade(
            replace(old, release=release, values=document),
            old,
            self._workplace.options_schema(package.id, release.version),
            self._workplace.options_schema(package.id, deployment.release),
            archived=archived,
            resources=self._inventory.resources.of(deployment.id),
        )

    def _present(self, deployment: Deployment, package: Package) -> Desired:
        return self._planner.with_history(self._planner.as_it_is(deployment, package))

    def _last_upgrade(self, deployment: Deployment) -> Operation:
        """The one that gave the deployment its present release."""
        for operation in self._inventory.operations.all(deployment.id):
            if operation.status is not OperationStatus.SUCCEEDED:
                continue
            if operation.plan.intent is Intent.UPGRADE:
                return operation
            if operation.plan.intent is Intent.ROLLBACK:
                raise _nothing_to_go_back_to(deployment, "its last upgrade was taken back already")
            if operation.plan.intent is Intent.RESTORE:
                raise _nothing_to_go_back_to(deployment, "a backup was restored since")
        raise _nothing_to_go_back_to(deployment, "it was never upgraded")


def _nothing_to_go_back_to(deployment: Deployment, why: str) -> InvalidInput:
    return InvalidInput(
        what="there is no upgrade to take back",
        on=deployment.name,
        why=why,
        left="nothing was changed",
        do=f"See what was done: homeport operations {deployment.name}",
    )
