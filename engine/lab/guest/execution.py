"""Running the commands of a unit: environment, directories, output, and word of readiness."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from engine.lab.guest.children import Child, Children
from engine.lab.guest.dropping import as_service_user, give_to_service_user
from engine.lab.guest.journal import Journal
from engine.lab.guest.unit_syntax import expand_variables
from engine.lab.guest.units import Command, ServiceUnit, read_environment_file


@dataclass(frozen=True)
class Ground:
    """What all services of a guest stand on."""

    root: Path
    children: Children
    journal: Journal
    _recordings: set[asyncio.Future[None]] = field(default_factory=set)

    def spawn(self, unit: ServiceUnit, command: Command, environment: dict[str, str]) -> Child:
        """Start a command of the unit, its output going to the journal. OSError if it cannot."""
        words = expand_variables(list(command.words), environment)
        child = self.children.spawn(
            as_service_user(words, unit.user),
            cwd=Path(unit.working_directory.lstrip("-") or self.root),
            environment=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        recording = asyncio.ensure_future(self._record(unit.name, child, Path(words[0]).name))
        self._recordings.add(recording)
        recording.add_done_callback(self._recordings.discard)
        return child

    def environment(self, unit: ServiceUnit, invocation: str, main: Child | None) -> dict[str, str]:
        """What systemd.exec(5) promises. OSError for a missing EnvironmentFile."""
        found = dict(self.children.environment)
        found["INVOCATION_ID"] = invocation
        if main is not None:
            found["MAINPID"] = str(main.pid)
        for variable, top, names in (
            ("RUNTIME_DIRECTORY", "run", unit.runtime_directories),
            ("STATE_DIRECTORY", "var/lib", unit.state_directories),
        ):
            if names:
                found[variable] = ":".join(str(self.root / top / name) for name in names)
        found |= unit.environment
        for path, optional in unit.environment_files:
            try:
                found |= read_environment_file(path)
            except OSError:
                if not optional:
                    raise
        return found

    def make_directories(self, unit: ServiceUnit) -> None:
        made = [self.root / "run" / name for name in unit.runtime_directories]
        made += [self.root / "var/lib" / name for name in unit.state_directories]
        for directory in made:
            directory.mkdir(parents=True, exist_ok=True)
            give_to_service_user(directory, unit.user)

    def remove_runtime_directories(self, unit: ServiceUnit) -> None:
        for name in unit.runtime_directories:
            shutil.rmtree(self.root / "run" / name, ignore_errors=True)

    async def _record(self, unit: str, child: Child, source: str) -> None:
        assert child.stdout is not None
        reader = asyncio.StreamReader(1 << 18)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), child.stdout
        )
        try:
            while not reader.at_eof():
                try:
                    line = await reader.readuntil(b"\n")
                except asyncio.IncompleteReadError as rest:
                    line = rest.partial
                except asyncio.LimitOverrunError as long:
                    line = await reader.read(long.consumed)
                if line:
                    text = line.decode(errors="replace").rstrip("\n")
                    self.journal.write(unit, child.pid, source, text)
        finally:
            transport.close()


class Readiness:
    """Where a service says READY=1 (sd_notify(3)); an abstract address has no path."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(b"\0homeport-notify-" + secrets.token_hex(8).encode())
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._socket, self._hear)

    @property
    def address(self) -> str:
        """The value of NOTIFY_SOCKET."""
        return "@" + bytes(self._socket.getsockname())[1:].decode()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _hear(self) -> None:
        lines = self._socket.recv(65536).split(b"\n")
        if b"READY=1" in lines and not self.ready.done():
            self.ready.set_result(None)
