"""A canary in every secret of a deployment: where does it show? Nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.backends.secrets.generate import generate
from engine.demo.use import VALUES
from tests.deployed import Installation, installation
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration

RUN = "import sys; from tui.entry import main; sys.exit(main())"

OPTION_SECRETS: dict[str, dict[str, Any]] = {
    "radicale": {"auth": {"ldap_secret": "canary-option-ldap-91c4"}},
    "isso": {"smtp": {"password": "canary-option-smtp-7d30"}},
    "synapse": {"turn_shared_secret": "canary-option-turn-5b1e"},
}


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


class ProcessWatch:
    """Looks into the arguments and the environment of every process, over and over."""

    def __init__(self, canaries: Iterable[str]) -> None:
        self._canaries = [canary.encode() for canary in canaries]
        self.seen: set[str] = set()
        self.looks = 0
        self._stop = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            self.look()

    def look(self) -> None:
        self.looks += 1
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    data = (process / name).read_bytes()
                except OSError:
                    continue
                if any(canary in data for canary in self._canaries):
                    self.seen.add(f"{name} of {data[:80]!r}")


@pytest.mark.parametrize("application", ["radicale", "isso", "synapse"])
def test_no_secret_shows_anywhere(here: Installation, application: str) -> None:
    name = f"hidden-{application}"
    values = {**VALUES[application], **OPTION_SECRETS[application]}
    plan = here.plan(application, name, values)
    secrets = {
        secret: generate(spec)
        for secret, spec in here.homeport.package(application).secrets.items()
    }
    store = here.backends().secrets
    for secret, value in secrets.items():
        store.put(f"deployments/{plan.deployment}/{secret}", value)
    canaries = [*secrets.values(), *_leaves(OPTION_SECRETS[application])]
    assert all(canary not in plan.model_dump_json() for canary in canaries)

    watch = ProcessWatch(canaries)
    with watch.watching():
        operation = here.finish(here.homeport.apply(plan, plan.hash))
        told = _terminal_output(here, name, operation.id)
    # The deployment used these very values and made no others.
    assert [store.get(f"deployments/{plan.deployment}/{secret}") for secret in secrets] == [
        *secrets.values()
    ]
    assert watch.looks > 20
    assert not watch.seen
    for canary in canaries:
        assert canary not in told
    assert not _files_with(here, canaries)
    assert here.destroy(name).status.value == "succeeded"
    assert not _files_with(here, canaries)


def _leaves(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [leaf for value in document.values() for leaf in _leaves(value)]
    return [document]


def _terminal_output(here: Installation, name: str, operation: str) -> str:
    """What every command that shows anything prints, for people and as JSON."""
    told = ""
    for command in (
        ["show", name],
        ["show", name, "--check"],
        ["list"],
        ["operations"],
        ["attach", operation],
        ["configure", name],
        ["secret", name],
        ["providers", "harbour-a"],
        ["destroy", name, "--plan"],
        ["doctor"],
    ):
        for extra in ([], ["--json"]):
            done = subprocess.run(
                [sys.executable, "-c", RUN, *command, *extra],
                capture_output=True,
                text=True,
                env=os.environ | {"HOMEPORT_HOME": str(here.homeport.paths.state.parent)},
            )
            assert not done.stderr.startswith("Traceback")
            told += done.stdout + done.stderr
    return told


def _files_with(here: Installation, canaries: list[str]) -> list[str]:
    """Files of the installation and of the lab that hold a canary in the clear. The guests'
    own disks are left out: an application's private configuration is where they belong."""
    home = here.homeport.paths.state.parent
    found = []
    for file in home.rglob("*"):
        if not file.is_file() or "guests" in file.relative_to(home).parts:
            continue
        data = file.read_bytes()
        found += [str(file) for canary in canaries if canary.encode() in data]
    return found
