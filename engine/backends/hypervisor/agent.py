"""A guest's SSH host keys, read through its agent and not over the network they protect."""

from __future__ import annotations

import re

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.protocols import Progress
from engine.errors import Denied, HomeportError, RemoteFailure, Unreachable

_FILES = tuple(f"/etc/ssh/ssh_host_{kind}_key.pub" for kind in ("ed25519", "ecdsa", "rsa"))
_KEY = re.compile(r"(?P<key>(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp[0-9]+) [A-Za-z0-9+/]+=*)")
_NO_AGENT = re.compile(r"No QEMU guest agent configured", re.IGNORECASE)
_NO_FILE = re.compile(r"no such file|failed to open file", re.IGNORECASE)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


def read_host_keys(client: ProxmoxClient, path: str, progress: Progress) -> tuple[str, ...]:
    """The guest's public host keys; empty where it was made without an agent.

    Waits until the agent answers and the guest has made its keys; Unreachable when that
    takes longer than `agent_seconds` of the settings.
    """
    deadline = client.clock() + client.settings.agent_seconds
    pause, reason = _FIRST_PAUSE, ""
    while True:
        progress.raise_if_cancelled()
        for file in _FILES:
            try:
                answer = client.get(f"{path}/agent/file-read", file=file)
            except Denied:
                raise
            except HomeportError as error:
                reason = error.why or error.what
                if isinstance(error, RemoteFailure) and _NO_AGENT.search(reason):
                    return ()
                if _NO_FILE.search(reason):
                    continue
                break
            if key := _whole_key(str((answer or {}).get("content") or "")):
                return (key,)
            reason = f"{file} holds no key yet"
        if client.clock() >= deadline:
            raise Unreachable(
                "the guest's agent does not show the SSH host key",
                why=reason,
                left="the guest runs and is kept",
                do="The image must contain qemu-guest-agent. Put it in with virt-customize "
                "-a IMAGE --install qemu-guest-agent, destroy the deployment and deploy again; "
                "if the guest is only slow, try again.",
            )
        client.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _whole_key(text: str) -> str:
    """The public key without its comment; "" for a file that is still being written."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    found = _KEY.match(text.strip())
    if found is None:
        return ""
    try:
        load_ssh_public_key(found["key"].encode())
    except ValueError:
        return ""
    return found["key"]
