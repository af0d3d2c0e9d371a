"""The guest shell over SSH: argument lists in, bytes and lines out.

SSH carries a command as one string that the login shell splits again, so the argument
list is quoted word by word (`shlex.join`) and nothing else ever becomes part of it.
Secrets go by standard input. What takes long is started under a lock by its caller
(`engine.methods.locked`): a command can outlive the connection that started it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import asyncssh

from engine.errors import OutcomeUnknown, RemoteFailure
from engine.guests import connections, scripts
from engine.guests.command_line import (
    command_failed,
    command_line,
    end_of,
    with_environment,
)
from engine.guests.event_loop import event_loop
from engine.guests.lines import LineSplitter
from engine.guests.protocols import Completed, GuestFacts, GuestTarget

_CHUNK = 65536
_WAIT_SECONDS = 1.0
_KEPT_CHUNKS = 64
"""With `on_line`, only the end of a long output is kept: the lines were seen already."""


def open_shell(target: GuestTarget, private_key: str) -> SshShell:
    """Connect and prove both sides. private_key: OpenSSH PEM.

    Raises HostKeyMismatch, Denied, Unreachable; see `engine.guests.connections`.
    """
    return SshShell(target, connections.take(target, private_key))


@dataclass(frozen=True)
class _Output:
    status: int
    stdout: bytes
    stderr: bytes


class SshShell:
    """`engine.guests.protocols.GuestShell` on one connection. Not shared between threads."""

    def __init__(self, target: GuestTarget, link: connections.Link) -> None:
        self._link = link
        self._open = True
        self._on = f"{target.user}@{target.address}"

    def facts(self) -> GuestFacts:
        """As found when the connection was made."""
        return self._link.probed.facts

    def close(self) -> None:
        if self._open:
            self._open = False
            connections.give_back(self._link)

    def relay(self, listen: tuple[str, int], to: tuple[str, int]) -> None:
        try:
            event_loop().call(connections.relay(self._link, listen, to, self._on))
        except (OSError, asyncssh.Error) as error:
            raise connections.connection_lost(self._on, "leading through") from error

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002 - the field's word, as in subprocess
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
        on_line: Callable[[str], None] | None = None,
        on_wait: Callable[[], None] | None = None,
        check: bool = True,
    ) -> Completed:
        """Run one program; see the protocol. A command that is not done within `timeout`
        seconds is asked to stop and raises OutcomeUnknown."""
        output = self._run(argv, input, env, timeout, on_line, on_wait)
        completed = Completed(
            output.status,
            output.stdout.decode(errors="replace"),
            output.stderr.decode(errors="replace"),
        )
        if check and completed.status != 0:
            raise command_failed(argv, completed, self._on)
        return completed

    def write_file(
        self, path: str, data: bytes, *, mode: int = 0o644, owner: str | None = None
    ) -> bool:
        arguments = (path, f"{mode:o}", owner or "", str(len(data)))
        done = self.run(
            ("sh", "-c", scripts.WRITE, "write-file", *arguments), input=data, check=False
        )
        if done.status == scripts.INCOMPLETE:
            raise connections.connection_lost(self._on, f"the transfer of {path}")
        if done.status != 0:
            raise RemoteFailure(
                "a file cannot be written on the guest",
                on=f"{path} on {self._on}",
                why=end_of(done),
                left="the file is as it was before",
                do="Check the free space and the rights on the guest.",
            )
        return done.stdout.strip() == "changed"

    def read_file(self, path: str) -> bytes | None:
        argv = ("sh", "-c", scripts.READ, "read-file", path)
        output = self._run(argv, None, None, 120.0, None, None)
        if output.status == scripts.NO_SUCH_FILE:
            return None
        if output.status != 0:
            raise RemoteFailure(
                "a file cannot be read on the guest",
                on=f"{path} on {self._on}",
                why=output.stderr.decode(errors="replace").strip(),
            )
        return output.stdout

    def _run(
        self,
        argv: Sequence[str],
        data: bytes | None,
        env: Mapping[str, str] | None,
        timeout: float,
        on_line: Callable[[str], None] | None,
        on_wait: Callable[[], None] | None,
    ) -> _Output:
        command = command_line((*self._link.probed.prefix, *with_environment(argv, env)))
        lines: SimpleQueue[str | None] = SimpleQueue()
        running = event_loop().start(
            self._execute(argv[0], command, data, timeout, lines.put if on_line else None)
        )
        running.add_done_callback(lambda _: lines.put(None))
        try:
            _attend(lines, on_line, on_wait)
            return running.result()
        except BaseException:
            running.cancel()
            raise

    async def _execute(
        self,
        name: str,
        command: str,
        data: bytes | None,
        timeout: float,
        on_line: Callable[[str], None] | None,
    ) -> _Output:
        process: asyncssh.SSHClientProcess[bytes] | None = None
        try:
            async with asyncio.timeout(timeout):
                process = await self._link.connection.create_process(command, encoding=None)
                _, stdout, stderr = await asyncio.gather(
                    _feed(process, data),
                    _collect(process.stdout, on_line),
                    _collect(process.stderr, on_line),
                )
                await process.wait_closed()
        except TimeoutError as error:
            raise OutcomeUnknown(
                f"{name} did not finish in time",
                on=self._on,
                why=f"it ran for more than {timeout:.0f} seconds",
                left="it was asked to stop; part of its work may be done",
                do="Retry: the step looks at what is there before it acts.",
            ) from error
        except (OSError, asyncssh.Error) as error:
            raise connections.connection_lost(self._on, name) from error
        finally:
            if process is not None and process.exit_status is None:
                _stop(process)
        if process.exit_status is None:
            raise connections.connection_lost(self._on, name)
        return _Output(_status(process), stdout, stderr)


def _attend(
    lines: SimpleQueue[str | None],
    on_line: Callable[[str], None] | None,
    on_wait: Callable[[], None] | None,
) -> None:
    """On the caller's thread, until the end of the lines (None)."""
    while True:
        try:
            line = lines.get(timeout=_WAIT_SECONDS)
        except Empty:
            if on_wait:
                on_wait()
            continue
        if line is None:
            return
        if on_line:
            on_line(line)


async def _feed(process: asyncssh.SSHClientProcess[bytes], data: bytes | None) -> None:
    try:
        if data:
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()
    except (BrokenPipeError, ConnectionResetError):
        return  # the program does not read its input; its exit status says what that means


async def _collect(
    stream: asyncssh.SSHReader[bytes], on_line: Callable[[str], None] | None
) -> bytes:
    kept: deque[bytes] = deque(maxlen=_KEPT_CHUNKS if on_line else None)
    splitter = LineSplitter()
    while chunk := await stream.read(_CHUNK):
        kept.append(chunk)
        if on_line:
            for line in splitter.feed(chunk):
                on_line(line)
    if on_line:
        for line in splitter.feed(b"", last=True):
            on_line(line)
    return b"".join(kept)


def _stop(process: asyncssh.SSHClientProcess[bytes]) -> None:
    try:
        process.terminate()
    except OSError:
        return  # the channel is closed already
    process.close()


def _status(process: asyncssh.SSHClientProcess[bytes]) -> int:
    """Exit status; 128 for a program that a signal ended, as shells have it."""
    status = process.exit_status
    return 128 if status is None or status < 0 else status
