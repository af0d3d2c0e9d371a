"""Plans of backups and restores, from what inventory, catalog and repository hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.backup.repository import Repository
from engine.backup.retention import expired
from engine.errors import InvalidInput
from engine.model.deployment import Deployment, ResourceKind
from engine.model.plan import Intent, Plan
from engine.model.repository import RepositoryProfile
from engine.operations.gates import refuse_destroyed, release_of
from engine.operations.workplace import Workplace
from engine.planning.backup import plan_backup, plan_restore

if TYPE_CHECKING:
    from engine.operations.planner import Planner


class Backups:
    def __init__(
        self,
        workplace: Workplace,
        planner: Planner,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory
        self._planner = planner
        self._now = now

    def backup(self, name: str, repository: str = "") -> Plan:
        """repository: may be left out where there is but one. Reads the repository, to name
        what goes from it."""
        deployment = self._there(name)
        profile = self.chosen(repository)
        package = self._workplace.package(deployment.application)
        desired = self._planner.with_history(self._planner.as_it_is(deployment, package))
        made = self.open(profile).backups(deployment.id)
        return plan_backup(desired, profile, expired(made, profile.keep, self._now()))

    def restore(self, name: str, backup: str = "", repository: str = "") -> Plan:
        """backup: its id or the beginning of it; the newest by default."""
        deployment = self._there(name)
        profile = self.chosen(repository)
        opened = self.open(profile)
        found = opened.find(backup, deployment.id)
        about = opened.notes(found).about
        if about.application != deployment.application:
            raise InvalidInput(
                what="this is a backup of another application",
                on=f"{found.id}: {about.application}",
                left="nothing was changed",
            )
        package = self._workplace.package(deployment.application)
        present = self._planner.with_history(self._planner.as_it_is(deployment, package))
        release = release_of(package, about.release)
        return plan_restore(
            replace(present, release=release, values=about.values),
            present,
            self._workplace.options_schema(package.id, release.version),
            self._workplace.options_schema(package.id, deployment.release),
            profile,
            found,
        )

    def again(self, deployment: Deployment, plan: Plan) -> Plan:
        """The same plan made anew."""
        args = plan.steps[0].args
        if plan.intent is Intent.BACKUP:
            return self.backup(deployment.id, str(args["repository"]))
        return self.restore(
            deployment.id,
            next(str(s.args["backup"]) for s in plan.steps if "backup" in s.args),
            str(args["repository"]),
        )

    def open(self, profile: RepositoryProfile) -> Repository:
        return Repository(profile, self._workplace.installation_secrets().get)

    def chosen(self, name: str) -> RepositoryProfile:
        """The named one, or the only one. NotFound; InvalidInput where that is not said."""
        if name or len(known := self._inventory.repositories.all()) == 0:
            return self._inventory.repositories.get(name or "(none)")
        if len(known) > 1:
            raise InvalidInput(
                what="there are several repositories",
                on=", ".join(profile.name for profile in known),
                left="nothing was changed",
                do="Say which one: --repository NAME",
            )
        return known[0]

    def _there(self, name: str) -> Deployment:
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        if self._inventory.resources.get(deployment.id, ResourceKind.GUEST, "main") is None:
            raise InvalidInput(
                what="the deployment has no guest",
                on=deployment.name,
                why="it was never built to the end, or is being removed",
                left="nothing was changed",
                do=f"Look at it: homeport show {deployment.name}",
            )
        return deployment
