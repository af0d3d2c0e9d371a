"""Kinds whose work is done by a program on the guest (`engine.state.programs`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from engine.errors import NotReady, RemoteFailure
from engine.state.program_run import run_program
from engine.state.protocols import Captured, Compared, Ground, Moved, Passage, Side, Size, Unit

_FAILED = {
    "measure": "state cannot be measured",
    "capture": "state cannot be captured",
    "verify": "captured state is not what it was",
    "restore": "state cannot be restored",
    "describe": "state cannot be read",
    "backlog": "queues cannot be counted",
    "version": "the server cannot be asked",
    "entries": "state cannot be read",
    "ahead": "state cannot be read",
    "sync": "state cannot be brought over",
    "size": "state cannot be read",
}


@dataclass(frozen=True)
class ProgramKind:
    """`engine.state.protocols.StateKind` by one program.

    task: what the program is told of a unit beside the verb; it may hold secrets, which reach
    the program by standard input only.
    """

    program: str
    task: Callable[[Unit, Ground], Mapping[str, Any]]
    level: int = 2
    """What `compare` finds out (`engine.state.protocols.Compared`)."""

    is_seeded: ClassVar[bool] = False
    is_compared_ahead: ClassVar[bool] = False

    def measure(self, unit: Unit, ground: Ground) -> Size:
        return _size(self._run("measure", unit, ground))

    def capture(self, unit: Unit, ground: Ground, into: str) -> Captured:
        found = self._run("capture", unit, ground, into=into)
        size = _size(found)
        return Captured(items=size.items, bytes=size.bytes, facts=found)

    def verify(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> None:
        self._run("verify", unit, ground, into=into, captured=captured.facts)

    def restore(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> bool:
        done = self._run("restore", unit, ground, into=into, captured=captured.facts)
        return bool(done["changed"])

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        """Nothing: what is taken in one piece is taken when nobody writes any more."""
        return Moved(items=0, bytes=0, waits=True)

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        """Captured at the source, pulled, restored at the target. All of it, each time: nothing
        that is used up by going back to an older state is emptied, for there is none."""
        unit = target.unit.id
        here, there = f"{passage.desk(source)}/{unit}", f"{passage.desk(target)}/{unit}"
        origin, goal = (replace(side.unit, empty=()) for side in (source, target))
        source.ground.place.run_long("rm", "-rf", "--", here)
        captured = self.capture(origin, source.ground, here)
        moved = Moved(items=captured.items, bytes=0)
        if not captured.facts.get("absent"):
            moved = passage.pull(here, there)
        brought = {"into": there, "captured": captured.facts, "thorough": thorough}
        self._run("restore", goal, target.ground, **brought)
        for side, copy in ((source, here), (target, there)):
            side.ground.place.run_long("rm", "-rf", "--", copy)
        return Moved(items=captured.items, bytes=moved.bytes)

    def compare(self, source: Side, target: Side) -> Compared:
        return self._read_both(source, target)

    def _read_both(self, source: Side, target: Side, **more: Any) -> Compared:
        """more: what `describe` is told besides."""
        here, there = both(
            (source, target), lambda side: self._run("describe", side.unit, side.ground, **more)
        )
        return self._compared(source, target, here, there)

    def _compared(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> Compared:
        why, level = self.judged(source, target, here, there)
        if why:
            raise differs(target, why)
        return Compared(items=here["items"], bytes=here["bytes"], level=level)

    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        """What differs between the two descriptions, empty where nothing does; and the level
        that the comparison reaches."""
        return difference(here["facts"], there["facts"]), self.level

    def _run(self, verb: str, unit: Unit, ground: Ground, **more: Any) -> dict[str, Any]:
        return run_program(
            ground.place,
            self.program,
            {"verb": verb, **self.task(unit, ground), **more},
            failed=_FAILED[verb],
            on=f"{unit.id} ({unit.kind} {unit.locator})",
        )


def both(
    sides: tuple[Side, Side], ask: Callable[[Side], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What comes of each; they are two guests, so both at a time."""
    with ThreadPoolExecutor(2) as threads:
        here, there = threads.map(ask, sides)
    return here, there


def difference(one: Any, other: Any, where: str = "") -> str:
    """The first thing that is not the same at the two sides, in words; empty where there is
    none. one, other: JSON values of the source and of the target."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            place = f"{where} {name}".strip()
            if name not in other:
                return f"{place} is missing at the target"
            if name not in one:
                return f"{place} is at the target only"
            if why := difference(one[name], other[name], place):
                return why
        return ""
    return "" if one == other else f"{where}: {one} at the source, {other} at the target"


def differs(target: Side, why: str) -> RemoteFailure:
    unit = target.unit
    return RemoteFailure(
        "what is at the target is not what is at the source",
        on=f"{unit.id} ({unit.kind} {unit.locator})",
        why=why,
        left="the source has all of its state",
        do="Look at the disk and the memory of the target's guest, then try again.",
    )


def too_old(server: str, target: Side, here: str, there: str) -> NotReady:
    """server: its kind, in words. here, there: versions at the source and at the target."""
    return NotReady(
        f"the target's {server} is older than the source's",
        on=f"{target.unit.id} at {target.ground.place.facts.address}",
        why=f"{server} {there} cannot be relied on to read what {here} wrote",
        left="the source serves as before",
        do=f"Let the target have {server} {here} or newer, then try again.",
    )


def _size(found: Mapping[str, Any]) -> Size:
    return Size(items=int(found["items"]), bytes=int(found["bytes"]))
