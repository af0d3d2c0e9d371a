"""Authenticated SSH connections to guests, shared by the steps of one process.

A connection costs a key exchange, so it stays open for a short while after its last user
left and the next step takes it over. Host keys are pinned: a guest that shows any other
key than those written down at its creation is not talked to, and there is no first use on
trust. Neither the user's SSH configuration nor an agent is consulted.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field

import asyncssh

from engine.errors import (
    Denied,
    HomeportError,
    HostKeyMismatch,
    InvalidInput,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
)
from engine.guests import scripts
from engine.guests.event_loop import OncePerProcess, event_loop
from engine.guests.facts import Probed, parse_probe
from engine.guests.protocols import GuestTarget

CONNECT_SECONDS = 20.0
LINGER_SECONDS = 20.0
RELAY_ATTEMPTS = 5
CIPHERS = "^aes128-gcm@openssh.com"
"""Preferred to the library's first choice, which costs it twice the time for each packet."""


@dataclass
class Link:
    """One connection, what was found on the guest, and how many shells use it."""

    connection: asyncssh.SSHClientConnection
    probed: Probed
    relays: set[tuple[str, int]] = field(default_factory=set)
    users: int = 0
    closing: asyncio.TimerHandle | None = None


class Links:
    """The open connections by target and key. All methods run in the event loop."""

    def __init__(self) -> None:
        self._links: dict[tuple[GuestTarget, str], Link] = {}
        self._opening: dict[tuple[GuestTarget, str], asyncio.Lock] = {}

    async def take(self, target: GuestTarget, private_key: str) -> Link:
        """A live connection; opened where there is none. Errors: see `connect`."""
        name = (target, hashlib.sha256(private_key.encode()).hexdigest())
        async with self._opening.setdefault(name, asyncio.Lock()):
            link = self._links.get(name)
            if link is None or link.connection.is_closed():
                link = self._links[name] = await connect(target, private_key)
            link.users += 1
            if link.closing:
                link.closing.cancel()
                link.closing = None
            return link

    async def give_back(self, link: Link) -> None:
        """The last user's leave closes the connection, after a while."""
        link.users -= 1
        if link.users == 0:
            loop = asyncio.get_running_loop()
            link.closing = loop.call_later(LINGER_SECONDS, self._close, link)

    def _close(self, link: Link) -> None:
        link.connection.close()
        for name in [name for name, held in self._links.items() if held is link]:
            del self._links[name]
            self._opening.pop(name, None)


links = OncePerProcess(Links)


def take(target: GuestTarget, private_key: str) -> Link:
    """A connection for one user; see `connect` for the errors."""
    return event_loop().call(links().take(target, private_key))


def give_back(link: Link) -> None:
    event_loop().call(links().give_back(link))


async def relay(link: Link, listen: tuple[str, int], to: tuple[str, int], on: str) -> None:
    """See `GuestShell.relay`. A listener that a killed worker left goes with its connection, which
    the guest's SSH server may notice a moment later."""
    for left in range(RELAY_ATTEMPTS, -1, -1):
        if listen in link.relays:
            return
        try:
            await link.connection.forward_remote_port(*listen, *to)
            link.relays.add(listen)
        except asyncssh.ChannelListenError as error:
            if not left:
                raise Unreachable(
                    "the guest's SSH server leads nobody through this machine",
                    on=on,
                    why=str(error),
                    do="Set AllowTcpForwarding yes (or remote) in the guest's sshd_config, "
                    "then try again.",
                ) from error
            await asyncio.sleep(1.0)


async def connect(target: GuestTarget, private_key: str) -> Link:
    """Connect, authenticate both sides, and probe the guest.

    Raises HostKeyMismatch, Denied (key not accepted), Unreachable, InvalidInput (keys that
    are none).
    """
    on = f"{target.user}@{target.address} port {target.port}"
    try:
        pinned = [asyncssh.import_public_key(key) for key in target.host_keys]
        key = asyncssh.import_private_key(private_key)
    except asyncssh.KeyImportError as error:
        raise InvalidInput("an SSH key cannot be read", on=on, why=str(error)) from error
    if not pinned:
        raise HostKeyMismatch(
            "the guest's host key is not known",
            on=on,
            why="no key was written down when the guest was made",
            left="no connection was made",
            do="Install the guest agent in the image so that Homeport can read the key.",
        )
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await _open(target, key, pinned)
            return Link(connection, await _probe(connection, target.address))
    except (OSError, asyncssh.Error) as error:
        raise connection_error(error, on) from error


async def _open(
    target: GuestTarget, key: asyncssh.SSHKey, pinned: list[asyncssh.SSHKey]
) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        target.address,
        target.port,
        username=target.user,
        client_keys=[key],
        known_hosts=(pinned, [], []),
        config=[],
        agent_path=None,
        preferred_auth=["publickey"],
        compression_algs=None,
        encryption_algs=CIPHERS,
        keepalive_interval=10,
        keepalive_count_max=3,
    )


async def _probe(connection: asyncssh.SSHClientConnection, address: str) -> Probed:
    answer = await connection.run("sh -s", input=scripts.PROBE, errors="replace")
    return parse_probe(str(answer.stdout), address)


def connection_error(error: Exception, on: str) -> HomeportError:
    """What a failed connection means, in our words."""
    why = str(error) or type(error).__name__
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return HostKeyMismatch(
            "the guest does not prove to be the one that Homeport made",
            on=on,
            why="it shows another SSH host key than the one written down",
            left="no command was run",
            do="If the guest was installed anew on purpose, destroy the deployment and deploy "
            "it again. If not, find out who answers at this address.",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return Denied(
            "the guest does not let Homeport in",
            on=on,
            why=why,
            do="Put Homeport's public key back into the user's authorized_keys.",
        )
    if isinstance(error, asyncssh.KeyExchangeFailed | asyncssh.ProtocolNotSupported):
        return RemoteFailure(
            "the guest's SSH server and Homeport share no method",
            on=on,
            why=why,
            do="Allow a current key exchange and cipher in the guest's sshd_config.",
        )
    return Unreachable(
        "the guest cannot be reached by SSH",
        on=on,
        why="no answer in time" if isinstance(error, TimeoutError) else why,
        do="Check that the guest runs and that no firewall is in between.",
    )


def connection_lost(on: str, command: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        "the connection to the guest was lost",
        on=on,
        why=f"it ended while {command} was running",
        left="the command may have done its work, or part of it",
        do="Retry: the step looks at what is there before it acts.",
    )
