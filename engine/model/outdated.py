"""A deployment that is behind the catalog, and what bringing it up to date would ask."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.deployment import Deployment


@dataclass(frozen=True)
class Outdated:
    """A deployment for which the catalog has a newer release."""

    deployment: Deployment
    release: str
    """The newest."""
    releases: int
    """How many releases it is behind."""
    changed: int
    """Options that are another in the new release, or have another default; the new ones too."""
    new: int
    """Options that the new release adds, and that ask nothing."""
    by_itself: int
    """Options that were there before, and change without anybody."""
    attention: tuple[str, ...]
    """Dotted paths of the options that a person must decide."""
