"""The terminal interface: views of the engine's front door, and nothing that decides.

Importing the package imports nothing; `run` loads what the first paint needs, and the
engine is loaded behind that paint (see `tui.session`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.paths import Paths


def run(paths: Paths | None = None, initial: str | None = None) -> int:
    """Open the interface on this terminal; the exit status.

    initial: name of a page to open first ("catalog", "providers", "operations"),
    "operation:ID", or "upgrade:NAME" and "watch:NAME" for the review of an upgrade, with
    "@RELEASE" where it is not the newest, or "add_provider:" with or without a name, and
    "edit_provider:NAME"; the dashboard, or the operation that is running, when
    there is none.
    """
    from tui.start import start

    return start(paths, initial)
