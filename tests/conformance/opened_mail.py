"""A mail backend as a provider opens it, for a server of these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from engine.backends.protocols import Mail
from engine.backends.registry import GROUP, BackendEnvironment
from engine.model.provider import ProviderProfile
from engine.paths import Paths
from engine.plugins import installed
from tests.conformance.doubles import MemoryLeases
from tests.conformance.mail_world import PostWorld

OWNER = "hp-ab12cd34-dep00001"
NAME = "hp-synapse-dep00001-x1y2"


def opened_for(world: PostWorld, provider: str = "home", *, secret: str = "", **other: Any) -> Mail:
    """secret: in the place of the one that the server knows. other: settings."""
    nowhere = Path("/nonexistent")
    environment = BackendEnvironment(
        ProviderProfile(name=provider, zone="test.lab", backends={}),
        "ab12cd34",
        Paths(nowhere, nowhere, nowhere),
        lambda reference: secret or world.secrets[reference],
        MemoryLeases(),
    )
    opened = installed(GROUP)[f"mail.{world.kind}"].load()
    return cast(Mail, opened(environment, {**world.settings, **other}))
