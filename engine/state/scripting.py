"""Running a package's programs (`engine.catalog.migration_script`) on a deployment's guest."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from engine.catalog.migration_script import GuestProgram
from engine.catalog.placeholders import expand_command, expand_text
from engine.errors import InvalidInput, RemoteFailure
from engine.methods import apt
from engine.methods.bindings import bindings_of
from engine.methods.place import Place
from engine.state.program_run import run_program

SANDBOX = "bubblewrap"
"""The Debian package."""
_LONGEST_VALUE = 4096


def run_guest_program(
    place: Place, program: GuestProgram, name: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """The values that it declares as outputs. document: what it is told beside its inputs.

    Its lines go to the log as they come, behind `name`. RemoteFailure, with the last of them,
    where it fails, takes too long or gives other values than it declares; InvalidInput where it
    may write to what is not the deployment's. What it changed until then stays changed.
    """
    apt.ensure_packages(place, (SANDBOX,))
    paths = place.paths
    file = f"{paths.base}/scripts/{name}"
    bindings = bindings_of(place)
    argv = expand_command(program.exec, {**bindings, "program": file})
    if program.program:
        place.write(file, program.program.encode(), mode=0o644)
    writes = [_writable(place, expand_text(path, bindings)) for path in program.writes]
    uid, gid = place.user_ids()
    task = {
        "name": name,
        "argv": argv,
        "root": place.facts.root,
        "path": [f"{place.facts.root}{top}" for top in ("/usr/local/bin", "/usr/bin")],
        "shown": [paths.run],
        "writes": writes,
        "network": program.needs.network,
        "memory_mib": program.needs.memory_mib,
        "commands": program.needs.commands,
        "seconds": program.seconds,
        "uid": uid,
        "gid": gid,
        "document": {
            **document,
            "inputs": {key: expand_text(text, bindings) for key, text in program.inputs.items()},
        },
    }
    found = run_program(
        place, "sandbox", task, failed="a program of the package cannot run", on=name
    )
    if why := _fault(program, found):
        last = [line for line in found["last"] if line]
        raise RemoteFailure(
            f"{name} of {place.app.package.name} failed",
            on=place.facts.address,
            why="\n".join([why, *last]),
            left="what it had changed until then stays changed; it can be run again",
            do="Read its lines above, mend what they name, then try again.",
        )
    return {key: found["result"][key] for key in program.outputs}


def _writable(place: Place, path: str) -> str:
    clean, paths = posixpath.normpath(path), place.paths
    if not any(clean == top or clean.startswith(top + "/") for top in (paths.data, paths.run)):
        raise InvalidInput(
            "a program of the package may write to the deployment's data only",
            on=path,
            left="it was not started",
            do="Correct the package: use {data} or {run}.",
        )
    return clean


def _fault(program: GuestProgram, found: Mapping[str, Any]) -> str:
    """Why what it did does not count; empty where it does."""
    if found["why"]:
        return str(found["why"])
    if found["status"] != 0:
        return f"it ended with status {found['status']}"
    result = found["result"]
    if not isinstance(result, dict) or set(result) != set(program.outputs):
        said = ", ".join(sorted(result)) if isinstance(result, dict) else "no object"
        return f"it gives {said or 'nothing'}, and declares {', '.join(program.outputs) or 'none'}"
    for key, value in result.items():
        if not isinstance(value, str | int | float | bool | None) or (
            isinstance(value, str) and len(value) > _LONGEST_VALUE
        ):
            return f"its value {key} is not a number, a short text, true, false or null"
    return ""
