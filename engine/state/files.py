"""Files: a tree or one file, with links, holes, attributes, owners and times.

Captured is what nobody writes to meanwhile: a file that changes under the copy ends it. Carried
to another guest it is pulled again and again while the application writes, and once more when
it does not. Compared is all of the content; what was read at both sides before the freeze, and
whose status says that nobody touched it since, is not read a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.state.protocols import Compared, Moved, Passage, Side
from engine.state.running import ProgramKind, both, difference


class TreeKind(ProgramKind):
    """Carried as a tree of files."""

    is_seeded: ClassVar[bool] = True

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        return self.delta(source, target, passage)

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        unit = source.unit
        return passage.pull(
            unit.locator, target.unit.locator, exclude=unit.exclude, thorough=thorough
        )


class DigestsKind(ProgramKind):
    """Compared by digests of many entries at a time first, then by the entries that differ."""

    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        buckets: tuple[list[str], list[str]] = here["buckets"], there["buckets"]
        same = buckets[0] == buckets[1]
        return "" if same else self._why(source, target, *buckets), self.level

    def _why(self, source: Side, target: Side, here: list[str], there: list[str]) -> str:
        if not here or not there:
            return "there is nothing at the " + ("source" if not here else "target")
        pairs = zip(here, there, strict=True)
        number = next(at for at, (one, other) in enumerate(pairs) if one != other)
        return difference(self._entries(source, number), self._entries(target, number))

    def _entries(self, side: Side, bucket: int) -> dict[str, Any]:
        return self._run("entries", side.unit, side.ground, bucket=bucket)


@dataclass(frozen=True)
class ReadAheadKind(DigestsKind):
    """Compared without reading again what was read while the source served, and not written since.

    settled: seconds since the last change of an entry after which it is read ahead.
    """

    settled: float = 2.0

    is_compared_ahead: ClassVar[bool] = True

    def read_ahead(self, source: Side, target: Side) -> int:
        sides = (source, target)
        read = both(sides, lambda side: self._read("ahead", side, settled=self.settled))
        return sum(int(found["bytes"]) for found in read)

    def settle(self, source: Side, target: Side, passage: Passage) -> None:
        for side in (source, target):
            side.ground.place.run("rm", "-f", "--", _memo(side))

    def compare(self, source: Side, target: Side) -> Compared:
        here, there = both((source, target), lambda side: self._read("describe", side))
        return self._compared(source, target, here, there)

    def _read(self, verb: str, side: Side, **more: Any) -> dict[str, Any]:
        return self._run(verb, side.unit, side.ground, memo=_memo(side), **more)


class FilesKind(TreeKind, ReadAheadKind):
    """Files as they lie on a guest."""


def _memo(side: Side) -> str:
    """Where that side's program keeps what it read ahead."""
    return f"{side.ground.place.paths.base}/read-{side.unit.id}.json"


def open_kind() -> FilesKind:
    return FilesKind("tree", lambda unit, _: {"path": unit.locator, "exclude": list(unit.exclude)})
