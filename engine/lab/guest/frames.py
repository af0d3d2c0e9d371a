"""How the init answers on its control socket; the guest's commands speak it in `shim.py`.

A request is the words of a command, each ended by a NUL, then the end of the stream. The
answer is frames: one byte (1 standard output, 2 standard error, 0 end), four bytes big-endian
(length of what follows; for the end, the exit status).
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

OUT, ERR, END = 1, 2, 0


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream]) + len(data).to_bytes(4, "big") + data


def end_frame(status: int) -> bytes:
    return bytes([END]) + (status & 0xFF).to_bytes(4, "big")


def request(words: list[str]) -> bytes:
    return b"".join(word.encode(errors="surrogateescape") + b"\0" for word in words)


def bound_socket(directory: Path, name: str) -> socket.socket:
    """A listening unix socket, whatever the length of its path (limit: 107 bytes)."""
    path = directory / name
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        server.bind(f"/proc/self/fd/{descriptor}/{name}")
        path.chmod(0o600)
        server.listen(64)
    finally:
        os.close(descriptor)
    return server


def connected_socket(directory: Path, name: str) -> socket.socket:
    """A connection to such a socket. OSError where nobody listens."""
    client = socket.socket(socket.AF_UNIX)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        client.connect(f"/proc/self/fd/{descriptor}/{name}")
    except OSError:
        client.close()
        raise
    finally:
        os.close(descriptor)
    return client
