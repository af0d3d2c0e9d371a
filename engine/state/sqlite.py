"""An SQLite database file, taken by SQLite's own backup while it may be written."""

from __future__ import annotations

from engine.state.running import ProgramKind


def open_kind() -> ProgramKind:
    return ProgramKind("sqlite", lambda unit, _: {"path": unit.locator})
