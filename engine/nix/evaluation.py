"""Rename markers of NixOS modules by evaluating them, with `nix-instantiate`.

`read_markers.nix` calls each module with marker functions that give data, so that computed
paths come out and those inside submodules have their whole path. What a module asks of its
configuration is not there. A module that stops the evaluation is left out and named, the others
go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.nix.evaluator import Limits, Module, Session
from engine.nix.markers import Marker


@dataclass
class Evaluated:
    """What evaluating the modules of a directory gave, by path relative to it."""

    markers: dict[str, list[Marker]] = field(default_factory=dict)
    """Of each module that was evaluated; their lines are not known."""
    lost_imports: set[str] = field(default_factory=set)
    """Modules with an import that depends on a configuration and was not read."""
    lost_submodules: set[str] = field(default_factory=set)
    """Modules with a type, or with an import of a submodule, for which that holds."""
    failed: dict[str, str] = field(default_factory=dict)
    """Modules that stopped the evaluation, and why."""


def evaluate_modules(
    program: str,
    directory: Path,
    files: Sequence[Path],
    limits: Limits,
    clock: Callable[[], float] = time.monotonic,
) -> Evaluated:
    """The markers of these modules below the directory, by the nix-instantiate at `program`.

    Raises InvalidInput if the evaluator itself cannot be run.
    """
    directory = directory.resolve()
    session = Session(program, directory, limits, clock, clock() + limits.seconds)
    session.check()
    found = Evaluated()
    left = [Module(file.resolve()) for file in files]
    while left:
        why = ""
        for items in session.run(left):
            if isinstance(items, str):
                why = items
                break
            _take(found, str(left[0].file.relative_to(directory)), items)
            left = left[1:]
        if not left:
            break
        name = str(left[0].file.relative_to(directory))
        if clock() >= session.end:
            said = f"the time limit of {limits.seconds:g} s for all modules was reached"
            names = [str(module.file.relative_to(directory)) for module in left]
            found.failed.update((name, said) for name in names if name not in found.failed)
            break
        if left[0].deep:
            found.failed[name] = why
            left = [Module(left[0].file, deep=False), *left[1:]]
        else:
            left = left[1:]
    for name in found.failed:
        if name in found.markers:
            found.lost_submodules.add(name)
    found.markers = _without_those_of_submodules(found.markers)
    return found


def _take(found: Evaluated, name: str, items: Sequence[Any]) -> None:
    markers = found.markers.setdefault(name, [])
    for item in items:
        marker = _marker(item, name)
        if marker is None:
            only_submodules = isinstance(item, dict) and item.get("lost") == "submodules"
            (found.lost_submodules if only_submodules else found.lost_imports).add(name)
        elif marker not in markers:
            markers.append(marker)


def _marker(item: Any, name: str) -> Marker | None:
    """None for what was not read, and for paths that are none."""
    try:
        within = _path(item["within"])
        old = tuple((*within, *_path(path)) for path in item["old"])
        new = _path(item["new"])
        if not new and item["kind"] != "removed":
            return None
        new = (*within, *new) if new else ()
        return Marker(str(item["kind"]), old, new, str(item["text"]), name, within=within)
    except (KeyError, TypeError):
        return None


def _path(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise TypeError(value)
    return tuple(value)


def _without_those_of_submodules(found: dict[str, list[Marker]]) -> dict[str, list[Marker]]:
    """A file that is the module of a submodule was also read as if it were one of the system."""
    inside = {
        (marker.kind, *marker.relative())
        for markers in found.values()
        for marker in markers
        if marker.within
    }
    return {
        name: [m for m in markers if m.within or (m.kind, *m.relative()) not in inside]
        for name, markers in found.items()
    }
