"""Power of a lab guest, from outside: start its init, ask it to stop, end it for certain.

A full guest (engine.lab.nspawn) has a keeper in the place of the init.

Works on the guest's directory alone, so the hypervisor's API, `homeport lab down` and
`homeport lab reset` share it, and a guest whose init crashed is cleaned up like any other.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.lab.guest.boot import Boot
from engine.lab.guest.environment import guest_environment
from engine.lab.guest.frames import connected_socket, request
from engine.lab.guest.processes import end_all, is_alive, members, wait_for_end
from engine.lab.guest.sockets import remove_short_directory
from engine.lab.nspawn import control_group

START_SECONDS = 30.0
FULL_START_SECONDS = 120.0
"""Until a full guest boots; at its first power-on a whole Debian system is unpacked before."""


class StartFailed(Exception):
    """The init ended before it served; the text is the end of its log."""


class AgentUnavailable(Exception):
    """The guest's agent does not answer."""


class AgentRefused(Exception):
    """The guest's agent answered with an error."""


@dataclass(frozen=True)
class Init:
    """The running init of a guest."""

    pid: int
    started: int


def running(directory: Path) -> Init | None:
    """The guest's live and serving init."""
    try:
        data = json.loads((directory / "init.json").read_text())
        init = Init(data["pid"], data["started"])
    except (OSError, ValueError, KeyError):
        return None
    return init if is_alive(init.pid, init.started) else None


def start(directory: Path, boot: Boot, log_limit: int = 2000) -> Init:
    """Power on, and wait until the guest serves; a running guest is left alone.

    What an earlier, crashed init left running is ended first. StartFailed when the init ends
    or does not serve within START_SECONDS.
    """
    if init := running(directory):
        return init
    root = directory / "root"
    root.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    _end(boot, directory)
    (directory / "init.json").unlink(missing_ok=True)
    boot.save(directory)
    program = "engine.lab.nspawn" if boot.bridge else "engine.lab.guest"
    package_home = Path(__file__).parents[3]
    environment = guest_environment(boot, root, os.environ) | {"PYTHONPATH": str(package_home)}
    with (directory / "init.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", program, str(directory)],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + (FULL_START_SECONDS if boot.bridge else START_SECONDS)
    while time.monotonic() < deadline:
        if init := running(directory):
            return init
        if process.poll() is not None:
            break
        wait_for_end(process.pid, 0.02)
    process.kill()
    process.wait()
    text = (directory / "init.log").read_text(errors="replace").strip()[-log_limit:]
    raise StartFailed(text or "the guest did not come up in time")


def shutdown(directory: Path, seconds: float) -> bool:
    """Ask the guest to power off; True once it has, False when it did not within `seconds`."""
    init = running(directory)
    if init is None:
        return kill(directory)
    os.kill(init.pid, signal.SIGTERM)
    return wait_for_end(init.pid, seconds) and kill(directory)


def kill(directory: Path) -> bool:
    """Pull the plug: no process of the guest is left afterwards (False if one would not die)."""
    try:
        boot = Boot.load(directory)
    except (OSError, ValueError, TypeError):
        return True  # never powered on
    init = running(directory)
    if init is not None:
        os.kill(init.pid, signal.SIGKILL)
        wait_for_end(init.pid, 5.0)
    ended = _end(boot, directory)
    (directory / "init.json").unlink(missing_ok=True)
    remove_short_directory(directory / "root")
    return ended


def destroy(directory: Path) -> None:
    """End the guest and remove it with everything in it."""
    kill(directory)
    remove(directory)


def remove(directory: Path) -> None:
    """A directory of a guest's files, whatever rights they have; none is fine."""
    if directory.exists():
        _make_removable(directory)
        shutil.rmtree(directory)


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """The guest's processes stand still meanwhile, so that its files do not change."""
    stopped: set[int] = set()
    try:
        while running(directory) and (new := processes(directory) - stopped):
            _signal(new, signal.SIGSTOP)
            stopped |= new
        yield
    finally:
        _signal(stopped, signal.SIGCONT)


def go_on(directory: Path) -> None:
    """Have the processes go on that an API held when it was killed."""
    if running(directory):
        _signal(processes(directory), signal.SIGCONT)


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def processes(directory: Path) -> set[int]:
    """Pids of every process of the guest, for tests and for `homeport lab status`."""
    boot = Boot.load(directory)
    if boot.bridge:
        return control_group.members(boot.mark)
    init = running(directory)
    return members(boot.mark, directory, _programs(boot), init.pid if init else None)


def ask_agent(directory: Path, name: str, arguments: dict[str, object], seconds: float) -> object:
    """A guest agent call. AgentUnavailable without an answer, AgentRefused with an error."""
    try:
        with connected_socket(directory, "control") as client:
            client.settimeout(seconds)
            client.sendall(request(["agent", name, json.dumps(arguments)]))
            client.shutdown(1)
            answer = b""
            while data := client.recv(1 << 16):
                answer += data
    except OSError as error:
        raise AgentUnavailable(str(error)) from error
    texts = {1: b"", 2: b""}
    while answer and answer[0]:
        size = int.from_bytes(answer[1:5], "big")
        texts[answer[0]] += answer[5 : 5 + size]
        answer = answer[5 + size :]
    if len(answer) != 5:
        raise AgentUnavailable("the guest went away")
    if answer[4]:
        raise AgentRefused(texts[2].decode(errors="replace"))
    return json.loads(texts[1])


def _end(boot: Boot, directory: Path) -> bool:
    if boot.bridge:
        return control_group.end(boot.mark, directory / "root")
    return end_all(boot.mark, directory, _programs(boot))


def _programs(boot: Boot) -> tuple[Path, ...]:
    return (Path(boot.cache),)


def _make_removable(directory: Path) -> None:
    """Applications make directories that their owner cannot write; rmtree needs them to be."""
    for parent, names, _ in os.walk(directory):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink() and (path.stat().st_mode & 0o700) != 0o700:
                path.chmod(0o700)
