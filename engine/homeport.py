"""The engine's front door: everything that an interface may ask for.

The terminal interface and the command line both stand on this class and on nothing else
of the engine but the values of `engine.model`. Calls return at once or after short I/O;
long work is an operation, carried out by the worker process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.catalog.package import Package
from engine.model.deployment import Deployment, HealthReport, Resource
from engine.model.events import Event
from engine.model.plan import Operation, Plan
from engine.model.provider import Check, ProviderProfile
from engine.paths import Paths


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


@dataclass(frozen=True)
class DeploymentView:
    """A line of the dashboard."""

    deployment: Deployment
    address: str
    url: str
    health: HealthReport | None
    operation: Operation | None
    """The unfinished operation that holds it, if any."""


class Homeport:
    """One installation, opened. Not shared between threads: open one per thread."""

    @classmethod
    def open(cls, paths: Paths | None = None) -> Homeport:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    # catalog

    def packages(self) -> list[Package]:
        raise NotImplementedError

    def package(self, application: str) -> Package:
        """NotFound, naming what there is."""
        raise NotImplementedError

    def options_schema(self, application: str, release: str | None = None) -> dict[str, Any]:
        raise NotImplementedError

    # providers

    def providers(self) -> list[ProviderProfile]:
        raise NotImplementedError

    def provider(self, name: str) -> ProviderProfile:
        raise NotImplementedError

    def save_provider(self, profile: ProviderProfile, secrets: Mapping[str, str]) -> None:
        """Add or replace a provider. secrets: path -> value, for the profile's `*_ref`s."""
        raise NotImplementedError

    def remove_provider(self, name: str) -> None:
        """Conflict while a deployment lives there."""
        raise NotImplementedError

    def check_provider(self, name: str) -> list[Check]:
        """Every backend's connection check. Blocks for seconds; never raises for a finding."""
        raise NotImplementedError

    # deployments

    def deployments(self, *, destroyed: bool = False) -> list[DeploymentView]:
        raise NotImplementedError

    def deployment(self, name: str) -> DeploymentView:
        """By name or id."""
        raise NotImplementedError

    def resources(self, name: str) -> list[Resource]:
        raise NotImplementedError

    def operations(self, name: str | None = None) -> list[Operation]:
        """Newest first; of one deployment, or all."""
        raise NotImplementedError

    def check_health(self, name: str) -> HealthReport:
        """Ask the application through its public name; remembers the answer."""
        raise NotImplementedError

    def secrets(self, name: str) -> list[str]:
        """Names of the deployment's secrets that the owner may see."""
        raise NotImplementedError

    def reveal_secret(self, name: str, secret: str) -> str:
        """The value; the audit trail records that it was shown, never what it is."""
        raise NotImplementedError

    # plans and operations

    def plan_deploy(self, request: DeployRequest) -> Plan:
        """InvalidInput with the option's path for values that the schema refuses."""
        raise NotImplementedError

    def plan_reconfigure(self, name: str, values: Mapping[str, Any]) -> Plan:
        """values: the whole new document, as `Deployment.values`."""
        raise NotImplementedError

    def plan_destroy(self, name: str) -> Plan:
        raise NotImplementedError

    def apply(self, plan: Plan, approved_hash: str) -> Operation:
        """Record the operation and hand it to the worker, which is started where needed.

        PlanChanged if approved_hash is not the plan's, or if what the plan was made from
        has changed since; Busy while another operation holds the deployment.
        """
        raise NotImplementedError

    def operation(self, operation_id: str) -> Operation:
        """By id, or an unambiguous beginning of it."""
        raise NotImplementedError

    def events(self, operation_id: str, after: int = 0) -> list[Event]:
        raise NotImplementedError

    def follow(self, operation_id: str, after: int = 0) -> Iterator[Event]:
        """Events as they come, until the operation ends. Ends the worker-less wait too:
        starts a worker where the operation is unfinished and none is alive."""
        raise NotImplementedError

    def cancel(self, operation_id: str) -> None:
        raise NotImplementedError

    def resume(self, operation_id: str) -> Operation:
        """Run a failed, cancelled or orphaned operation on from its last finished step."""
        raise NotImplementedError

    # drafts: forms that the user left before they were done

    def save_draft(self, key: str, document: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def draft(self, key: str) -> dict[str, Any] | None:
        raise NotImplementedError

    def drop_draft(self, key: str) -> None:
        raise NotImplementedError
