"""A database of the guest's PostgreSQL server, of one snapshot while it may be written."""

from __future__ import annotations

from dataclasses import dataclass

from engine.state.protocols import Compared, Side
from engine.state.running import ProgramKind, difference, differs


@dataclass(frozen=True)
class PostgresKind(ProgramKind):
    def compare(self, source: Side, target: Side) -> Compared:
        """Two servers of different majors write the same schema in different words: there the
        counts of its objects have to do, and the level is 2."""
        here, there = (self._run("describe", side.unit, side.ground) for side in (source, target))
        level, facts = self.level, (dict(here["facts"]), dict(there["facts"]))
        if facts[0].get("version") != facts[1].get("version"):
            level = 2
            for found in facts:
                found.pop("schema", None)
                found.pop("version", None)
        if why := difference(*facts):
            raise differs(target, why)
        return Compared(items=here["items"], bytes=here["bytes"], level=level)


def open_kind() -> PostgresKind:
    return PostgresKind(
        "postgres",
        lambda unit, _: {"database": unit.locator, "empty": list(unit.empty)},
        level=3,
    )
