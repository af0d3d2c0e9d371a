"""A guest proves its host keys with the secret it was made with; nobody else can."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from engine.errors import HostKeyMismatch
from engine.guests import scripts
from engine.guests.proving import checked, new_proof, with_proof

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDkO6v8Pq0kX6J8V0n4kZzP0H0ZJm5x1q9b4Ym1n0c2E"
NONCE = "ab" * 32


def answer(root: Path, nonce: str = NONCE) -> str:
    """What the guest with these files says."""
    done = subprocess.run(
        ["sh", "-c", scripts.PROVE],
        input=f"{nonce}\n",
        env={"PATH": os.environ["PATH"], "HOMEPORT_GUEST_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def proof() -> str:
    return new_proof()


@pytest.fixture
def root(tmp_path: Path, proof: str) -> Path:
    (tmp_path / "root/.ssh").mkdir(parents=True)
    keys = [f"{KEY} somebody else", with_proof(f"{KEY} homeport", proof)]
    (tmp_path / "root/.ssh/authorized_keys").write_text("".join(f"{key}\n" for key in keys))
    (tmp_path / "etc/ssh").mkdir(parents=True)
    for kind in ("ecdsa", "ed25519"):
        (tmp_path / f"etc/ssh/ssh_host_{kind}_key.pub").write_text(f"ssh-{kind} AAAA root@guest\n")
    return tmp_path


def test_the_guest_that_was_made_is_believed(root: Path, proof: str) -> None:
    said = answer(root)
    assert proof not in said
    assert checked(said, proof, NONCE, "guest") == ("ssh-ecdsa AAAA", "ssh-ed25519 AAAA")


def test_nobody_else_is(root: Path, proof: str) -> None:
    said = answer(root)
    *keys, digest = said.splitlines()
    guessed = hashlib.sha256("\n".join([NONCE, *keys]).encode()).hexdigest()
    for lie in (
        "",
        digest,
        said.replace("AAAA", "EVIL"),
        said.replace(digest, guessed),
        answer(root, "cd" * 32),
        "\n".join([*keys, "ssh-ed25519 EVIL", digest]),
    ):
        with pytest.raises(HostKeyMismatch):
            checked(lie, proof, NONCE, "guest")
    with pytest.raises(HostKeyMismatch):
        checked(said, new_proof(), NONCE, "guest")


def test_a_guest_without_the_secret_proves_nothing(root: Path) -> None:
    (root / "root/.ssh/authorized_keys").write_text(f"{KEY} homeport\n")
    with pytest.raises(HostKeyMismatch):
        checked(answer(root), new_proof(), NONCE, "guest")
