"""Files: a tree or one file, with links, holes, attributes, owners and times.

Captured is what nobody writes to meanwhile: a file that changes under the copy ends it. Carried
to another guest it is pulled again and again while the application writes, and once more when
it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.state.protocols import Moved, Passage, Side
from engine.state.running import ProgramKind, difference


@dataclass(frozen=True)
class FilesKind(ProgramKind):
    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        return self.delta(source, target, passage)

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        unit = source.unit
        return passage.pull(
            unit.locator, target.unit.locator, exclude=unit.exclude, thorough=thorough
        )

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


def open_kind() -> FilesKind:
    return FilesKind("tree", lambda unit, _: {"path": unit.locator, "exclude": list(unit.exclude)})
