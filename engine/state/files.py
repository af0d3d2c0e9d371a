"""Files: a tree or one file, with links, holes, attributes, owners and times.

Captured is what nobody writes to meanwhile: a file that changes under the copy ends it.
"""

from __future__ import annotations

from engine.state.running import ProgramKind


def open_kind() -> ProgramKind:
    return ProgramKind(
        "tree", lambda unit, _: {"path": unit.locator, "exclude": list(unit.exclude)}
    )
