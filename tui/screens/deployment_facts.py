"""All that the page of a deployment shows, read in one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from engine.backup.standing import Standing
    from engine.catalog.package import TimerSpec
    from engine.homeport import DeploymentView, Homeport
    from engine.model.deployment import Resource
    from engine.model.plan import Operation
    from engine.model.repository import RepositoryProfile
    from engine.public import PublicEndpoint


@dataclass(frozen=True)
class Facts:
    """Of one deployment. Secrets by name only."""

    view: DeploymentView
    secrets: Sequence[str]
    resources: Sequence[Resource]
    operations: Sequence[Operation]
    endpoint: PublicEndpoint | None
    """None while the provider cannot be opened."""
    repositories: Sequence[RepositoryProfile]
    timers: Mapping[str, TimerSpec]


def read_facts(homeport: Homeport, name: str) -> Facts:
    """From the inventory alone."""
    from engine.errors import HomeportError

    try:
        endpoint = homeport.endpoint(name)
    except HomeportError:
        endpoint = None  # what is wrong with the provider is told on the provider's own page
    return Facts(
        homeport.deployment(name),
        homeport.secrets(name),
        homeport.resources(name),
        homeport.operations(name),
        endpoint,
        homeport.repositories.all(),
        homeport.timers(name),
    )


class Listed(NamedTuple):
    """The backups of a deployment as its repositories list them, which takes seconds; problems:
    why some of the repositories could not be asked, as engine.errors describes it."""

    backups: Sequence[Standing]
    problems: Sequence[dict[str, Any]]


def read_backups(homeport: Homeport, deployment: str) -> Listed:
    """Newest first. A repository that is away does not hide what is in the others."""
    from engine.errors import HomeportError

    found: list[Standing] = []
    problems: list[dict[str, Any]] = []
    for profile in homeport.repositories.all():
        try:
            found += homeport.repositories.standing(deployment, profile.name)
        except HomeportError as problem:
            problems.append(problem.describe())
    return Listed(sorted(found, key=lambda one: one.backup.at, reverse=True), problems)
