"""Paths and values that every secrets store takes, whatever it could take beyond them."""

from __future__ import annotations

import re

from engine.errors import InvalidInput

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}){0,7}")


def valid_path(path: str) -> str:
    """The path as it is; InvalidInput where it is none."""
    if _PATH.fullmatch(path):
        return path
    raise InvalidInput(
        "this is not a secret's path",
        on=path[:80],
        why="a path is up to eight names of letters, digits, '_', '-' and '.', joined by '/'",
        do="Use a path such as providers/home/hypervisor-token.",
    )


def is_below(path: str, prefix: str) -> bool:
    """The prefix itself counts; everything is below an empty one."""
    return not prefix or path == prefix or path.startswith(prefix + "/")


def not_text(path: str) -> InvalidInput:
    """Says nothing of the value."""
    return InvalidInput(
        "this secret cannot be stored",
        on=path,
        why="it is not valid Unicode text",
        left="nothing was changed",
        do="Give it as text; encode binary values, for example as base64.",
    )
