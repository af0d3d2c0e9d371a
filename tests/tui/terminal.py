"""A terminal to run the interface in: a pty, the bytes that come out, and a screen of them.

For what Textual's own pilot cannot see: bytes on the wire, time to the first paint, SIGHUP,
a change of the window's size.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
QUIET_SECONDS = 0.25
"""Without a byte for so long, the program is done with what it was asked for."""


class Terminal:
    """A program in a pty. Use it as a context manager: the program ends with it."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        term: str = "xterm-256color",
        environ: dict[str, str] | None = None,
    ) -> None:
        self.output = bytearray()
        self.started = time.monotonic()
        self.first_byte: float | None = None
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            env = {key: value for key, value in os.environ.items() if key != "COLORTERM"}
            env |= {"TERM": term, **(environ or {})}
            os.execve(argv[0], list(argv), env)  # noqa: S606 - a list, and no shell is wanted
        self.status: int | None = None
        self.resize(columns, lines)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.status is None and not self._reap(os.WNOHANG):
            os.kill(self.pid, signal.SIGKILL)
            self._reap(0)
        if self.master >= 0:
            os.close(self.master)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal, as sshd does when the connection is lost."""
        os.close(self.master)
        self.master = -1

    def send(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self, seconds: float) -> bytes:
        """What comes within that time; less where the program ends."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return b""
        if self.first_byte is None and data:
            self.first_byte = time.monotonic() - self.started
        self.output += data
        return data

    def until(self, condition: Callable[[bytes], bool], seconds: float = 60.0) -> float:
        """Read until the output fulfils the condition; the time since the start."""
        deadline = time.monotonic() + seconds
        while not condition(bytes(self.output)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not seen in {seconds} s: {bytes(self.output[-600:])!r}")
            self.read(0.05)
        return time.monotonic() - self.started

    def settle(self, quiet: float = QUIET_SECONDS, seconds: float = 20.0) -> bytes:
        """All that comes until nothing has come for a while."""
        deadline, data = time.monotonic() + seconds, b""
        while time.monotonic() < deadline:
            fresh = self.read(quiet)
            if not fresh:
                break
            data += fresh
        return data

    def press(self, keys: str) -> bytes:
        """Send keys and give what comes of them."""
        self.send(keys)
        return self.settle()

    def wait(self, seconds: float = 10.0) -> int:
        """The program's exit status, or minus the signal that ended it."""
        deadline = time.monotonic() + seconds
        while not self._reap(os.WNOHANG):
            if time.monotonic() > deadline:
                raise TimeoutError("the program goes on")
            if self.master >= 0:
                self.read(0.05)
            else:
                time.sleep(0.02)
        assert self.status is not None
        return self.status

    def _reap(self, options: int) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, options)
            if pid == 0:
                return False
            self.status = os.waitstatus_to_exitcode(status)
        return True

    # what the kernel knows of the program

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Resident set."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")


def python(*arguments: str) -> list[str]:
    """The command line of this interpreter."""
    return [sys.executable, *arguments]
