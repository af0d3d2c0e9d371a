"""Running commands and placing files on a guest, as methods see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class GuestTarget:
    """Where a guest is reached, and by which pinned keys it proves to be itself."""

    address: str
    port: int
    user: str
    host_keys: tuple[str, ...]


@dataclass(frozen=True)
class Completed:
    """Outcome of a command: exit status, and the decoded output (errors replaced)."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class GuestFacts:
    """What a method needs to know of a guest before it plans file paths and listeners.

    root: prefix of every absolute path ("" on a machine; in the lab a guest is a
    directory, and the environment variable HOMEPORT_GUEST_ROOT tells which).
    loopback: address on which a service that only the guest's own proxy reaches listens:
    "127.0.0.1" on a machine; in the lab HOMEPORT_GUEST_LOOPBACK, because loopback is shared.
    """

    root: str
    loopback: str
    address: str
    os_id: str
    os_version: str
    python: str
    """Version of the guest's python3, e.g. "3.11.7"; empty where there is none."""
    systemd: bool
    memory_mib: int
    disk_free_mib: int


class GuestShell(Protocol):
    """One authenticated connection. Not shared between threads."""

    def relay(self, listen: tuple[str, int], to: tuple[str, int]) -> None:
        """What connects to that address and port on the guest comes out at `to`, as this machine
        reaches it, for as long as the connection lasts. Repeated, it does nothing.

        Unreachable where the guest's SSH server does not allow it.
        """

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
        """Run one program by argument list, never by shell string.

        on_wait is called about once a second while the program says nothing. What it or
        on_line raises asks the program to stop, and is raised here.

        A secret goes in by `input`, never by argv or env. With `check`, a status other
        than 0 raises `RemoteFailure` with the end of stderr. Loss of the connection raises
        `OutcomeUnknown`.
        """

    def write_file(
        self, path: str, data: bytes, *, mode: int = 0o644, owner: str | None = None
    ) -> bool:
        """Atomic replace (temporary file in the same directory, fsync, rename).

        Makes missing parent directories. False where content, mode and owner were so already.
        """

    def read_file(self, path: str) -> bytes | None: ...

    def facts(self) -> GuestFacts: ...

    def close(self) -> None: ...
