"""Plans of backups and restores, from what inventory, catalog and repository hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.backup.notes import About
from engine.backup.repository import Repository
from engine.backup.retention import expired
from engine.errors import InvalidInput
from engine.model.deployment import Deployment, ResourceKind
from engine.model.plan import Intent, Plan
from engine.model.provider import ProviderProfile
from engine.model.repository import Backup, RepositoryProfile
from engine.operations.gates import refuse_destroyed, release_of
from engine.operations.moving import refuse_moved
from engine.operations.workplace import Workplace
from engine.planning.anew import plan_drill, plan_restore_as
from engine.planning.backup import plan_backup, plan_restore
from engine.planning.desired import Desired, deployment_id
from engine.planning.names import LONGEST_NAME, check_domain, check_name

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
        refuse_moved(deployment, self._inventory.moves.of(deployment.id))
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
            self._planner.rotating.moved_on(deployment.id, found.at),
        )

    def restore_as(
        self,
        name: str,
        new_name: str,
        *,
        domain: str = "",
        provider: str = "",
        backup: str = "",
        repository: str = "",
    ) -> Plan:
        """A new deployment from a backup of `name`, which need not be there any more.

        domain, provider: by default those of the backup.
        """
        profile, found, about = self._of_name(name, backup, repository)
        live = self._inventory.deployments.all()
        chosen = self._inventory.providers.get(provider or about.provider)
        domains = {known.domain for known in live}
        wanted = check_domain(domain or about.domain, chosen.zone, domains)
        check_name(new_name, {known.name for known in live})
        desired = self._anew(about, new_name, wanted, chosen, key=wanted)
        living = next((known.name for known in live if known.id == found.deployment), "")
        schema = self._workplace.options_schema(about.application, about.release)
        return plan_restore_as(desired, schema, profile, found, domain=about.domain, living=living)

    def drill(
        self, name: str, *, backup: str = "", repository: str = "", provider: str = ""
    ) -> Plan:
        """A backup of `name` proven on a throw-away guest, by default at its own provider."""
        profile, found, about = self._of_name(name, backup, repository)
        taken = {known.name for known in self._inventory.deployments.all()}
        own = check_name(f"drill-{about.name}"[:LONGEST_NAME].rstrip("-"), taken)
        chosen = self._inventory.providers.get(provider or about.provider)
        desired = self._anew(about, own, about.domain, chosen, key=f"drill {found.id}")
        schema = self._workplace.options_schema(about.application, about.release)
        return plan_drill(desired, schema, profile, found)

    def _of_name(
        self, name: str, backup: str, repository: str
    ) -> tuple[RepositoryProfile, Backup, About]:
        profile = self.chosen(repository)
        opened = self.open(profile)
        living = {known.id for known in self._inventory.deployments.all() if known.name == name}
        ids = {b.deployment for b in opened.backups() if name in (b.name, b.deployment)}
        ids = ids & living or ids
        if len(ids) > 1 and not backup:
            raise InvalidInput(
                what="several deployments had this name",
                on=name,
                left="nothing was changed",
                do="Say which backup: --backup ID (see homeport backups)",
            )
        found = opened.find(backup, None if backup else next(iter(ids), name))
        if name not in (found.name, found.deployment):
            raise InvalidInput(
                what="this is a backup of another deployment", on=f"{found.id}: {found.name}"
            )
        return profile, found, opened.notes(found).about

    def _anew(
        self, about: About, name: str, domain: str, provider: ProviderProfile, *, key: str
    ) -> Desired:
        package = self._workplace.package(about.application)
        installation = self._inventory.installation.id()
        return Desired(
            deployment=deployment_id(installation, key, self._inventory.deployments.count()),
            name=name,
            domain=domain,
            package=package,
            release=release_of(package, about.release),
            provider=provider,
            values=about.values,
            account=about.account,
            history=self._inventory.durations.expected(package.id),
        )

    def again_anew(self, plan: Plan) -> Plan:
        """The same plan for a deployment that is not there yet, made anew."""
        args = next(s.args for s in plan.steps if "backup" in s.args)
        backup, repository = str(args["backup"]), str(args["repository"])
        name = self.open(self.chosen(repository)).find(backup).deployment
        if plan.intent is Intent.DRILL:
            return self.drill(name, backup=backup, repository=repository, provider=plan.provider)
        return self.restore_as(
            name,
            plan.name,
            domain=plan.domain,
            provider=plan.provider,
            backup=backup,
            repository=repository,
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
        resources, provider = self._inventory.resources, deployment.provider
        if resources.get(deployment.id, provider, ResourceKind.GUEST, "main") is None:
            raise InvalidInput(
                what="the deployment has no guest",
                on=deployment.name,
                why="it was never built to the end, or is being removed",
                left="nothing was changed",
                do=f"Look at it: homeport show {deployment.name}",
            )
        return deployment
