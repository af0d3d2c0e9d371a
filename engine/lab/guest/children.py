"""Every process of a guest is started here, and its end is heard of here, once.

The init is also the parent of all orphans in the guest. One reaper for both keeps a service's
exit status from being taken by somebody else, which asyncio's own child watchers cannot.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.lab.guest.processes import die_with_parent

_Stream = int | IO[bytes] | None


@dataclass(frozen=True)
class Child:
    pid: int
    ended: asyncio.Future[int]
    """Exit status; minus the signal's number where a signal ended it (as subprocess)."""
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None


class Children:
    """Starts processes of the guest with its environment; the init has one of these."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._waiting: dict[int, asyncio.Future[int]] = {}

    def watch(self) -> None:
        """Hear of ends from now on; called once, in the running loop."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        stdin: _Stream = subprocess.DEVNULL,
        stdout: _Stream = subprocess.DEVNULL,
        stderr: _Stream = subprocess.DEVNULL,
    ) -> Child:
        """Start a program in a session of its own. OSError where it cannot be executed."""
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(self.environment if environment is None else environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        ended = asyncio.get_running_loop().create_future()
        self._waiting[process.pid] = ended
        process.returncode = 0  # the reaper alone waits for it
        return Child(process.pid, ended, process.stdin, process.stdout, process.stderr)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._waiting.pop(pid, None)
            if ended is not None and not ended.done():
                ended.set_result(os.waitstatus_to_exitcode(status))
