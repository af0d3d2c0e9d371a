"""The one string that SSH carries instead of an argument list, and how it is kept harmless."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from engine.errors import InvalidInput


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
