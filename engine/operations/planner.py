"""From what the inventory and the catalog hold, to a plan; and the same again before applying.

The pure functions of `engine.planning` decide; this reads what they need. A plan is made
twice by the same code: for the reader, and when it is applied, so that an approval never
covers anything but what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.catalog.package import Package, Release
from engine.errors import HomeportError, InvalidInput, PlanChanged
from engine.inventory.inventory import Inventory
from engine.model.deployment import Deployment, DeploymentStatus
from engine.model.plan import Intent, OperationStatus, Plan
from engine.model.provider import ProviderProfile
from engine.model.record import RecordSet
from engine.operations.backups import Backups
from engine.operations.declared import with_declared
from engine.operations.gates import refuse_destroyed, refuse_other_method, release_of
from engine.operations.moving import Moving, refuse_moved
from engine.operations.optionvalues import check_values, referenced_secrets, withdraw
from engine.operations.probes import Probes
from engine.operations.recording import Recording
from engine.operations.redelegating import Redelegating
from engine.operations.resizing import Resizing
from engine.operations.rotating import Rotating
from engine.operations.secret_paths import path_of
from engine.operations.upgrades import Upgrades
from engine.operations.withheld import withheld
from engine.operations.workplace import Workplace
from engine.planning.changes import document_changes
from engine.planning.deploy import plan_deploy
from engine.planning.desired import Desired, deployment_id
from engine.planning.destroy import plan_destroy
from engine.planning.names import check_account, check_domain, check_name, default_name
from engine.planning.reconfigure import plan_reconfigure
from engine.planning.records import beside_the_address, check_together, with_added
from engine.planning.redelegate import at_both
from engine.planning.resize import resized_to
from engine.planning.rotate import renewed_by

if TYPE_CHECKING:
    from engine.homeport import DeployRequest

ACCOUNT_STEP = "accounts.ensure"
_KEEPS_VALUES = (
    *(Intent.DESTROY, Intent.MIGRATE, Intent.REVERT, Intent.CONFIRM),
    *(Intent.RESTORE, Intent.DRILL, Intent.PROBE),
)
"""Plans that bring no new values, and whose provider may not have the secrets yet: a move
carries them, and a backup has its own."""


class Planner:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._inventory: Inventory = workplace.inventory
        self.upgrades = Upgrades(workplace, self)
        self.backups = Backups(workplace, self)
        self.moving = Moving(workplace, self)
        self.probes = Probes(workplace)
        self.resizing = Resizing(workplace, self)
        self.rotating = Rotating(workplace, self)
        self.recording = Recording(workplace, self)
        self.redelegating = Redelegating(workplace, self.recording)

    def deploy(self, request: DeployRequest) -> Plan:
        """InvalidInput, NotFound, Conflict for what cannot be deployed so."""
        provider = self._inventory.providers.get(request.provider)
        package = self._workplace.package(request.application)
        refuse_other_method(package, provider)
        live = self._inventory.deployments.all()
        names, domains = {known.name for known in live}, {known.domain for known in live}
        name = request.name or default_name(package.id, names)
        check_name(name, names)
        domain = check_domain(request.domain or name, provider.zone, domains)
        return self._deploy(
            deployment_id(
                self._inventory.installation.id(), domain, self._inventory.deployments.count()
            ),
            name,
            domain,
            provider,
            package,
            release_of(package, request.release),
            request.values or {},
            request.account or _default_account(package),
            with_added((), request.records, domain),
        )

    def _deploy(
        self,
        identity: str,
        name: str,
        domain: str,
        provider: ProviderProfile,
        package: Package,
        release: Release,
        values: Mapping[str, Any],
        account: str,
        records: tuple[RecordSet, ...] = (),
    ) -> Plan:
        schema = self._workplace.options_schema(package.id, release.version)
        check_values(schema, values)
        document, fresh = withdraw(schema, values)
        desired = Desired(
            deployment=identity,
            name=name,
            domain=domain,
            package=package,
            release=release,
            provider=provider,
            values=document,
            account=check_account(account) if package.accounts else "",
            history=self._inventory.durations.expected(package.id),
            records=records,
        )
        check_together(beside_the_address(desired), domain)
        plan = self.declared(plan_deploy(desired, schema))
        if records:
            plan = plan.model_copy(update={"records": records})
        withheld.keep(plan, fresh)
        return plan

    def reconfigure(self, name: str, values: Mapping[str, Any]) -> Plan:
        """An empty plan where nothing would change."""
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        refuse_moved(deployment, self._inventory.moves.of(deployment.id))
        package = self._workplace.package(deployment.application)
        schema = self._workplace.options_schema(package.id, deployment.release)
        check_values(schema, values)
        document, given = withdraw(schema, values)
        fresh = self.renewed(deployment, given)
        plan = self._reconfigure(deployment, package, document, schema, fresh)
        withheld.keep(plan, fresh)
        return plan

    def _reconfigure(
        self,
        deployment: Deployment,
        package: Package,
        document: Mapping[str, Any],
        schema: Mapping[str, Any],
        fresh: Iterable[str],
    ) -> Plan:
        renewed = [name.removeprefix("option.") for name in fresh]
        desired = self.as_it_is(deployment.model_copy(update={"values": document}), package)
        if document_changes(schema, deployment.values, document, renewed):
            desired = self.with_history(desired)
        plan = plan_reconfigure(
            desired,
            deployment.values,
            schema,
            renewed_secrets=renewed,
            is_built=self.is_built(deployment),
        )
        return self.declared(plan)

    def destroy(self, name: str) -> Plan:
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        package = self._workplace.package(deployment.application)
        desired = self.with_history(self.as_it_is(deployment, package))
        other = self.moving.other_side(deployment)
        plan = plan_destroy(
            desired,
            self._inventory.resources.of(deployment.id),
            names_at=self.moving.names_elsewhere(deployment),
            other=other,
            keeps_secrets=other is not None
            and self.moving.shares_secrets(deployment, other.provider),
        )
        return self.declared(at_both(plan, self.moving.names_also(deployment)))

    def declared(self, plan: Plan) -> Plan:
        """With what the program says, that the provider's guests are declared to."""
        return with_declared(self._workplace, plan)

    def confirm(self, plan: Plan) -> None:
        """PlanChanged unless the same plan would be made now."""
        try:
            again = self._again(plan)
        except HomeportError as error:
            raise _changed(plan, str(error)) from error
        if _substance(again) != _substance(plan):
            raise _changed(plan, "what it was made from is not the same any more")

    def store_secrets(self, plan: Plan) -> None:
        """Put what was typed into secret options where the plan's references point.

        InvalidInput where a reference would point at nothing.
        """
        wanted = referenced_secrets(
            self._workplace.options_schema(plan.application, plan.release), plan.values
        )
        if not wanted or plan.intent in _KEEPS_VALUES:
            return
        provider = self._inventory.providers.get(plan.provider)
        store = self._workplace.backends(provider).secrets
        prefix = path_of(plan.deployment)
        fresh = withheld.of(plan)
        if lost := wanted - set(fresh) - {path[len(prefix) + 1 :] for path in store.list(prefix)}:
            raise InvalidInput(
                what="the value of a secret option is not known any more",
                on=", ".join(sorted(lost)),
                why="secrets are not kept in plans, and this plan was made in another process",
                left="nothing was changed",
                do="Give the secret again, plan and apply in one go.",
            )
        for name, value in fresh.items():
            store.put(f"{prefix}/{name}", value)

    def _again(self, plan: Plan) -> Plan:
        if plan.intent is Intent.DESTROY:
            return self.destroy(plan.deployment)
        known = {found.id: found for found in self._inventory.deployments.all(destroyed=True)}
        if plan.deployment not in known and plan.intent is Intent.PROBE:
            return self.probes.probe(plan.application, plan.provider, plan.release)
        if plan.deployment not in known and plan.intent in (Intent.RESTORE, Intent.DRILL):
            return self.backups.again_anew(plan)
        if plan.deployment not in known:
            return self._deploy_again(plan)
        deployment = known[plan.deployment]
        refuse_destroyed(deployment)
        if plan.intent in (Intent.UPGRADE, Intent.ROLLBACK):
            return self.upgrades.again(deployment, plan)
        if plan.intent in (Intent.BACKUP, Intent.RESTORE):
            return self.backups.again(deployment, plan)
        if plan.intent in (Intent.MIGRATE, Intent.REVERT, Intent.CONFIRM):
            return self.moving.again(plan)
        if plan.intent is Intent.ROTATE:
            return self.rotating.rotate(plan.deployment, renewed_by(plan))
        if names_plan := self.redelegating.again(plan):
            return names_plan
        if plan.records is not None:
            return self.recording.planned(deployment, plan.records)
        if size := resized_to(plan):
            return self.resizing.resize(plan.deployment, **size.args)
        package = self._workplace.package(plan.application)
        schema = self._workplace.options_schema(plan.application, plan.release)
        return self._reconfigure(deployment, package, plan.values, schema, withheld.of(plan))

    def _deploy_again(self, plan: Plan) -> Plan:
        provider = self._inventory.providers.get(plan.provider)
        package = self._workplace.package(plan.application)
        live = self._inventory.deployments.all()
        return self._deploy(
            plan.deployment,
            check_name(plan.name, {known.name for known in live}),
            check_domain(plan.domain, provider.zone, {known.domain for known in live}),
            provider,
            package,
            release_of(package, plan.release),
            plan.values,
            _account_of(plan) or _default_account(package),
            plan.records or (),
        )

    def as_it_is(self, deployment: Deployment, package: Package) -> Desired:
        return Desired.of(
            deployment,
            package,
            release_of(package, deployment.release),
            self._inventory.providers.get(deployment.provider),
        )

    def with_history(self, desired: Desired) -> Desired:
        """With what only matters where there is something to do."""
        return replace(
            desired,
            history=self._inventory.durations.expected(desired.package.id),
            account=self._account(desired.deployment, desired.package),
            size=self.resizing.size_of(desired.deployment),
        )

    def _account(self, deployment: str, package: Package) -> str:
        """The user name that the deployment was made with."""
        plans = (operation.plan for operation in self._inventory.operations.all(deployment))
        given = next(filter(None, map(_account_of, plans)), "")
        return given or _default_account(package)

    def is_built(self, deployment: Deployment) -> bool:
        """Did its deploy ever end well?"""
        return deployment.status is DeploymentStatus.RUNNING or any(
            operation.plan.intent is Intent.DEPLOY and operation.status is OperationStatus.SUCCEEDED
            for operation in self._inventory.operations.all(deployment.id)
        )

    def renewed(self, deployment: Deployment, given: Mapping[str, str]) -> dict[str, str]:
        """Those of the given secrets that are not stored so already."""
        if not given:
            return {}
        provider = self._inventory.providers.get(deployment.provider)
        store = self._workplace.backends(provider).secrets
        prefix = path_of(deployment.id)
        known = set(store.list(prefix))
        return {
            name: value
            for name, value in given.items()
            if (path := f"{prefix}/{name}") not in known or store.get(path) != value
        }


def _default_account(package: Package) -> str:
    return package.accounts[0].username if package.accounts else ""


def _account_of(plan: Plan) -> str:
    return next(
        (str(step.args.get("username", "")) for step in plan.steps if step.id == ACCOUNT_STEP), ""
    )


def _substance(plan: Plan) -> Any:
    """All of a plan but what only informs: durations learned meanwhile, forecast, warnings."""
    data = plan.model_dump(mode="json", exclude={"warnings", "rollback", "forecast"})
    for step in data["steps"]:
        del step["expected_seconds"]
    return data, plan.rollback and _substance(plan.rollback)


def _changed(plan: Plan, why: str) -> PlanChanged:
    return PlanChanged(
        what="the plan cannot be applied any more",
        on=plan.name,
        why=why,
        left="nothing was changed",
        do="Make the plan again and read it.",
    )
