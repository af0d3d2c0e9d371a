"""Programs of this machine that a backup needs: started by argument list, watched, ended.

Standard error is read line by line as it comes, so that progress shows and a request to stop
is heard within a second, whatever the program does.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from engine.errors import NotFound

_LOOK_SECONDS = 0.25
_KEPT_LINES = 200
_OURS = ("RESTIC_", "AWS_", "SSH_")
"""Variables of the user's own sessions that would change what a program does."""


@dataclass
class Running:
    """A started program; `said`: the last lines of its standard error."""

    process: subprocess.Popen[bytes]
    said: list[str] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    def hear(self, stream: IO[bytes], on_line: Callable[[str], None] | None) -> None:
        """Read a stream to its end in a thread; lines that on_line does not take are kept."""

        def read() -> None:
            for line in stream:
                text = line.decode(errors="replace").rstrip("\n")
                if on_line is not None:
                    on_line(text)
                else:
                    self.said.append(text)
                    del self.said[:-_KEPT_LINES]

        reader = threading.Thread(target=read, daemon=True)
        self._readers.append(reader)
        reader.start()

    def has_ended(self, within: float) -> bool:
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        for reader in self._readers:
            reader.join(within)
        return True

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    @property
    def status(self) -> int:
        return self.process.returncode


def start(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    on_error_line: Callable[[str], None] | None = None,
    **streams: Any,
) -> Running:
    """NotFound where the program is not installed. streams: as subprocess.Popen takes them;
    standard input is empty unless given."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    streams = {"stdin": subprocess.DEVNULL, **streams}
    try:
        process = subprocess.Popen(
            list(argv),
            env=kept | dict(environment or {}),
            stderr=subprocess.PIPE,
            start_new_session=True,
            **streams,
        )
    except FileNotFoundError:
        raise NotFound(
            f"the program {argv[0]} is not installed on this machine",
            on=argv[0],
            left="nothing was changed",
            do=f"Install it: sudo apt install {_PACKAGES.get(argv[0], argv[0])}",
        ) from None
    running = Running(process)
    assert process.stderr is not None
    running.hear(process.stderr, on_error_line)
    return running


_PACKAGES = {"ssh": "openssh-client"}


def attend(raise_if_cancelled: Callable[[], None], *programs: Running) -> None:
    """Until all have ended. Where one fails, or somebody asks to stop, the others are ended."""
    try:
        waiting = list(programs)
        while waiting:
            raise_if_cancelled()
            waiting = [program for program in waiting if not program.has_ended(_LOOK_SECONDS)]
    except BaseException:
        for program in programs:
            program.kill()
        raise
