"""A database of the guest's PostgreSQL server, of one snapshot while it may be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.state.protocols import Side
from engine.state.running import ProgramKind, difference


@dataclass(frozen=True)
class PostgresKind(ProgramKind):
    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        """Two servers of different majors write the same schema in different words: there the
        counts of its objects have to do, and the level is 2."""
        level, facts = self.level, (dict(here["facts"]), dict(there["facts"]))
        if facts[0].get("version") != facts[1].get("version"):
            level = 2
            for found in facts:
                found.pop("schema", None)
                found.pop("version", None)
        return difference(*facts), level


def open_kind() -> PostgresKind:
    return PostgresKind(
        "postgres",
        lambda unit, _: {"database": unit.locator, "empty": list(unit.empty)},
        level=3,
    )
