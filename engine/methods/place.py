"""One deployment on one guest, while a method works on it.

What takes long runs under the guest's lock: when the worker is killed, the program that it
started on the guest may go on. The next attempt waits for that to end and then does its own
work on what it finds; two installers never run at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.errors import Locked
from engine.guests import scripts
from engine.guests.protocols import Completed, GuestFacts, GuestShell
from engine.methods.paths import GuestPaths
from engine.methods.protocols import Installation, Work

LOCK_SECONDS = 1800


@dataclass(frozen=True)
class Place:
    shell: GuestShell
    app: Installation
    work: Work
    facts: GuestFacts
    paths: GuestPaths
    part: str = ""
    """What is worked on beside other parts, by a name that may end a file's: it has a lock of its
    own, and whoever works on the guest as a whole waits for all parts."""

    @classmethod
    def of(cls, shell: GuestShell, app: Installation, work: Work) -> Place:
        facts = shell.facts()
        return cls(shell, app, work, facts, GuestPaths.of(app, facts))

    def run(
        self,
        *argv: str,
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
        check: bool = True,
    ) -> Completed:
        """A short command, its output kept out of the log."""
        self.work.raise_if_cancelled()
        return self.shell.run(
            argv,
            input=data,
            env=env,
            timeout=timeout,
            on_wait=self.work.raise_if_cancelled,
            check=check,
        )

    def run_long(
        self,
        *argv: str,
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 1800.0,
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """What takes long: under the lock of the guest or of the part, its lines in the log,
        cancellable.

        on_line: takes the lines instead of the log.
        Raises Locked while what an earlier attempt started is still busy.
        """
        self.work.raise_if_cancelled()
        completed = self.shell.run(
            (*self._lock, *argv),
            input=data,
            env=env,
            timeout=timeout + LOCK_SECONDS,
            on_line=on_line or self._tell,
            on_wait=self.work.raise_if_cancelled,
            check=False,
        )
        if completed.status == scripts.LOCK_HELD:
            raise Locked(
                "another installer or copy still works on the guest",
                on=self.facts.address,
                why="one that was started before did not end",
                do="Wait for it, or end it on the guest, then retry.",
            )
        return completed

    def write(self, path: str, data: bytes, *, mode: int = 0o644, owner: str | None = None) -> bool:
        self.work.raise_if_cancelled()
        return self.shell.write_file(path, data, mode=mode, owner=owner)

    def exists(self, path: str) -> bool:
        return self.run("test", "-e", path, check=False).status == 0

    def directory(self, path: str, mode: str, owner: str) -> None:
        """Made if missing; mode and owner as given in either case."""
        user, _, group = owner.partition(":")
        self.run("install", "-d", "-m", mode, "-o", user, "-g", group or user, "--", path)

    def user_ids(self) -> tuple[int, int]:
        """Numbers of the service's user and group."""
        shown = self.run("getent", "passwd", self.paths.user).stdout.split(":")
        return int(shown[2]), int(shown[3])

    @property
    def _lock(self) -> tuple[str, ...]:
        """Words in front of a command by which it is run under the lock."""
        lock, seconds = self.paths.lock, str(LOCK_SECONDS)
        if self.part:
            return ("sh", "-c", scripts.LOCKED_BESIDE, "locked", lock, self.part, seconds)
        return ("sh", "-c", scripts.LOCKED, "locked", lock, seconds)

    def _tell(self, line: str) -> None:
        self.work.log(line)
        self.work.raise_if_cancelled()
