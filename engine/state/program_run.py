"""Running a program of `engine.state.programs` on a guest.

It runs under the guest's lock: one that outlived its worker is waited for, and two never work
on the same files.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from engine.errors import RemoteFailure
from engine.methods.place import Place
from engine.state.programs import source

_RESULT, _PROGRESS = "homeport-result: ", "homeport-progress: "
_SECONDS = 24 * 3600.0


def run_program(
    place: Place, program: str, task: Mapping[str, Any], *, failed: str, on: str
) -> dict[str, Any]:
    """Its result. task: JSON, by standard input, so that it may hold secrets.

    RemoteFailure (`failed`, on `on`) with what it wrote to standard error; Locked.
    """
    result: list[str] = []

    def hear(line: str) -> None:
        if line.startswith(_RESULT):
            result.append(line.removeprefix(_RESULT))
        elif line.startswith(_PROGRESS):
            done, total = line.removeprefix(_PROGRESS).split()
            place.work.progress(float(done), float(total), "bytes")
        else:
            place.work.log(line)
        place.work.raise_if_cancelled()

    completed = place.run_long(
        *("python3", "-I", "-c", source(program)),
        data=json.dumps(task).encode(),
        timeout=_SECONDS,
        on_line=hear,
    )
    if completed.status != 0:
        raise RemoteFailure(
            failed,
            on=f"{on} at {place.facts.address}",
            why=completed.stderr.strip()[-1500:] or f"exit status {completed.status}",
            do="Look at free space and at the service on the guest, then try again.",
        )
    found: dict[str, Any] = json.loads(b64decode("".join(result)))
    return found
