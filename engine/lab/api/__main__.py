"""`python -m engine.lab.api`: the API process of one provider."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import ipaddress
import json
import logging
import os
import secrets
import signal
import sys
import uuid
from pathlib import Path

from engine.lab.api.server import LabPve
from engine.lab.api.settings import (
    TOKEN_ID,
    Settings,
    certificate_fingerprint,
)
from engine.lab.api.tls import identity
from engine.lab.guest.processes import start_time
from engine.private_files import write_private

LOG = logging.getLogger("homeport.lab.api")


def main() -> int:
    settings = _settings()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    settings.directory.mkdir(parents=True, exist_ok=True)
    settings.directory.chmod(0o700)
    with open(settings.directory / "api.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.error("the API of %s runs already", settings.name)
            return 3
        try:
            asyncio.run(_serve(settings))
        except OSError as error:
            LOG.error("the API of %s cannot start: %s", settings.name, error)
            return 1
        finally:
            (settings.directory / "api.json").unlink(missing_ok=True)
    return 0


def _settings() -> Settings:
    parser = argparse.ArgumentParser(prog="python -m engine.lab.api", description=__doc__)
    parser.add_argument(
        "--dir", required=True, type=Path, help="where the provider keeps its files"
    )
    parser.add_argument("--name", required=True, help="the provider's name")
    parser.add_argument("--host", required=True, help="address to listen on")
    parser.add_argument("--port", type=int, default=8006)
    parser.add_argument("--network", help="network of the guests (default: the host's /24)")
    parser.add_argument("--bridge", default="", help="of full Debian guests (default: light ones)")
    parser.add_argument("--proxy", default="", help="URL by which full guests get packages")
    given = parser.parse_args()
    network = given.network or str(ipaddress.ip_interface(f"{given.host}/24").network)
    return Settings(
        given.dir.absolute(),
        given.name,
        given.host,
        given.port,
        network,
        bridge=given.bridge,
        proxy=given.proxy,
    )


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    wake, stop = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, wake.set)

    def end() -> None:
        stop.set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    own = identity(settings.tls, settings.name, settings.host)
    pve = LabPve(
        settings, certificate_fingerprint(own.certificate), _token(settings), _password(settings)
    )
    await pve.start(str(own.certificate), str(own.key))
    generation = 0
    while not stop.is_set():
        wake.clear()
        _record(settings, generation)
        await pve.repair()
        generation += 1
        _record(settings, generation)
        await wake.wait()
    await pve.stop()
    pve.save()


def _record(settings: Settings, generation: int) -> None:
    """Say who serves, and how often it has looked after its guests (launch.repair)."""
    pid = os.getpid()
    data = {
        "pid": pid,
        "started": start_time(pid),
        "host": settings.host,
        "port": settings.port,
        "generation": generation,
    }
    write_private(settings.directory / "api.json", json.dumps(data).encode())


def _token(settings: Settings) -> str:
    """The secret of the one token: the lab's, or made now."""
    if not settings.token.exists():
        token = {"id": TOKEN_ID, "secret": str(uuid.uuid4())}
        write_private(settings.token, json.dumps(token).encode())
    return str(json.loads(settings.token.read_text())["secret"])


def _password(settings: Settings) -> str:
    if not settings.root_password.exists():
        write_private(settings.root_password, secrets.token_urlsafe(24).encode())
    return settings.root_password.read_text()


if __name__ == "__main__":
    sys.exit(main())
