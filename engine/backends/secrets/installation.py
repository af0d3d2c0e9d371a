"""The installation's own secrets: what `secret:` references name, and its SSH key."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.backends.protocols import Secrets
from engine.backends.secrets.sealed import SealedSecrets
from engine.errors import InvalidInput
from engine.paths import Paths

SCHEME = "secret:"
SSH_KEY = "ssh/installation"


def open_installation_secrets(paths: Paths) -> SealedSecrets:
    """The store behind `secret:` references. Opening it reads and makes nothing."""
    return SealedSecrets(paths)


def read_reference(secrets: Secrets, reference: str) -> str:
    """The value behind "secret:providers/harbour-a/token"; NotFound where there is none."""
    if not reference.startswith(SCHEME):
        raise InvalidInput(
            "this is not a reference to a secret",
            why="a reference starts with 'secret:'",
            left="nothing was changed",
            do="Store the value as a secret and put its reference here, "
            "for example secret:providers/home/hypervisor-token.",
        )
    return secrets.get(reference.removeprefix(SCHEME))


@dataclass(frozen=True)
class SshKey:
    """An Ed25519 key pair: OpenSSH's own private format, and "ssh-ed25519 AAAA..."."""

    private_pem: str = field(repr=False)
    public_line: str


def installation_ssh_key(secrets: Secrets) -> SshKey:
    """The key by which this installation enters its guests; made when first asked for."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    private = secrets.ensure(SSH_KEY, _make_ssh_key)
    public = load_ssh_private_key(private.encode(), password=None).public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return SshKey(private, line)


def _make_ssh_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
