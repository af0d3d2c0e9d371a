"""The one string that SSH carries instead of an argument list, how it is kept harmless, and what is
said of a command that failed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from engine.errors import InvalidInput, RemoteFailure
from engine.guests.lines import shown
from engine.guests.protocols import Completed


def command_line(argv: Sequence[str]) -> str:
    """The one string that SSH carries, quoted so that the login shell gives back `argv`."""
    if not argv or any("\0" in word for word in argv):
        raise InvalidInput("a command cannot be run", why="it is empty or has a zero byte")
    return shlex.join(argv)


def with_environment(argv: Sequence[str], env: Mapping[str, str] | None) -> tuple[str, ...]:
    """The argument list with `env` in front: SSH servers drop most variables. Not for secrets."""
    if not env:
        return tuple(argv)
    for name in env:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise InvalidInput("a variable's name is not valid", on=name)
    return ("env", *(f"{name}={value}" for name, value in env.items()), *argv)


def command_failed(argv: Sequence[str], completed: Completed, on: str) -> RemoteFailure:
    command = shown(shlex.join(argv))
    return RemoteFailure(
        f"{argv[0]} failed on the guest",
        on=on,
        why=end_of(completed) or f"exit status {completed.status}, and it said nothing",
        left=f"stopped at: {command[:300]}",
        do="Read the last lines of the log, mend the cause on the guest, then retry.",
    )


def end_of(completed: Completed) -> str:
    text = completed.stderr.strip() or completed.stdout.strip()
    lines = [line for line in map(shown, text.splitlines()) if line]
    return "\n".join(lines[-12:])[-1500:]
