"""What is refused before a plan is made, whatever the plan is."""

from __future__ import annotations

from engine.catalog.package import Package, Release
from engine.errors import InvalidInput, NotFound, NotReady
from engine.methods.registry import methods
from engine.model.deployment import Deployment, DeploymentStatus
from engine.model.provider import ProviderProfile


def release_of(package: Package, version: str | None) -> Release:
    """The named release, or the newest. NotFound, naming what there is."""
    try:
        return package.release(version)
    except KeyError:
        raise NotFound(
            what="the catalog does not have this release",
            on=f"{package.name} {version}",
            left="nothing was changed",
            do=f"Choose one of {', '.join(known.version for known in package.releases)}.",
        ) from None


def refuse_destroyed(deployment: Deployment) -> None:
    """InvalidInput for a deployment that is history."""
    if deployment.status is DeploymentStatus.DESTROYED:
        raise InvalidInput(
            what="the deployment is gone",
            on=deployment.name,
            why="it was destroyed; only its history is left",
            do="Deploy it anew.",
        )


def newer_releases(package: Package, release: str) -> list[str]:
    """Versions that come after this one in the catalog, newest first."""
    versions = [known.version for known in package.releases]
    return versions[: versions.index(release)] if release in versions else versions


def refuse_older(package: Package, deployment: Deployment, wanted: Release) -> None:
    """InvalidInput unless the release comes after the deployment's in the catalog."""
    newer = newer_releases(package, deployment.release)
    if wanted.version in newer:
        return
    on = f"{deployment.name}: {package.name} {deployment.release}"
    choose = f"Choose one of {', '.join(newer)}." if newer else ""
    if wanted.version == deployment.release:
        raise InvalidInput(
            what="there is nothing to upgrade",
            on=on,
            why=f"it runs {wanted.version} already",
            left="nothing was changed",
            do=choose or "Wait for a newer release in the catalog.",
        )
    raise InvalidInput(
        what="an upgrade never goes to an older release",
        on=on,
        why=f"{wanted.version} is older",
        left="nothing was changed",
        do=choose or f"To take its last upgrade back: homeport rollback {deployment.name}",
    )


def refuse_other_method(package: Package, provider: ProviderProfile) -> None:
    """NotReady for an application that gets onto a guest otherwise than the provider's do."""
    if package.method == provider.method:
        return
    installed = package.method in methods()
    raise NotReady(
        what=f"{package.name} cannot be installed "
        + (f"at {provider.title or provider.name}" if installed else "yet"),
        on=package.id,
        why=f"it needs the method {package.method}"
        + (f", and guests there are made by {provider.method}" if installed else ""),
        left="nothing was changed",
        do=f"Choose a provider with the method {package.method}: homeport providers"
        if installed
        else f"What it keeps is known already: homeport catalog {package.id}",
    )
