"""A database of the guest's MariaDB server, of one snapshot while it may be written.

Tables of engines without transactions (MyISAM, MEMORY) are of one moment only while nobody
writes, as it is in a backup and after the freeze of a move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.state.protocols import Side
from engine.state.running import ProgramKind, difference


@dataclass(frozen=True)
class MariaKind(ProgramKind):
    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        """Two servers of different versions write the same definition in different words: there
        the names of the objects have to do, and the level is 2."""
        level, facts = self.level, (dict(here["facts"]), dict(there["facts"]))
        if facts[0].get("version") != facts[1].get("version"):
            level = 2
            for found in facts:
                found.pop("version", None)
                found["definition"] = dict.fromkeys(found.get("definition", {}), "there")
        return difference(*facts), level


def open_kind() -> MariaKind:
    return MariaKind(
        "mariadb",
        lambda unit, _: {"database": unit.locator, "empty": list(unit.empty)},
        level=3,
    )
