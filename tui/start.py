"""Opening the interface on a real terminal, and what is left on it afterwards."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.paths import Paths

# Animations and smooth scrolling cost bytes on slow lines and say nothing. Textual reads
# these when it is imported; what the user set stays.
_QUIET = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}


def _open(paths: Paths | None) -> Homeport:
    from engine.homeport import Homeport

    return Homeport.open(paths)


def start(paths: Paths | None, initial: str | None) -> int:
    """Run until the user leaves; the last line on the terminal says what happened."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from tui.app import HomeportApp

    app = HomeportApp(partial(_open, paths), initial=initial)
    farewell = app.run(mouse=False)
    if farewell:
        sys.stdout.write(farewell + "\n")
    return app.return_code or 0
