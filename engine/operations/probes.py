"""Plans that probe an application of the catalog, and what came of them."""

from __future__ import annotations

from engine.errors import InvalidInput, NotFound
from engine.model.plan import Plan
from engine.model.probe import Probed
from engine.operations.gates import refuse_other_method, release_of
from engine.operations.workplace import Workplace
from engine.planning.desired import Desired, deployment_id
from engine.planning.names import LONGEST_NAME, check_name
from engine.planning.probe import plan_probe


class Probes:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory

    def probe(self, application: str, provider: str = "", release: str | None = None) -> Plan:
        """provider: may be left out where there is but one."""
        package = self._workplace.package(application)
        chosen = self._inventory.providers.get(provider or self._only_provider())
        refuse_other_method(package, chosen)
        taken = {known.name for known in self._inventory.deployments.all()}
        name = check_name(f"probe-{application}"[:LONGEST_NAME].rstrip("-"), taken)
        count, installation = self._inventory.deployments.count(), self._inventory.installation.id()
        desired = Desired(
            deployment=deployment_id(installation, f"probe {application}", count),
            name=name,
            domain=f"{name}.{chosen.zone}",
            package=package,
            release=release_of(package, release),
            provider=chosen,
            values={},
            account=package.accounts[0].username if package.accounts else "",
            history=self._inventory.durations.expected(package.id),
        )
        schema = self._workplace.options_schema(package.id, desired.release.version)
        return plan_probe(desired, schema)

    def result(self, operation: str) -> Probed:
        """NotFound for one that was not compared, or was no probe."""
        finished = self._inventory.finished_steps.of(operation).get("probe.compare")
        if finished is None:
            raise NotFound(
                what="nothing was compared",
                on=operation,
                why="the operation ended before, or is no probe",
                do=f"See how it ended: homeport attach {operation}",
            )
        return Probed.model_validate(finished.output)

    def _only_provider(self) -> str:
        known = [profile.name for profile in self._inventory.providers.all()]
        if len(known) != 1:
            raise InvalidInput(
                what="it is not said where the throw-away guest shall be",
                on=", ".join(known) or "there is no provider yet",
                left="nothing was changed",
                do="Say which one: --provider NAME (see homeport providers)",
            )
        return known[0]
