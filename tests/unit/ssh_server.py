"""A small SSH server for tests: runs commands as the test's own user, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from engine.guests.event_loop import EventLoopThread
from engine.guests.protocols import GuestTarget


@dataclass
class Server:
    """Where it listens, and what it takes to get in. drop(): cut all connections."""

    port: int
    host_key: str
    private_key: str
    accepted: int = 0
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None

    @property
    def target(self) -> GuestTarget:
        return GuestTarget("127.0.0.1", self.port, "root", (self.host_key,))

    def drop(self) -> None:
        assert self.loop
        for connection in self.connections:
            self.loop.call_soon_threadsafe(connection.abort)


async def copy(source: Any, target: Any, *, close: bool = False) -> None:
    with suppress(OSError, asyncssh.Error):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    if close:
        target.close()


@contextmanager
def ssh_server(
    environment: Mapping[str, str] | None = None, user: int | None = None
) -> Iterator[Server]:
    """A server whose commands see `environment` beside PATH, and nothing else. user: id of who
    they run as; of the group of the same number."""
    host = asyncssh.generate_private_key("ssh-ed25519")
    client = asyncssh.generate_private_key("ssh-ed25519")
    authorized = asyncssh.import_authorized_keys(client.export_public_key().decode())
    server = Server(
        0, host.export_public_key().decode().strip(), client.export_private_key().decode()
    )
    environ = {"PATH": os.environ["PATH"], **(environment or {})}
    identity: dict[str, Any] = {} if user is None else {"user": user, "group": user}
    if identity:
        identity["extra_groups"] = []

    class Acceptor(asyncssh.SSHServer):
        """Of one connection, with which its commands end, and no others."""

        def __init__(self) -> None:
            self.children: list[asyncio.subprocess.Process] = []

        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            server.accepted += 1
            server.connections.append(conn)

        def connection_lost(self, exc: Exception | None) -> None:
            for child in self.children:
                if child.returncode is None:
                    child.kill()

    async def command(process: asyncssh.SSHServerProcess[bytes]) -> None:
        of_connection = process.channel.get_connection().get_owner().children
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", process.command or "", env=environ, **identity,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        of_connection.append(child)
        assert child.stdin
        assert child.stdout
        assert child.stderr
        feeding = asyncio.create_task(copy(process.stdin, child.stdin, close=True))
        await asyncio.gather(copy(child.stdout, process.stdout), copy(child.stderr, process.stderr))
        process.exit(await child.wait())
        feeding.cancel()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[host], authorized_client_keys=authorized,
            server_factory=Acceptor, process_factory=command, encoding=None,
        )  # fmt: skip

    thread = EventLoopThread()
    acceptor: Any = thread.call(listen())
    server.loop = thread.loop
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        server.drop()
        thread.loop.call_soon_threadsafe(acceptor.close)
        thread.call(acceptor.wait_closed())
