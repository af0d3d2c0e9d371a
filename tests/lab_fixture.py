"""One whole lab per test session (and per xdist worker), in a home directory of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.backends.registry import BackendEnvironment
from engine.lab.lab import Lab
from engine.model.provider import ProviderProfile
from engine.paths import Paths


class NoLeases:
    """For backends that claim nothing."""

    def claim(self, pool: str, owner: str, candidates: object) -> str | None:
        raise AssertionError("this backend has no business with leases")

    def find(self, pool: str, owner: str) -> str | None:
        return None

    def reject(self, pool: str, owner: str, item: str) -> None:
        raise AssertionError("this backend has no business with leases")

    def release(self, pool: str, owner: str) -> bool:
        return False


@dataclass(frozen=True)
class RunningLab:
    """lab: all of its parts are up. paths: of an installation that knows nothing yet."""

    lab: Lab
    paths: Paths

    def profile(self, name: str = "harbour-a") -> ProviderProfile:
        return next(p for p, _ in self.lab.provider_profiles() if p.name == name)

    def environment(
        self, name: str = "harbour-a", installation: str = "testtest"
    ) -> BackendEnvironment:
        """What a driver of this provider is opened with, without an inventory behind it."""
        profile, secrets = next((p, s) for p, s in self.lab.provider_profiles() if p.name == name)
        return BackendEnvironment(
            provider=profile,
            installation=installation,
            paths=self.paths,
            read_secret=lambda reference: secrets[reference.removeprefix("secret:")],
            leases=NoLeases(),
        )


@pytest.fixture(scope="session")
def lab() -> Iterator[RunningLab]:
    """HOMEPORT_HOME is the lab's home for the whole session; all of it is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="hp-lab-"))
    before = os.environ.get("HOMEPORT_HOME")
    os.environ["HOMEPORT_HOME"] = str(home)
    paths = Paths.from_environment()
    running = RunningLab(Lab(paths.lab), paths)
    try:
        running.lab.up()
        yield running
    finally:
        running.lab.reset()
        shutil.rmtree(home, ignore_errors=True)
        if before is None:
            del os.environ["HOMEPORT_HOME"]
        else:
            os.environ["HOMEPORT_HOME"] = before
