"""Kinds whose work is done by a program on the guest (`engine.state.programs`).

It runs under the guest's lock: one that outlived its worker is waited for, and two never work
on the same files.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import RemoteFailure
from engine.state.programs import source
from engine.state.protocols import Captured, Ground, Size, Unit

_RESULT, _PROGRESS = "homeport-result: ", "homeport-progress: "
_SECONDS = 6 * 3600.0
_FAILED = {
    "measure": "state cannot be measured",
    "capture": "state cannot be captured",
    "verify": "captured state is not what it was",
    "restore": "state cannot be restored",
    "describe": "state cannot be read through",
    "differing": "state cannot be compared",
}


@dataclass(frozen=True)
class ProgramKind:
    """`engine.state.protocols.StateKind` by one program.

    task: what the program is told of a unit beside the verb; it may hold secrets, which reach
    the program by standard input only.
    """

    program: str
    task: Callable[[Unit, Ground], Mapping[str, Any]]

    def measure(self, unit: Unit, ground: Ground) -> Size:
        return _size(self._run("measure", unit, ground))

    def describe(self, unit: Unit, ground: Ground, listing: str = "") -> dict[str, Any]:
        """What there is, comparable between two guests; counts as `items` and `bytes`.

        listing: where a tree's entries are written down, for `differing`.
        """
        more = {"into": listing} if listing else {}
        return self._run("describe", unit, ground, **more)

    def differing(self, unit: Unit, ground: Ground, listing: str) -> str:
        """Names of a tree's entries that are not those of another guest's listing."""
        return str(self._run("differing", unit, ground, into=listing)["names"])

    def capture(self, unit: Unit, ground: Ground, into: str) -> Captured:
        found = self._run("capture", unit, ground, into=into)
        size = _size(found)
        return Captured(items=size.items, bytes=size.bytes, facts=found)

    def verify(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> None:
        self._run("verify", unit, ground, into=into, captured=captured.facts)

    def restore(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> bool:
        done = self._run("restore", unit, ground, into=into, captured=captured.facts)
        return bool(done["changed"])

    def _run(self, verb: str, unit: Unit, ground: Ground, **more: Any) -> dict[str, Any]:
        work = ground.place.work
        result: list[str] = []

        def hear(line: str) -> None:
            if line.startswith(_RESULT):
                result.append(line.removeprefix(_RESULT))
            elif line.startswith(_PROGRESS):
                done, total = line.removeprefix(_PROGRESS).split()
                work.progress(float(done), float(total), "bytes")
            else:
                work.log(line)
            work.raise_if_cancelled()

        completed = ground.place.run_long(
            *("python3", "-I", "-c", source(self.program)),
            data=json.dumps({"verb": verb, **self.task(unit, ground), **more}).encode(),
            timeout=_SECONDS,
            on_line=hear,
        )
        if completed.status != 0:
            raise RemoteFailure(
                _FAILED[verb],
                on=f"{unit.id} ({unit.kind} {unit.locator}) at {ground.place.facts.address}",
                why=completed.stderr.strip()[-1500:] or f"exit status {completed.status}",
                do="Look at free space and at the service on the guest, then try again.",
            )
        found: dict[str, Any] = json.loads(b64decode("".join(result)))
        return found


def _size(found: Mapping[str, Any]) -> Size:
    return Size(items=int(found["items"]), bytes=int(found["bytes"]))
