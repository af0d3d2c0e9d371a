"""The guest's first process: brings the guest up, keeps it, and takes it down in order."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from engine.lab.guest import control
from engine.lab.guest.agent import Agent
from engine.lab.guest.apt import Packages
from engine.lab.guest.boot import Boot
from engine.lab.guest.children import Children
from engine.lab.guest.execution import Ground
from engine.lab.guest.journal import Journal
from engine.lab.guest.journalctl import Journalctl
from engine.lab.guest.processes import become_subreaper, end_all, start_time
from engine.lab.guest.skeleton import prepare_root
from engine.lab.guest.supervisor import Supervisor
from engine.lab.guest.systemctl import Systemctl


class AlreadyRunning(Exception):
    """Another init holds the guest."""


async def run(directory: Path) -> None:
    """Be the init of the guest in `directory` until SIGTERM (an ordered power-off)."""
    with hold(directory):
        become_subreaper()
        boot = Boot.load(directory)
        root = directory / "root"
        new_instance = prepare_root(boot, directory)
        os.environ.pop(
            "PYTHONPATH", None
        )  # how the init found its code is not the guest's business
        children = Children(os.environ)
        children.watch()
        power_off = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, power_off.set)
        journal = Journal(root / "var/log/journal")
        supervisor = Supervisor(Ground(root, children, journal))
        packages = Packages(boot, root, children, supervisor)
        server = await control.serve(
            directory,
            {
                "agent": Agent(boot, root, children).command,
                "systemctl": Systemctl(supervisor, journal, boot.hostname, power_off.set).command,
                "journalctl": Journalctl(journal, boot.hostname).command,
                "apt-get": packages.apt_get,
                "dpkg": packages.dpkg,
                "dpkg-query": packages.dpkg_query,
            },
        )
        async with contextlib.AsyncExitStack() as stack:
            if boot.ip:
                stack.push_async_callback(await _serve_ssh(boot, root, children, new_instance))
            record(directory)
            booting = asyncio.ensure_future(supervisor.start_enabled())
            await power_off.wait()
            booting.cancel()
            await supervisor.stop_all()
            server.close()
        programs = (Path(boot.cache),)
        await asyncio.to_thread(end_all, boot.mark, directory, programs, init=os.getpid())
        (directory / "init.json").unlink(missing_ok=True)


async def _serve_ssh(boot: Boot, root: Path, children: Children, new_instance: bool):  # type: ignore[no-untyped-def]
    # asyncssh is the largest part of the init; a guest without a network does not need it.
    from engine.lab.guest import ssh

    if new_instance or not (root / ssh.HOST_KEY).exists():
        ssh.make_host_key(root)
    acceptor = await ssh.serve_ssh(boot, root, children)

    async def close() -> None:
        acceptor.close()

    return close


@contextlib.contextmanager
def hold(directory: Path) -> Iterator[None]:
    """At most one init per guest, whatever started it."""
    file: IO[str]
    with open(directory / "init.lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning from error
        yield


def record(directory: Path) -> None:
    """Say who runs the guest, once it serves."""
    path = directory / "init.json"
    temporary = path.with_suffix(".new")
    pid = os.getpid()
    temporary.write_text(json.dumps({"pid": pid, "started": start_time(pid)}))
    temporary.replace(path)
