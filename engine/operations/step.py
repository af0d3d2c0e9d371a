"""What a step sees and gives back. The interpreter calls handlers by their versioned kind.

A handler is idempotent: killed at any point and called again, it finds what it made. Its
output goes into the journal, so it holds identifiers and secret references only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from engine.backends.protocols import Progress, ProviderBackends, Secrets
from engine.catalog.package import Package, Release
from engine.guests.protocols import GuestShell, GuestTarget
from engine.inventory.moves import Moves
from engine.inventory.names import NamesMoves
from engine.methods.protocols import Installation, Method
from engine.model.deployment import Deployment, Resource, ResourceKind
from engine.model.move import Move, MovePhase
from engine.model.names import NameServers
from engine.model.plan import Plan, PlannedStep
from engine.model.provider import ProviderProfile
from engine.model.repository import RepositoryProfile


@dataclass(frozen=True)
class StepOutcome:
    """changed: False where everything was so already. output: plain JSON for the journal."""

    changed: bool = True
    output: Mapping[str, Any] = field(default_factory=dict)


class StepContext(Progress, Protocol):
    """One run of one step. Everything in it belongs to the step's own thread."""

    operation_id: str
    plan: Plan
    step: PlannedStep

    @property
    def owner(self) -> str:
        """The ownership mark, "hp-<installation>-<deployment>"."""

    @property
    def deployment(self) -> Deployment:
        """With the values that the plan gives it."""

    @property
    def provider(self) -> ProviderProfile:
        """Where the step acts: the one that it names, or else the plan's. Backends, guest and
        resources are those of the deployment there."""

    @property
    def name_servers(self) -> NameServers:
        """The providers whose zones hold the deployment's names; those of this step's before it
        has any."""

    @property
    def names_moves(self) -> NamesMoves:
        """Where it is recorded that names move."""

    def at(self, provider: str) -> StepContext:
        """The same step at the other side of a move; closed with this one."""

    @property
    def package(self) -> Package: ...

    @property
    def release(self) -> Release: ...

    @property
    def options_schema(self) -> Mapping[str, Any]: ...

    @property
    def backends(self) -> ProviderBackends:
        """Opened on first use."""

    @property
    def method(self) -> Method: ...

    def shell(self) -> GuestShell:
        """A connection to the deployment's guest by its remembered address and host keys;
        opened on first use, closed when the step ends."""

    def guest_target(self) -> GuestTarget:
        """How that guest is reached. NotFound before it is."""

    def repository(self, name: str) -> RepositoryProfile:
        """Where backups lie; NotFound, naming what there is."""

    def installation(self) -> Installation: ...

    def installation_secrets(self) -> Secrets:
        """The installation's own store: "ssh/installation", "acme/<provider>", "providers/...".
        Values that pass through it, or through `backends.secrets`, are redacted from then on.
        """

    def secret(self, name: str) -> str:
        """A secret of this deployment by its name; redacted from all output from now on."""

    def hide(self, value: str) -> None:
        """Redact this value, too, wherever it would be shown."""

    def resource(self, kind: ResourceKind, key: str = "main") -> Resource | None: ...

    def remember(
        self,
        kind: ResourceKind,
        key: str,
        external_id: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the resource into the inventory (again)."""

    def forget(self, kind: ResourceKind, key: str) -> None: ...

    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """What the operation's finished steps gave, by the steps' ids."""

    def redacted(self, value: Any) -> Any:
        """A JSON value without the secrets that are known by now, for the journal."""

    def move(self) -> Move | None:
        """The deployment's last move, as it is recorded now."""

    @property
    def moves(self) -> Moves:
        """Where moves are recorded."""

    def output_of(self, step: str) -> Mapping[str, Any] | None:
        """What another step of this operation put out; None where it is not finished."""

    def close(self) -> None:
        """Connections to guests are closed; they are opened anew where they are needed."""

    def ask(self, text: str, until: datetime | None) -> None:
        """Tell that the step is held until somebody says so, or until a time."""

    def answered(self, text: str) -> None:
        """Tell that it is held no more, and why."""

    def settle(self, phase: MovePhase) -> None:
        """The deployment lives at this step's provider from now on."""

    def archive(self, values: Mapping[str, Any], release: str) -> None:
        """Keep values, by their dotted paths in that release, in the deployment's archive."""

    def spent(self, cause: str) -> AbstractContextManager[None]:
        """Time inside counts as spent by "package-installer", "application-start" or
        "provider-task" and not as Homeport's own."""


Handler = Callable[[StepContext], StepOutcome]
