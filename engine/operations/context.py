"""One run of one step, as its handler sees it: `engine.operations.step.StepContext`.

Things are opened on first use and closed when the step ends. Every secret that passes
through here is registered for redaction before anybody gets to see it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, cast

from engine.backends.protocols import ProviderBackends, Secrets
from engine.catalog.package import Package, Release
from engine.guests.protocols import GuestShell, GuestTarget
from engine.inventory.moves import Moves
from engine.inventory.names import NamesMoves
from engine.methods.protocols import Installation, Method
from engine.model.deployment import Deployment, Resource, ResourceKind
from engine.model.events import QuestionAnswered, QuestionAsked, StepProgress
from engine.model.move import Move, MovePhase
from engine.model.names import NameServers
from engine.model.plan import Plan, PlannedStep
from engine.model.provider import ProviderProfile
from engine.model.repository import RepositoryProfile
from engine.operations.cancellation import Cancellation
from engine.operations.eventlog import EventLog
from engine.operations.hiding import HidingBackends, HidingSecrets
from engine.operations.secret_paths import stored
from engine.operations.workplace import (
    SSH_KEY,
    Workplace,
    granted_bucket,
    granted_databases,
    granted_relay,
    guest_target,
)
from engine.redaction import Redactor


class OperationStep:
    """Everything in it belongs to the step's own thread."""

    def __init__(
        self,
        workplace: Workplace,
        operation_id: str,
        plan: Plan,
        step: PlannedStep,
        events: EventLog,
        redactor: Redactor,
        cancellation: Cancellation,
    ) -> None:
        self.operation_id = operation_id
        self.plan = plan
        self.step = step
        self.causes: dict[str, float] = {}
        """Seconds spent by cause, so far."""
        self._workplace = workplace
        self._events = events
        self._redactor = redactor
        self._cancellation = cancellation
        self._siblings: dict[str, OperationStep] = {}
        self._shell: GuestShell | None = None
        self._last_progress = 0.0

    # what the step is about

    @cached_property
    def owner(self) -> str:
        return self._workplace.owner(self.plan.deployment)

    @cached_property
    def deployment(self) -> Deployment:
        """As it will be after the plan: a step configures what was approved."""
        stored = self._workplace.inventory.deployments.get(self.plan.deployment)
        return stored.model_copy(update={"values": self.plan.values})

    @cached_property
    def provider(self) -> ProviderProfile:
        return self._workplace.inventory.providers.get(self.step.at or self.plan.provider)

    @cached_property
    def package(self) -> Package:
        return self._workplace.package(self.plan.application)

    @cached_property
    def release(self) -> Release:
        return self.package.release(self.plan.release)

    @cached_property
    def options_schema(self) -> Mapping[str, Any]:
        return self._workplace.options_schema(self.plan.application, self.plan.release)

    @property
    def name_servers(self) -> NameServers:
        found = self._workplace.inventory.name_servers(self.plan.deployment)
        return found or NameServers(at=self.provider.name)

    @property
    def names_moves(self) -> NamesMoves:
        return self._workplace.inventory.names_moves

    def at(self, provider: str) -> OperationStep:
        if provider == self.provider.name:
            return self
        if provider not in self._siblings:
            self._siblings[provider] = OperationStep(
                self._workplace,
                self.operation_id,
                self.plan,
                self.step.model_copy(update={"at": provider}),
                self._events,
                self._redactor,
                self._cancellation,
            )
        return self._siblings[provider]

    # what it works with

    @cached_property
    def backends(self) -> ProviderBackends:
        return HidingBackends(self._workplace.backends(self.provider, self.hide), self.hide)

    def installation_secrets(self) -> Secrets:
        return HidingSecrets(self._workplace.installation_secrets(), self.hide)

    @cached_property
    def method(self) -> Method:
        return self._workplace.open_method(self.provider.method)

    def shell(self) -> GuestShell:
        if self._shell is None:
            key = self.installation_secrets().get(SSH_KEY)
            self._shell = self._workplace.open_shell(self.guest_target(), key)
        return self._shell

    def guest_target(self) -> GuestTarget:
        inventory = self._workplace.inventory
        return guest_target(inventory, self.plan.deployment, self.plan.name, self.provider)

    def repository(self, name: str) -> RepositoryProfile:
        return self._workplace.inventory.repositories.get(name)

    def installation(self) -> Installation:
        return Installation(
            deployment=self.plan.deployment,
            name=self.plan.name,
            domain=self.plan.domain,
            access=self.provider.access,
            package=self.package,
            release=self.release,
            options_schema=self.options_schema,
            values=self.plan.values,
            read_secret=self.secret,
            databases=granted_databases(
                self._workplace.inventory, self.plan.deployment, self.provider.name
            ),
            bucket=granted_bucket(
                self._workplace.inventory, self.plan.deployment, self.provider.name
            ),
            relay=granted_relay(
                self._workplace.inventory, self.plan.deployment, self.provider.name
            ),
        )

    def secret(self, name: str) -> str:
        side = self.plan.deployment, self.provider.name
        return stored(self.backends.secrets, self.package, *side, name)

    def hide(self, value: str) -> None:
        self._redactor.hide(value)

    # what it remembers

    def resource(self, kind: ResourceKind, key: str = "main") -> Resource | None:
        return self._workplace.inventory.resources.get(
            self.plan.deployment, self.provider.name, kind, key
        )

    def remember(
        self,
        kind: ResourceKind,
        key: str,
        external_id: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        clean = self._redactor.redact_json(dict(attributes or {}))
        self._workplace.inventory.resources.remember(
            Resource(
                deployment=self.plan.deployment,
                provider=self.provider.name,
                kind=kind,
                key=key,
                external_id=external_id,
                attributes=clean,
                created=datetime.now(UTC),
            )
        )

    def forget(self, kind: ResourceKind, key: str) -> None:
        self._workplace.inventory.resources.forget(
            self.plan.deployment, self.provider.name, kind, key
        )

    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        finished = self._workplace.inventory.finished_steps.of(self.operation_id)
        return {step: record.output for step, record in finished.items()}

    def redacted(self, value: Any) -> Any:
        return self._redactor.redact_json(value)

    def move(self) -> Move | None:
        return self._workplace.inventory.moves.of(self.plan.deployment)

    @property
    def moves(self) -> Moves:
        return self._workplace.inventory.moves

    def output_of(self, step: str) -> Mapping[str, Any] | None:
        finished = self._workplace.inventory.finished_steps.of(self.operation_id)
        return finished[step].output if step in finished else None

    def ask(self, text: str, until: datetime | None) -> None:
        now = datetime.now(UTC)
        self._events.say(QuestionAsked(at=now, step=self.step.id, text=text, until=until))

    def answered(self, text: str) -> None:
        self._events.say(QuestionAnswered(at=datetime.now(UTC), step=self.step.id, text=text))

    def settle(self, phase: MovePhase) -> None:
        inventory, deployment = self._workplace.inventory, self.plan.deployment
        status = inventory.deployments.get(deployment).status
        with inventory.database.write() as connection:
            inventory.deployments.change(
                deployment, status=status, provider=self.provider.name, connection=connection
            )
            inventory.moves.change(deployment, phase=phase, connection=connection)

    def archive(self, values: Mapping[str, Any], release: str) -> None:
        self._workplace.inventory.archive.keep(
            self.operation_id, self.plan.deployment, release, self.plan.release, values
        )

    # what it says

    def log(self, text: str) -> None:
        self._events.log(self.step.id, text)

    def progress(self, done: float, total: float | None, unit: str = "items") -> None:
        self._events.progress(
            StepProgress(
                at=datetime.now(UTC),
                step=self.step.id,
                done=done,
                total=total,
                unit=cast(Literal["bytes", "items", "seconds"], unit),
            )
        )

    def raise_if_cancelled(self) -> None:
        self._cancellation.raise_if_asked()

    @contextmanager
    def spent(self, cause: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.causes[cause] = self.causes.get(cause, 0.0) + time.monotonic() - began

    def close(self) -> None:
        for sibling in self._siblings.values():
            sibling.close()
        if self._shell is not None:
            self._shell.close()
            self._shell = None
