"""An engine that answers from the examples, for pictures and for the tests of the interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Condition
from typing import TYPE_CHECKING, Any, cast

from engine.errors import InvalidInput, NotFound, PlanChanged
from engine.homeport import DeploymentView, DeployRequest
from engine.model.deployment import Deployment, DeploymentStatus, HealthReport, Resource
from engine.model.events import Event, OperationChanged
from engine.model.move import MovePhase, MoveTerms
from engine.model.plan import Change, Intent, Operation, OperationStatus, Plan
from engine.model.provider import Check, ProviderProfile
from engine.public import PublicEndpoint
from engine.targets import Target
from tui.screenshots import example_values as values
from tui.screenshots.example_backups import (
    BACKED_UP,
    DRILLED,
    ExampleDesk,
    ExampleScheduling,
    backup_plan,
)
from tui.screenshots.example_move import (
    MOVED_CHAT,
    MOVING_CHAT,
    events_of_move,
    events_of_moved,
    move_of_chat,
    move_plan,
)
from tui.screenshots.example_records import names_plan, records_of, records_plan
from tui.screenshots.example_setup import ExampleSetupDesk

if TYPE_CHECKING:
    from engine.backup.desk import RepositoryDesk
    from engine.backup.scheduling import Scheduling
    from engine.catalog.package import Package, TimerSpec
    from engine.homeport import Homeport
    from engine.model.outdated import Outdated
    from engine.model.record import RecordsInZone
    from forms.upgrade import Review


class ExampleHomeport:
    """Keeps what it is told in memory. One object serves all threads of an interface."""

    def __init__(self, *, empty: bool = False, half_done: bool = False) -> None:
        """half_done: somebody left a provider half described."""
        self.views: list[DeploymentView] = []
        self.ran: list[Operation] = []
        self.terms = MoveTerms()
        self.continued: list[str] = []
        self.stream: dict[str, list[Event]] = {}
        self.drafts: dict[str, dict[str, Any]] = {}
        self.shown: list[tuple[str, str]] = []
        self.came = Condition()
        self.chat_values: dict[str, Any] | None = None
        self.who = "kim"
        self.remembered: list[str] = []
        self.options = values.OPTIONS
        self.profiles = list(values.PROVIDERS)
        self.desk = ExampleDesk(empty=empty)
        self.provider_setup = ExampleSetupDesk(self.profiles, values.CHECKS, half_done=half_done)
        if not empty:
            self._fill()

    def _fill(self) -> None:
        self.views = [
            _view(values.CALENDAR, "127.80.1.11", values.HEALTHY),
            _view(values.COMMENTS, "127.80.2.12", values.UNREACHABLE),
            _view(values.CHAT, "127.80.1.12", None, values.DEPLOYING_CHAT),
        ]
        self.ran = [
            values.DEPLOYING_CHAT,
            BACKED_UP,
            values.FAILED_COMMENTS,
            values.DEPLOYED_CALENDAR,
        ]
        self.stream = {
            values.DEPLOYING_CHAT.id: values.events_of_chat(),
            values.FAILED_COMMENTS.id: values.events_of_failure(),
        }

    def finish_what_runs(self) -> None:
        """As it is a while later: every operation is over, and every application is well."""
        chat = values.CHAT.model_copy(update={"status": DeploymentStatus.RUNNING})
        done = values.CALENDAR, values.COMMENTS, chat
        self.views = [
            _view(of, view.address, values.HEALTHY)
            for of, view in zip(done, self.views, strict=True)
        ]
        self.ran = [
            run
            if run.status.is_final
            else run.model_copy(
                update={
                    "status": OperationStatus.SUCCEEDED,
                    "ended": run.created + timedelta(seconds=95),
                }
            )
            for run in self.ran
        ]

    def move_chat(self, *, over: bool) -> None:
        """The chat server is on its way to the other harbour; over: it serves there, observed."""
        self.finish_what_runs()
        run = MOVED_CHAT if over else MOVING_CHAT
        move = move_of_chat(MovePhase.OBSERVING) if over else None
        self.ran.insert(0, run)
        self.stream[run.id] = events_of_moved() if over else events_of_move()
        self.views = [
            replace(
                view,
                deployment=view.deployment.model_copy(
                    update={"provider": "harbour-b"}
                    if over
                    else {"status": DeploymentStatus.CHANGING}
                ),
                address="127.80.2.14" if over else view.address,
                move=move,
                operation=None if over else run,
            )
            if view.deployment.name == "chat"
            else view
            for view in self.views
        ]

    def offer_newer_chat(self, chat_values: Mapping[str, Any]) -> None:
        """As it is when the catalog has a newer release of the chat server."""
        self.finish_what_runs()
        self.chat_values = dict(chat_values)
        changes = {"application": "chat", "release": "1.0", "values": self.chat_values}
        self.views = [
            replace(view, deployment=view.deployment.model_copy(update=changes))
            if view.deployment.name == "chat"
            else view
            for view in self.views
        ]

    def opener(self) -> Homeport:
        return cast("Homeport", self)

    def close(self) -> None:
        """Nothing is held open."""

    # catalog and providers

    def packages(self) -> list[Package]:
        return values.PACKAGES

    def package(self, application: str) -> Package:
        for package in values.PACKAGES:
            if package.id == application:
                return package
        raise NotFound("there is no such application", on=application)

    def options_schema(self, application: str, release: str | None = None) -> dict[str, Any]:
        return self.options

    def providers(self) -> list[ProviderProfile]:
        return self.profiles

    def provider(self, name: str) -> ProviderProfile:
        return next(profile for profile in self.profiles if profile.name == name)

    def check_provider(self, name: str, *, aside: bool = False) -> list[Check]:
        return values.CHECKS

    def try_provider(self, name: str, *, aside: bool = False) -> list[Check]:
        return [*values.CHECKS, values.TRIED]

    def remove_provider(self, name: str) -> None:
        self.profiles[:] = [one for one in self.profiles if one.name != name]

    @property
    def schedules(self) -> Scheduling:
        return cast("Scheduling", ExampleScheduling(self.views))

    @property
    def repositories(self) -> RepositoryDesk:
        return cast("RepositoryDesk", self.desk)

    def targets(self, name: str) -> list[Target]:
        here = self.deployment(name).deployment.provider
        found = [Target(profile, None) for profile in self.profiles if profile.name != here]
        return [*found, Target(values.BARE, values.BARE_REFUSAL)]

    # deployments

    def deployments(self, *, destroyed: bool = False) -> list[DeploymentView]:
        return sorted(self.views, key=lambda view: view.deployment.name)

    def deployment(self, name: str) -> DeploymentView:
        for view in self.views:
            if name in (view.deployment.name, view.deployment.id):
                return view
        raise NotFound("there is no such deployment", on=name)

    def outdated(self, name: str | None = None, *, aside: bool = False) -> list[Outdated]:
        """The chat server, where it is an older release of the invented one."""
        from engine.model.outdated import Outdated
        from engine.reviewing import without_anybody

        if self.chat_values is None:
            return []
        review = self.review_upgrade("chat")
        changed = sum(count for status, count in review.counts().items() if status.mark not in " =")
        paths = tuple(review.row(key).path for key in review.queue)
        return [
            Outdated(
                self.deployment("chat").deployment,
                "2.0",
                1,
                changed,
                *without_anybody(review),
                paths,
            )
        ]

    def review_upgrade(self, name: str, release: str | None = None, who: str = "") -> Review:
        from tui.screenshots.example_review import example_review

        if self.chat_values is None:
            raise InvalidInput("there is nothing to upgrade", on=name)
        return example_review(self.chat_values, who or self.who)

    def remember_decisions(self, review: Review) -> int:
        self.remembered.append(review.title)
        return 0

    def resources(self, name: str) -> list[Resource]:
        return values.resources_of(self.deployment(name).deployment)

    def operations(self, name: str | None = None) -> list[Operation]:
        return [run for run in self.ran if name in (None, run.plan.name, run.plan.deployment)]

    def check_health(self, name: str) -> HealthReport:
        return self.deployment(name).health or values.HEALTHY

    def endpoint(self, name: str) -> PublicEndpoint:
        domain = self.deployment(name).deployment.domain
        return PublicEndpoint(domain, 443, ("127.80.0.53:53",), values.ROOT_CERTIFICATE)

    def secrets(self, name: str) -> list[str]:
        return ["admin-password"]

    def reveal_secret(self, name: str, secret: str) -> str:
        self.shown.append((name, secret))
        return "an-example-not-a-password"

    # plans and operations

    def plan_deploy(self, request: DeployRequest) -> Plan:
        if any(view.deployment.domain == request.domain for view in self.views):
            raise InvalidInput(
                "the domain is taken",
                on="domain",
                why=f"{request.domain} belongs to another deployment",
                left="nothing was changed",
                do="Choose another domain.",
            )
        package = self.package(request.application)
        made = values.CALENDAR.model_copy(
            update={
                "id": "zz99zz99",
                "name": request.name or request.application,
                "application": request.application,
                "release": request.release or package.releases[0].version,
                "provider": request.provider,
                "domain": request.domain,
                "values": dict(request.values or {}),
            }
        )
        return values.plan_for(made, Intent.DEPLOY, _changes({}, made.values))

    def plan_reconfigure(self, name: str, document: Mapping[str, Any]) -> Plan:
        of = self.deployment(name).deployment
        after = of.model_copy(update={"values": dict(document)})
        return values.plan_for(
            after,
            Intent.RECONFIGURE,
            _changes(of.values, after.values),
            ("The service restarts: people who are signed in notice a pause of seconds.",),
        )

    def timers(self, name: str) -> Mapping[str, TimerSpec]:
        application = self.deployment(name).deployment.application
        known = {package.id: package.service.timers for package in values.PACKAGES}
        return known.get(application, {})

    def records_in_zone(self, name: str) -> RecordsInZone:
        return records_of(self.deployment(name).deployment)

    def plan_records(
        self,
        name: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        ttl: int | None = None,
    ) -> Plan:
        return records_plan(self.deployment(name).deployment, add, remove, ttl)

    def plan_names_move(self, name: str, to: str) -> Plan:
        return names_plan(self.deployment(name).deployment, to)

    def plan_rotate(self, name: str, secrets: Sequence[str] = ()) -> Plan:
        from engine.planning.desired import Desired
        from engine.planning.rotate import plan_rotate

        of = self.deployment(name).deployment
        package = self.package(of.application)
        there = self.provider(of.provider)
        desired = Desired.of(of, package, package.release(of.release), there)
        return plan_rotate(replace(desired, account="admin"), (), secrets)

    def plan_reviewed(self, name: str, review: Review) -> Plan:
        from engine.reviewing import refuse_undecided

        refuse_undecided(name, review)
        of = self.deployment(name).deployment
        release = review.releases[-1].version
        after = of.model_copy(update={"values": review.document(), "release": release})
        return values.plan_for(after, Intent.UPGRADE, _changes(of.values, after.values))

    def plan_rollback(self, name: str) -> Plan:
        return values.plan_for(self.deployment(name).deployment, Intent.ROLLBACK)

    def plan_migrate(self, name: str, to: str, terms: MoveTerms | None = None) -> Plan:
        self.terms = terms or MoveTerms()
        return move_plan()

    def continue_move(self, name: str) -> None:
        self.continued.append(name)

    def plan_revert(self, name: str) -> Plan:
        return _ending(self.deployment(name).deployment, Intent.REVERT, "harbour-a")

    def plan_confirm(self, name: str) -> Plan:
        return _ending(self.deployment(name).deployment, Intent.CONFIRM, "harbour-b")

    def plan_backup(self, name: str, repository: str = "") -> Plan:
        return backup_plan(repository)

    def plan_restore(self, name: str, backup: str = "", repository: str = "") -> Plan:
        of = self.deployment(name).deployment
        lost = "Everything written since then leaves the application (data). It is kept."
        return values.plan_for(of, Intent.RESTORE, warnings=(lost,))

    def plan_restore_as(self, name: str, new_name: str, **more: str) -> Plan:
        changes = {"name": new_name, "domain": more["domain"], "provider": more["provider"]}
        return values.plan_for(values.CALENDAR.model_copy(update=changes), Intent.RESTORE)

    def plan_drill(self, name: str, *, backup: str = "", repository: str = "") -> Plan:
        return DRILLED.plan

    def plan_destroy(self, name: str) -> Plan:
        return values.plan_for(self.deployment(name).deployment, Intent.DESTROY)

    def apply(self, plan: Plan, approved_hash: str) -> Operation:
        if plan.hash != approved_hash:
            raise PlanChanged("the plan has changed", do="Read the new plan and approve that one.")
        number = 20 + len(self.ran)
        run = values.operation(number, plan, OperationStatus.RUNNING, values.NOW, None)
        self.ran.insert(0, run)
        self.stream[run.id] = [
            OperationChanged(seq=1, at=values.NOW, status=OperationStatus.RUNNING)
        ]
        return run

    def operation(self, operation_id: str) -> Operation:
        for run in self.ran:
            if run.id.startswith(operation_id):
                return run
        raise NotFound("there is no such operation", on=operation_id)

    def events(self, operation_id: str, after: int = 0) -> list[Event]:
        return [event for event in self.stream.get(operation_id, []) if event.seq > after]

    def follow(self, operation_id: str, after: int = 0) -> Iterator[Event]:
        seen = after
        while True:
            with self.came:
                fresh = self.events(operation_id, seen)
                if not fresh:
                    if self.operation(operation_id).status.is_final:
                        return
                    self.came.wait(1.0)
                    continue
            yield from fresh
            seen = fresh[-1].seq

    def tell(self, operation_id: str, *events: Event) -> None:
        """Let the operation go on: these events come, and its status follows them."""
        with self.came:
            stream = self.stream.setdefault(operation_id, [])
            for event in events:
                stream.append(event.model_copy(update={"seq": len(stream) + 1}))
                if isinstance(event, OperationChanged):
                    self._set_status(operation_id, event)
            self.came.notify_all()

    def _set_status(self, operation_id: str, event: OperationChanged) -> None:
        ended = values.NOW + timedelta(seconds=30) if event.status.is_final else None
        self.ran = [
            run.model_copy(update={"status": event.status, "error": event.error, "ended": ended})
            if run.id == operation_id
            else run
            for run in self.ran
        ]

    def cancel(self, operation_id: str) -> None:
        self.tell(operation_id, OperationChanged(at=values.NOW, status=OperationStatus.CANCELLING))

    def resume(self, operation_id: str) -> Operation:
        self.tell(operation_id, OperationChanged(at=values.NOW, status=OperationStatus.RUNNING))
        return self.operation(operation_id)

    # drafts

    def save_draft(self, key: str, document: Mapping[str, Any]) -> None:
        self.drafts[key] = dict(document)

    def draft(self, key: str) -> dict[str, Any] | None:
        return self.drafts.get(key)

    def drop_draft(self, key: str) -> None:
        self.drafts.pop(key, None)


def _view(
    of: Any, address: str, health: HealthReport | None, running: Operation | None = None
) -> DeploymentView:
    return DeploymentView(
        deployment=of, address=address, url=f"https://{of.domain}", health=health, operation=running
    )


def _ending(of: Deployment, intent: Intent, provider: str) -> Plan:
    """Of a move: with the one note that tells what it costs."""
    cost = {
        Intent.REVERT: "Everything written at harbour-b since 09:02 UTC leaves the application.",
        Intent.CONFIRM: "What harbour-a still has of chat is destroyed.",
    }
    like = of.model_copy(update={"provider": provider})
    steps = Intent.DESTROY if intent is Intent.CONFIRM else Intent.RECONFIGURE
    plan = values.plan_for(like, steps, warnings=(cost[intent],))
    return plan.model_copy(update={"intent": intent})


def _changes(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> tuple[Change, ...]:
    found: list[Change] = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before or after, Mapping):
            found += _changes(before or {}, after or {}, f"{prefix}{key}.")
        elif before != after:
            found.append(Change(path=f"{prefix}{key}", old=before, new=after))
    return tuple(found)
