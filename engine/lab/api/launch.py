"""Starting and stopping a provider's API, for `homeport lab` and for tests.

Light to import: the API itself is another process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.lab.api.settings import certificate_fingerprint
from engine.lab.guest import power
from engine.lab.guest.environment import installer_settings
from engine.lab.guest.processes import is_alive, wait_for_end

START_SECONDS = 30.0


class ApiFailed(Exception):
    """The API ended before it served; the text is the end of its log."""


@dataclass(frozen=True)
class ApiHandle:
    """A running API, and what a provider profile needs to reach it."""

    directory: Path
    pid: int
    started: int
    """Start time, with the pid a name for the process (engine.lab.guest.processes)."""
    host: str
    port: int

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def ca_pem(self) -> str:
        return ca_path(self.directory).read_text()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the server's certificate, as Proxmox VE shows it ("AA:BB:...")."""
        return certificate_fingerprint(self.directory / "tls/server.pem")

    @property
    def token_id(self) -> str:
        return str(self._token()["id"])

    @property
    def token(self) -> str:
        return str(self._token()["secret"])

    @property
    def root_password(self) -> str:
        """Password of root@pam, for tests that do what an administrator does."""
        return (self.directory / "root-password").read_text()

    def _token(self) -> dict[str, str]:
        token: dict[str, str] = json.loads((self.directory / "token.json").read_text())
        return token


def ca_path(directory: Path) -> Path:
    """The PEM file of the provider's own authority."""
    return directory / "tls/ca.pem"


def api_command(
    directory: Path,
    *,
    name: str,
    host: str,
    port: int,
    network: str,
    bridge: str = "",
    proxy: str = "",
) -> tuple[str, ...]:
    """The argument list of the API's process."""
    words = ["--name", name, "--host", host, "--port", str(port), "--network", network]
    if bridge:
        words += ["--bridge", bridge, "--proxy", proxy]
    return (sys.executable, "-P", "-m", "engine.lab.api", "--dir", str(directory), *words)


def api_environment(host: Mapping[str, str]) -> dict[str, str]:
    """What the API's process needs of the environment: guests install packages as it does."""
    return installer_settings(host) | {
        "PATH": host.get("PATH", os.defpath),
        "HOME": host.get("HOME", os.path.expanduser("~")),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }


def running_api(directory: Path) -> ApiHandle | None:
    """The live and serving API of the provider."""
    try:
        data = json.loads((directory / "api.json").read_text())
        handle = ApiHandle(directory, data["pid"], data["started"], data["host"], data["port"])
    except (OSError, ValueError, KeyError):
        return None
    return handle if is_alive(handle.pid, handle.started) else None


def start_api(
    directory: Path,
    *,
    name: str,
    host: str,
    port: int = 8006,
    network: str,
    bridge: str = "",
    proxy: str = "",
) -> ApiHandle:
    """Start the provider's API and wait until it serves and its guests that should run do.
    bridge, proxy: see `Settings`.

    Where it runs already, guests of it that crashed are started again. ApiFailed when it
    does not come up.
    """
    if handle := running_api(directory):
        repair(directory)
        return handle
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    (directory / "api.json").unlink(missing_ok=True)
    with (directory / "api.log").open("ab") as log:
        process = subprocess.Popen(
            api_command(
                directory,
                name=name,
                host=host,
                port=port,
                network=network,
                bridge=bridge,
                proxy=proxy,
            ),
            cwd=directory,
            env=api_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if handle := running_api(directory):
            process.returncode = 0  # it is not ours to wait for: it outlives us
            repair(directory)
            return handle
        if process.poll() is not None:
            break
        wait_for_end(process.pid, 0.02)
    process.kill()
    process.wait()
    text = (directory / "api.log").read_text(errors="replace").strip()[-2000:]
    raise ApiFailed(text or "the API did not come up in time")


def repair(directory: Path) -> None:
    """Have the API start its guests that should run and do not, and wait for that.

    ApiFailed when the API does not run, or does not get done within START_SECONDS.
    """
    deadline = time.monotonic() + START_SECONDS
    while (handle := running_api(directory)) is None:
        if time.monotonic() > deadline:
            raise ApiFailed("the API does not run")
        time.sleep(0.02)
    before = _generation(directory)
    os.kill(handle.pid, signal.SIGHUP)
    while _generation(directory) == before:
        if wait_for_end(handle.pid, 0.02) or time.monotonic() > deadline:
            raise ApiFailed("the API did not look after its guests")


def stop_api(directory: Path, seconds: float = 5.0) -> None:
    """End the API; its guests go on."""
    handle = running_api(directory)
    if handle is None:
        return
    os.kill(handle.pid, signal.SIGTERM)
    if not wait_for_end(handle.pid, seconds):
        os.kill(handle.pid, signal.SIGKILL)
        wait_for_end(handle.pid, seconds)


def power_off_guests(directory: Path, seconds: float = 20.0) -> None:
    """End every guest in order, all at once; the API must be stopped.

    Those that ran are started again when the API starts.
    """
    running = [(guest, init) for guest in guests(directory) if (init := power.running(guest))]
    for _, init in running:
        os.kill(init.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for _, init in running:
        wait_for_end(init.pid, max(0.0, deadline - time.monotonic()))
    for guest in guests(directory):
        power.kill(guest)


def destroy_guests(directory: Path) -> None:
    """End every guest and remove its files; the API must be stopped."""
    for guest in guests(directory):
        power.destroy(guest)


def guests(directory: Path) -> list[Path]:
    """Directories of the provider's guests."""
    home = directory / "guests"
    return sorted(home.iterdir()) if home.is_dir() else []


def _generation(directory: Path) -> int:
    """How often the running API has looked after its guests."""
    try:
        return int(json.loads((directory / "api.json").read_text())["generation"])
    except (OSError, ValueError, KeyError):
        return -1
