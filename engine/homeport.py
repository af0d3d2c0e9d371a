"""The engine's front door: everything that an interface may ask for.

The terminal interface and the command line both stand on this class and on nothing else
of the engine but the values of `engine.model`. Calls return at once or after short I/O;
long work is an operation, carried out by the worker process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from engine.backup.due import standings
from engine.catalog.package import Package, TimerSpec
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model.deployment import Deployment, HealthReport, Resource
from engine.model.events import Event
from engine.model.move import Forwarded, Move, MoveTerms
from engine.model.names import Delegation
from engine.model.options import ArchivedValue
from engine.model.plan import Operation, Plan
from engine.model.provider import Check, ProviderProfile
from engine.model.record import RecordSet, RecordsInZone
from engine.model.schedule import ScheduleStanding
from engine.paths import Paths

if TYPE_CHECKING:
    from engine.backends.protocols import DeclaredChange
    from engine.backup.desk import RepositoryDesk
    from engine.backup.scheduling import Scheduling
    from engine.catalog.load import Catalog
    from engine.inventory.inventory import Inventory
    from engine.model.outdated import Outdated
    from engine.model.probe import Probed
    from engine.operations.control import Control
    from engine.operations.planner import Planner
    from engine.operations.workplace import Workplace
    from engine.provider_setup.desk import SetupDesk
    from engine.public import PublicEndpoint
    from engine.reviewing import Reviewing
    from engine.secrets_desk import SecretsDesk
    from engine.targets import Target
    from engine.tfstate.desk import StateDesk
    from engine.vars.desk import VarsDesk
    from forms.upgrade import Ledger, Review


@dataclass(frozen=True)
class DeployRequest:
    """What the user wants deployed. `values` is shaped as the release's options schema."""

    application: str
    provider: str
    domain: str
    name: str = ""
    release: str | None = None
    values: Mapping[str, Any] | None = None
    account: str = ""
    """User name of the first account; empty for the package's default."""
    records: Sequence[str] = ()
    """DNS records beside that of its address, as `engine.planning.records` reads them."""


@dataclass(frozen=True)
class DeploymentView:
    """A line of the dashboard."""

    deployment: Deployment
    address: str
    url: str
    health: HealthReport | None
    operation: Operation | None
    """The unfinished operation that holds it, if any."""
    move: Move | None = None
    """Its last move to another provider, if any."""
    schedule: ScheduleStanding | None = None
    """How its scheduled backups stand, if there are any."""


class Homeport:
    """One installation, opened. Not shared between threads: open one per thread.

    Opening is cheap: catalog and inventory are read when they are first needed.
    """

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    @classmethod
    def open(cls, paths: Paths | None = None) -> Homeport:
        return cls(paths or Paths.from_environment())

    def close(self) -> None:
        if "_inventory" in self.__dict__:
            self._inventory.close()

    def __enter__(self) -> Homeport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def _inventory(self) -> Inventory:
        from engine.inventory.inventory import Inventory

        return Inventory.open(self.paths)

    @cached_property
    def _catalog(self) -> Catalog:
        from engine.catalog.load import Catalog

        return Catalog.open(self.paths)

    @cached_property
    def _workplace(self) -> Workplace:
        from engine.operations.workplace import open_workplace

        return open_workplace(self.paths, self._inventory, self._catalog)

    @cached_property
    def _planner(self) -> Planner:
        from engine.operations.planner import Planner

        return Planner(self._workplace)

    @cached_property
    def _reviewing(self) -> Reviewing:
        from engine.reviewing import Reviewing

        return Reviewing(self._catalog, self._inventory)

    @cached_property
    def repositories(self) -> RepositoryDesk:
        """Where backups lie: set up, listed, verified."""
        from engine.backup.desk import RepositoryDesk

        return RepositoryDesk(self._workplace)

    @cached_property
    def provider_setup(self) -> SetupDesk:
        """Describing a provider by questions, trying it, and saving it."""
        from engine.provider_setup.desk import SetupDesk

        return SetupDesk(self._workplace, self.save_provider)

    @cached_property
    def schedules(self) -> Scheduling:
        """When backups are made: set, ended, begun, and how they stand."""
        from engine.backup.scheduling import Scheduling

        return Scheduling(self.paths, self._inventory, self._planner.backups, self.apply)

    @cached_property
    def secret_stores(self) -> SecretsDesk:
        """Where the secrets of a provider's deployments lie: policies, and moving them."""
        from engine.secrets_desk import SecretsDesk

        return SecretsDesk(self._workplace)

    def opentofu_states(self, provider: str = "") -> StateDesk:
        """The state of OpenTofu, kept in the OpenBao of a provider; "" where only one has one."""
        from engine.tfstate.desk import StateDesk

        return StateDesk(self._workplace, provider)

    @cached_property
    def vars(self) -> VarsDesk:
        """Generated secrets: what is kept, what is missing, and making it."""
        from engine.vars.desk import VarsDesk

        return VarsDesk(self._workplace)

    @cached_property
    def _control(self) -> Control:
        from engine.operations.control import Control

        return Control(self._workplace, self._planner)

    # catalog

    def packages(self, *, installable: bool = True) -> list[Package]:
        """By name of the application. installable: without those that no method here can put
        onto a guest; what they keep is known, and no more."""
        from engine.methods.registry import methods

        known = self._catalog.packages()
        return [one for one in known if one.method in methods()] if installable else known

    def package(self, application: str) -> Package:
        """NotFound, naming what there is."""
        return self._catalog.package(application)

    def options_schema(self, application: str, release: str | None = None) -> dict[str, Any]:
        return self._catalog.options_schema(application, release)

    # providers

    def providers(self) -> list[ProviderProfile]:
        return self._inventory.providers.all()

    def provider(self, name: str) -> ProviderProfile:
        """NotFound, naming what there is."""
        return self._inventory.providers.get(name)

    def save_provider(self, profile: ProviderProfile, secrets: Mapping[str, str]) -> None:
        """Add or replace a provider. secrets: path -> value, for the profile's `*_ref`s."""
        store = self._workplace.installation_secrets()
        for path, value in secrets.items():
            store.put(path.removeprefix("secret:"), value)
        self._inventory.providers.save(profile)
        self._inventory.audit.record(f"save provider {profile.name}")

    def remove_provider(self, name: str) -> None:
        """Conflict while a deployment lives there."""
        profile = self.provider(name)
        living = [deployment.name for deployment in self._inventory.living_at(name)]
        if living:
            raise Conflict(
                what="the provider is in use",
                on=name,
                why=f"these deployments live there: {', '.join(living)}",
                left="nothing was changed",
                do="Destroy or move them first.",
            )
        self._inventory.providers.remove(name)
        self._workplace.installation_secrets().delete(f"providers/{profile.name}")
        self._inventory.audit.record(f"remove provider {name}")

    def least_rights(self, name: str) -> str:
        """Commands for the administrator of the provider's hypervisor. InvalidInput where it
        knows no rights."""
        from engine.backends.protocols import HasLeastRights

        hypervisor = self._workplace.backends(self.provider(name)).hypervisor
        if not isinstance(hypervisor, HasLeastRights):
            raise InvalidInput("this hypervisor knows no rights that could be granted", on=name)
        return hypervisor.least_rights()

    def check_provider(self, name: str, *, aside: bool = False) -> list[Check]:
        """Every backend's connection check. Blocks for seconds; never raises for a finding.

        aside: made by a process of its own, so that its libraries do not stay in this one.
        """
        if aside:
            from engine.aside import check_provider

            return check_provider(name)
        from engine.backends.registry import check_backends, failed_check

        try:
            return check_backends(self._workplace.backends(self.provider(name)))
        except InvalidInput as error:
            return [failed_check("provider", error)]

    def try_provider(self, name: str, *, aside: bool = False) -> list[Check]:
        """The connection check, and then what can be tried out at it without harm: something
        small is made, looked at and removed. For whoever looks for a fault. aside: as above."""
        if aside:
            from engine.aside import try_provider

            return try_provider(name)
        from engine.backends.exercise import exercise

        checks = self.check_provider(name)
        if any(check.service == "provider" for check in checks):
            return checks
        backends = self._workplace.backends(self.provider(name))
        return checks + exercise(backends, self._inventory.installation.id())

    # deployments

    def deployments(self, *, destroyed: bool = False) -> list[DeploymentView]:
        """By name."""
        return self._views(self._inventory.deployments.all(destroyed=destroyed))

    def deployment(self, name: str) -> DeploymentView:
        """By name or id."""
        return self._views([self._inventory.deployments.get(name)])[0]

    def _views(self, deployments: Sequence[Deployment]) -> list[DeploymentView]:
        only = deployments[0].id if len(deployments) == 1 else None
        addresses = self._inventory.resources.addresses(only)
        health = self._inventory.deployments.health(only)
        running = {op.plan.deployment: op for op in self._inventory.operations.unfinished(only)}
        moves = self._inventory.moves.all(only)
        schedules = standings(self._inventory, datetime.now(UTC), only)
        ports = {known.name: known.access.https_port for known in self._inventory.providers.all()}
        return [
            DeploymentView(
                deployment=deployment,
                address=addresses.get(deployment.id, "").partition("/")[0],
                url=public_url(deployment.domain, ports.get(deployment.provider, 443)),
                health=health.get(deployment.id),
                operation=running.get(deployment.id),
                move=moves.get(deployment.id),
                schedule=schedules.get(deployment.id),
            )
            for deployment in deployments
        ]

    def resources(self, name: str) -> list[Resource]:
        return self._inventory.resources.of(self._inventory.deployments.get(name).id)

    def timers(self, name: str) -> dict[str, TimerSpec]:
        """Its regular work by name; none where the catalog no longer has its application."""
        application = self._inventory.deployments.get(name).application
        try:
            return self._catalog.package(application).service.timers
        except NotFound:
            return {}

    def operations(self, name: str | None = None) -> list[Operation]:
        """Newest first; of one deployment, or all."""
        deployment = self._inventory.deployments.get(name).id if name else None
        return self._inventory.operations.all(deployment)

    def check_health(self, name: str) -> HealthReport:
        """Ask the application through its public name; remembers the answer."""
        from engine.operations.health import ask_application

        deployment = self._inventory.deployments.get(name)
        report = ask_application(self._workplace, deployment)
        self._inventory.deployments.remember_health(deployment.id, report)
        return report

    def endpoint(self, name: str) -> PublicEndpoint:
        """Where the application is found by its users, with what they need to trust it."""
        from engine.operations.health import endpoint_of

        return endpoint_of(self._workplace, self._inventory.deployments.get(name))

    def secrets(self, name: str) -> list[str]:
        """Names of the deployment's secrets that the owner may see."""
        deployment = self._inventory.deployments.get(name)
        there = self._stored_secrets(deployment)
        specs = self.package(deployment.application).secrets
        return [secret for secret, spec in specs.items() if spec.title and secret in there]

    def reveal_secret(self, name: str, secret: str) -> str:
        """The value; the audit trail records that it was shown, never what it is."""
        from engine.operations.secret_paths import stored

        deployment = self._inventory.deployments.get(name)
        if secret not in (known := self.secrets(name)):
            raise NotFound(
                what="there is no such secret to show",
                on=f"{secret} of {deployment.name}",
                why=f"there are: {', '.join(known)}" if known else "it has none yet",
            )
        self._inventory.audit.record(f"reveal secret of {deployment.name}", secret)
        store = self._workplace.backends(self.provider(deployment.provider)).secrets
        package = self.package(deployment.application)
        return stored(store, package, deployment.id, deployment.provider, secret)

    def _stored_secrets(self, deployment: Deployment) -> set[str]:
        from engine.operations.secret_paths import path_of

        prefix = path_of(deployment.id)
        store = self._workplace.backends(self.provider(deployment.provider)).secrets
        return {path.removeprefix(f"{prefix}/") for path in store.list(prefix)}

    # plans and operations

    def plan_deploy(self, request: DeployRequest) -> Plan:
        """InvalidInput with the option's path for values that the schema refuses."""
        return self._planner.deploy(request)

    def plan_reconfigure(self, name: str, values: Mapping[str, Any]) -> Plan:
        """values: the whole new document, as `Deployment.values`."""
        return self._planner.reconfigure(name, values)

    def plan_resize(
        self,
        name: str,
        *,
        cores: int | None = None,
        memory_mib: int | None = None,
        disk_gib: int | None = None,
    ) -> Plan:
        """Another size for its guest; what is left out stays. Where things are declared, the plan
        takes over what is not declared yet, too. Empty where nothing would change."""
        return self._planner.resizing.resize(
            name, cores=cores, memory_mib=memory_mib, disk_gib=disk_gib
        )

    def plan_rotate(self, name: str, secrets: Sequence[str] = ()) -> Plan:
        """Other passwords and keys for a deployment; by default all that can be changed. What
        stays as it is, and why, is among the plan's warnings."""
        return self._planner.rotating.rotate(name, secrets)

    def records(self, name: str) -> tuple[RecordSet, ...]:
        """What it has in DNS beside the record of its address: its package's, and what was added
        (`Deployment.records`)."""
        return self._planner.recording.owned(name)

    def records_in_zone(self, name: str) -> RecordsInZone:
        """The same with the record of its address, as they stand in the zone: reads it, takes
        seconds. NotFound before the deployment has a name."""
        return self._planner.recording.in_zone(name)

    def plan_records(
        self,
        name: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        ttl: int | None = None,
    ) -> Plan:
        """Other records in DNS ("MX @ 10 mail.example.org"); reads the zone, takes seconds. Without
        any, what is to be done for the zone to have what the deployment should. ttl: seconds, of
        those that are added. Conflict where a name is somebody else's. Empty where nothing would
        change."""
        return self._planner.recording.change(name, add, remove, ttl)

    def plan_names_move(self, name: str, to: str) -> Plan:
        """Its records made at that provider's name servers, too, where its names live from then on;
        both are written to until it is finished or taken back. Reads the zone there, takes
        seconds. InvalidInput where that zone does not hold its domain, Conflict where somebody
        else's record is in the way, Unreachable where the name servers do not answer."""
        return self._planner.redelegating.move(name, to)

    def plan_names_finish(self, name: str, *, anyway: bool = False) -> Plan:
        """The old name servers have nothing of it any more. Conflict while the zone is still
        delegated to them, Unreachable where nobody knows; neither if it is done anyway."""
        return self._planner.redelegating.finish(name, anyway=anyway)

    def plan_names_back(self, name: str, *, anyway: bool = False) -> Plan:
        """Its names are with the old name servers alone again, as before they moved. Conflict where
        the zone is delegated to the new ones already, unless it is done anyway."""
        return self._planner.redelegating.back(name, anyway=anyway)

    def delegation(self, name: str) -> Delegation | None:
        """Where the world is sent for names that move; asks a resolver, takes seconds. None where
        they do not move."""
        return self._planner.redelegating.delegation(name)

    def drift(self, name: str) -> list[DeclaredChange]:
        """What would make all as it is declared; asks the provider, takes seconds. NotFound where
        nothing of the provider is declared."""
        return self._planner.resizing.drift(name)

    def declaration(self, name: str) -> str:
        """The directory where it is declared; "" for what is not."""
        from engine.operations.declared import directory

        deployment = self._inventory.deployments.get(name)
        return directory(self._workplace, deployment)

    def plan_upgrade(
        self,
        name: str,
        values: Mapping[str, Any],
        release: str | None = None,
        archived: Mapping[str, Any] | None = None,
    ) -> Plan:
        """values: the whole document for the release (by default the newest); archived: values
        that leave, by their dotted paths in the old release."""
        return self._planner.upgrades.upgrade(name, release, values, archived)

    def review_upgrade(self, name: str, release: str | None = None, who: str = "") -> Review:
        """What becomes of every option, and what a person must decide; by default for the
        newest release. Changes nothing. who: by default the user of this process."""
        return self._reviewing.review(name, release, who)

    def review_values(
        self, application: str, old: str, new: str, values: Mapping[str, Any], who: str = ""
    ) -> Review:
        """The same for values that belong to no deployment, from one release to another."""
        return self._reviewing.review_values(application, old, new, values, who)

    def plan_reviewed(self, name: str, review: Review) -> Plan:
        """The plan of an upgrade as it was reviewed. InvalidInput, naming what is open, for a
        review that is not ready."""
        from engine.reviewing import archived_values, refuse_undecided

        refuse_undecided(name, review)
        release = review.releases[-1].version
        return self.plan_upgrade(name, review.document(), release, archived_values(review))

    def remember_decisions(self, review: Review) -> int:
        """Put the identities that were confirmed or refused into the ledger, so that nobody
        decides them again; how many are new."""
        from forms.upgrade import Ledger

        return self.add_to_ledger(Ledger(review.identities()))

    def ledger(self, application: str | None = None) -> Ledger:
        """What people said of options; of one application, or of all."""
        return self._reviewing.ledger(application)

    def add_to_ledger(self, ledger: Ledger) -> int:
        """How many records were new."""
        return self._reviewing.add_to_ledger(ledger)

    def outdated(self, name: str | None = None, *, aside: bool = False) -> list[Outdated]:
        """Deployments for which there is a newer release, and what it would ask; takes up to
        about a second for each with very many options.

        aside: found by a process of its own, for all of them, so that keys are not kept waiting.
        """
        if not aside:
            return self._reviewing.outdated(name)
        from engine.aside import outdated

        found = outdated({one.name: one for one in self._inventory.deployments.all()})
        return [one for one in found if name in (None, one.deployment.name)]

    def plan_rollback(self, name: str) -> Plan:
        """Back to before the last upgrade, data included; InvalidInput where there is none."""
        return self._planner.upgrades.rollback(name)

    def plan_backup(self, name: str, repository: str = "") -> Plan:
        """Its state into a repository, which may be left out where there is but one; names
        what goes from there by the repository's own rule. Reads the repository: seconds."""
        return self._planner.backups.backup(name, repository)

    def plan_restore(self, name: str, backup: str = "", repository: str = "") -> Plan:
        """In place, to a backup (by default the newest); the present state is kept first."""
        return self._planner.backups.restore(name, backup, repository)

    def plan_restore_as(
        self,
        name: str,
        new_name: str,
        *,
        domain: str = "",
        provider: str = "",
        backup: str = "",
        repository: str = "",
    ) -> Plan:
        """A new deployment from a backup of `name`, which need not be there any more. domain
        and provider are the backup's by default."""
        return self._planner.backups.restore_as(
            name, new_name, domain=domain, provider=provider, backup=backup, repository=repository
        )

    def plan_drill(
        self, name: str, *, backup: str = "", repository: str = "", provider: str = ""
    ) -> Plan:
        """A backup of `name` is started on a throw-away guest, which is removed again."""
        return self._planner.backups.drill(
            name, backup=backup, repository=repository, provider=provider
        )

    def plan_probe(self, application: str, provider: str = "", release: str | None = None) -> Plan:
        """A release, by default the newest, runs on a throw-away guest, and what it writes is
        compared with what its package declares. provider: may be left out where there is one."""
        return self._planner.probes.probe(application, provider, release)

    def probed(self, operation_id: str) -> Probed:
        """What a probe found. NotFound where it did not come so far."""
        return self._planner.probes.result(self.operation(operation_id).id)

    def targets(self, name: str) -> list[Target]:
        """Every other provider, with why the deployment cannot move there, if it cannot."""
        from engine.targets import targets_of

        application = self._inventory.deployments.get(name).application
        return targets_of(self._inventory, self.package(application), name)

    def plan_migrate(self, name: str, to: str, terms: MoveTerms | None = None) -> Plan:
        """With all of its state to another provider. Asks the source's guest how much there is,
        which takes a moment. Conflict, InvalidInput, NotFound for what cannot move, or not
        there."""
        return self._planner.moving.migrate(name, to, terms or MoveTerms())

    def move_report(self, operation_id: str, ending: str = ".txt") -> str:
        """What a move did, to be handed on: text, or HTML or JSON by the ending of its file.
        InvalidInput for an operation that is none; may ask the other side's guest."""
        from engine.move_report import report_of

        return report_of(self, self._inventory, self.operation(operation_id), ending)

    def continue_move(self, name: str) -> None:
        """A move that is held before the freeze begins now. Conflict where none is."""
        from engine.operations.launch import ensure_worker

        self._planner.moving.go_on(name)
        ensure_worker(self.paths)

    def forwarded(self, name: str) -> Forwarded | None:
        """What came by the old address of a moved deployment and was passed on: asks the other
        side's guest. None where there is none; Unreachable and others where it cannot say."""
        return self._planner.moving.forwarded(self._inventory.deployments.get(name))

    def plan_revert(self, name: str) -> Plan:
        """Back to the provider it came from, as it was there; says what that leaves behind.
        Conflict where there is no such way."""
        return self._planner.moving.revert(name)

    def plan_confirm(self, name: str) -> Plan:
        """It stays where it is; what is kept at the other side of its move is destroyed."""
        return self._planner.moving.confirm(name)

    def plan_destroy(self, name: str) -> Plan:
        return self._planner.destroy(name)

    def apply(self, plan: Plan, approved_hash: str) -> Operation:
        """Record the operation and hand it to the worker, which is started where needed.

        PlanChanged if approved_hash is not the plan's, or if what the plan was made from
        has changed since; Busy while another operation holds the deployment.
        """
        return self._control.apply(plan, approved_hash)

    def operation(self, operation_id: str) -> Operation:
        """By id, or an unambiguous beginning of it."""
        return self._inventory.operations.get(operation_id)

    def events(self, operation_id: str, after: int = 0) -> list[Event]:
        return self._inventory.events.after(self.operation(operation_id).id, after)

    def follow(self, operation_id: str, after: int = 0) -> Iterator[Event]:
        """Events as they come, until the operation ends. Ends the worker-less wait too:
        starts a worker where the operation is unfinished and none is alive."""
        return self._control.follow(operation_id, after)

    def cancel(self, operation_id: str) -> None:
        """InvalidInput where it has ended already."""
        self._control.cancel(operation_id)

    def resume(self, operation_id: str) -> Operation:
        """Run a failed, cancelled or orphaned operation on from its last finished step."""
        return self._control.resume(operation_id)

    def archived_values(self, name: str) -> list[ArchivedValue]:
        """What the user had set and upgrades found no place for; newest first."""
        return self._inventory.archive.of(self._inventory.deployments.get(name).id)

    # drafts: forms that the user left before they were done

    def save_draft(self, key: str, document: Mapping[str, Any]) -> None:
        self._inventory.drafts.save(key, document)

    def draft(self, key: str) -> dict[str, Any] | None:
        return self._inventory.drafts.get(key)

    def drop_draft(self, key: str) -> None:
        self._inventory.drafts.drop(key)


def public_url(domain: str, https_port: int) -> str:
    return f"https://{domain}" + (f":{https_port}" if https_port != 443 else "") + "/"
