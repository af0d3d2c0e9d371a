"""A guest proves its SSH host keys where nobody outside can ask it for them.

When the guest was made, a secret was put into it through the hypervisor's own API, as the
comment of the key that lets us in. The first connection trusts nobody: what answers shows its
host keys, and a digest of them with that secret. Somebody in between can imitate the guest, but
has neither the secret, nor a way to have the guest answer: our login is bound to the
connection it was made on. Nothing but the digest is sent, and the secret is used once.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import shlex

import asyncssh

from engine.errors import HostKeyMismatch, InvalidInput
from engine.guests import scripts
from engine.guests.connections import CONNECT_SECONDS, connection_error
from engine.guests.event_loop import event_loop

_COMMENT = "homeport-proof-"


def new_proof() -> str:
    return secrets.token_hex(32)


def with_proof(public_key: str, proof: str) -> str:
    """The line for the guest's `authorized_keys`: the key, with the secret as its comment."""
    kind, blob = public_key.split()[:2]
    return f"{kind} {blob} {_COMMENT}{proof}"


def proven_host_keys(
    address: str, port: int, user: str, private_key: str, proof: str
) -> tuple[str, ...]:
    """The host keys of the guest that holds the proof.

    HostKeyMismatch where what answers does not hold it; Unreachable, Denied while it boots.
    """
    return event_loop().call(_ask(address, port, user, private_key, proof))


async def _ask(address: str, port: int, user: str, private_key: str, proof: str) -> tuple[str, ...]:
    on = f"{user}@{address} port {port}"
    nonce = secrets.token_hex(32)
    try:
        key = asyncssh.import_private_key(private_key)
    except asyncssh.KeyImportError as error:
        raise InvalidInput("an SSH key cannot be read", on=on, why=str(error)) from error
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            async with asyncssh.connect(
                address,
                port,
                username=user,
                client_keys=[key],
                known_hosts=None,  # it proves itself by what it answers
                config=[],
                agent_path=None,
                agent_forwarding=False,
                preferred_auth=["publickey"],
            ) as connection:
                answer = await connection.run(
                    f"sh -c {shlex.quote(scripts.PROVE)}", input=f"{nonce}\n", errors="replace"
                )
    except (OSError, asyncssh.Error) as error:
        raise connection_error(error, on) from error
    return checked(str(answer.stdout), proof, nonce, on)


def checked(answer: str, proof: str, nonce: str, on: str) -> tuple[str, ...]:
    """The keys in an answer whose last line is the right digest of them."""
    *keys, digest = answer.strip().splitlines() or [""]
    text = "".join(f"{line}\n" for line in [proof, nonce, *keys, proof])
    right = hashlib.sha256(text.encode()).hexdigest()
    if not keys or not hmac.compare_digest(digest.encode(), right.encode()):
        raise HostKeyMismatch(
            "the guest does not prove to be the one that Homeport made",
            on=on,
            why="what answers there does not know the secret that the guest was made with",
            left="nothing was installed on it",
            do="Find out who answers at this address. If root's authorized_keys was changed in "
            "the guest, destroy the deployment and deploy it again.",
        )
    return tuple(keys)
