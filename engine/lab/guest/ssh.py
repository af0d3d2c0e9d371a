"""The guest's SSH server: the keys of `authorized_keys` only, on the guest's own address.

It serves what OpenSSH clients use on a Debian guest: commands with streaming input and output,
exit statuses and signals, terminals, and SFTP. Commands run by `/bin/sh -c` in the guest's
environment, as sshd runs them by the user's shell.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path
from typing import IO, Any

import asyncssh

from engine.lab.guest.boot import SSH_PORT, Boot
from engine.lab.guest.children import Child, Children
from engine.lab.guest.environment import home_of

_CHUNK = 256 * 1024
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


class _Login(asyncssh.SSHServer):
    """Lets in the one user of cloud-init, by what `authorized_keys` says at that moment.

    asyncssh would carry out a key's command itself, but not tell it what was asked for.
    """

    def __init__(self, boot: Boot, home: Path) -> None:
        self._user = boot.user
        self._keys = home / ".ssh/authorized_keys"
        self._peer = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._peer = conn.get_extra_info("peername")[0]
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        """As sshd with AllowTcpForwarding, for keys without a command."""
        return not self._connection.get_extra_info("forced_command")

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if username != self._user:
            return False
        try:
            known = asyncssh.read_authorized_keys(str(self._keys))
        except (OSError, ValueError):
            return False
        options = known.validate(key, self._peer, self._peer)
        if options is None:
            return False
        self._connection.set_extra_info(forced_command=options.get("command"))
        return True


class _Files(asyncssh.SFTPServer):
    """SFTP over the guest's files; ends with a status, which `scp` waits for."""

    def exit(self) -> None:
        self.channel.exit(0)


async def serve_ssh(boot: Boot, root: Path, children: Children) -> asyncssh.SSHAcceptor:
    """Listen on the guest's address. OSError where somebody else has it."""
    home = home_of(root, boot.user)

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        session = _Session(process, children, home)
        process.exit(await session.run())

    return await asyncssh.listen(
        boot.ip or "",
        SSH_PORT,
        server_factory=lambda: _Login(boot, home),
        server_host_keys=[str(root / HOST_KEY)],
        process_factory=run,
        encoding=None,
        sftp_factory=_Files,
        line_editor=False,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_host=None,
        agent_forwarding=False,
        compression_algs=["none"],
        keepalive_interval=30,
        keepalive_count_max=4,
        reuse_address=True,
    )


def make_host_key(root: Path) -> None:
    """A new identity, as the first boot of a machine makes it."""
    path = root / HOST_KEY
    key = asyncssh.generate_private_key("ssh-ed25519", comment=f"root@{root.parent.name}")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key.export_private_key())
    path.with_name(path.name + ".pub").write_bytes(key.export_public_key())


class _Session:
    """One command or login of a client."""

    def __init__(
        self, process: asyncssh.SSHServerProcess[bytes], children: Children, home: Path
    ) -> None:
        self._process = process
        self._children = children
        self._home = home

    async def run(self) -> int:
        command, environment = self._process.command, self._children.environment
        if forced := self._process.get_extra_info("forced_command"):
            environment = environment | {"SSH_ORIGINAL_COMMAND": command or ""}
            command = forced
        argv = ["/bin/sh", "-c", command] if command else ["/bin/sh", "-l"]
        if self._process.term_type:
            return await self._run_in_terminal(argv)
        child = self._children.spawn(
            argv,
            cwd=self._home,
            environment=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        feeding = asyncio.ensure_future(self._feed(child.stdin))
        await asyncio.gather(
            self._forward(child.stdout, self._process.stdout),
            self._forward(child.stderr, self._process.stderr),
        )
        status = await child.ended
        feeding.cancel()
        return _as_exit_status(status)

    async def _run_in_terminal(self, argv: list[str]) -> int:
        ours, theirs = pty.openpty()
        _resize(ours, self._process.term_size)
        environment = self._children.environment | {"TERM": self._process.term_type or "dumb"}
        child = self._spawn_on(theirs, argv, environment)
        os.close(theirs)
        feeding = asyncio.ensure_future(self._feed(os.fdopen(os.dup(ours), "wb", 0), ours))
        await self._forward(os.fdopen(ours, "rb", 0), self._process.stdout)
        status = await child.ended
        feeding.cancel()
        return _as_exit_status(status)

    def _spawn_on(self, terminal: int, argv: list[str], environment: dict[str, str]) -> Child:
        # `setsid -c` makes the terminal the controlling one of the session it starts.
        return self._children.spawn(
            ["setsid", "-c", "-w", *argv],
            cwd=self._home,
            environment=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )

    async def _feed(self, pipe: IO[bytes], terminal: int | None = None) -> None:
        """The client's input into the command; its end closes the command's input."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        try:
            while True:
                try:
                    data = await self._process.stdin.read(_CHUNK)
                except asyncssh.TerminalSizeChanged as change:
                    if terminal is not None:
                        _resize(terminal, change.term_size)
                    continue
                except (asyncssh.BreakReceived, asyncssh.SignalReceived):
                    continue
                if not data:
                    return
                writer.write(data)
                await writer.drain()
        except (ConnectionError, OSError):
            return  # the command closed its input, or the client went away
        finally:
            writer.close()

    async def _forward(self, pipe: IO[bytes], target: Any) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(_CHUNK)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        listening = True
        try:
            while data := await reader.read(_CHUNK):
                if not listening:
                    continue
                try:
                    target.write(data)
                    await target.drain()
                except (ConnectionError, OSError, asyncssh.Error):
                    listening = False  # the client is gone; the command goes on, as under sshd
        except OSError:
            return  # a terminal's other side closed
        finally:
            transport.close()


def _resize(terminal: int, size: tuple[int, int, int, int]) -> None:
    width, height, pixels_wide, pixels_high = size
    packed = struct.pack("HHHH", height, width, pixels_wide, pixels_high)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, packed)


def _as_exit_status(status: int) -> int:
    return status if status >= 0 else 128 - status
