"""Mistakes in the commands that units of systemd run, and in their environments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.catalog.source import Finding, Source, Spot, mapping, sequence, text_of

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_command(
    manifest: Source, spot: Spot, unit: Mapping[str, Any], what: str
) -> Iterator[Finding]:
    """unit: has `exec` and `environment`. what: it is, for a message."""
    program = text_of(next(iter(sequence(unit.get("exec"))), ""))
    if program and not program.startswith(("/", "{")):
        hint = f"{{venv}}/bin/{program}, or the whole path"
        yield manifest.found((*spot, "exec", 0), f"{what} is started by its path", hint)
    for name in mapping(unit.get("environment")):
        if not _VARIABLE.fullmatch(name):
            at = (*spot, "environment", name)
            yield manifest.found(at, f"no variable can be called {name}", key=True)
