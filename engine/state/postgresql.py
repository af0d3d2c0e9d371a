"""A database of the guest's PostgreSQL server, of one snapshot while it may be written."""

from __future__ import annotations

from engine.state.running import ProgramKind


def open_kind() -> ProgramKind:
    return ProgramKind(
        "postgres", lambda unit, _: {"database": unit.locator, "empty": list(unit.empty)}
    )
