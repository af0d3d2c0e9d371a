"""Opening the interface on a real terminal, and what is left on it afterwards."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.paths import Paths
    from tui.frame import Frame

# Animations and smooth scrolling cost bytes on slow lines and say nothing. Textual reads
# these when it is imported; what the user set stays.
_QUIET = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}


def _open(paths: Paths) -> Homeport:
    from engine.homeport import Homeport

    return Homeport.open(paths)


def be_quiet() -> None:
    """Before Textual is imported."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def start(paths: Paths | None, initial: str | None) -> int:
    """Run until the user leaves; the last lines on the terminal say what happened."""
    be_quiet()
    from engine.paths import Paths
    from tui.app import HomeportApp

    paths = paths or Paths.from_environment()
    app = HomeportApp(partial(_open, paths), initial=initial, state=paths.state)
    return run_on_terminal(app, paths.state)


def run_on_terminal(app: Frame, state: Path) -> int:
    """Run the application on this terminal, whatever happens to either; the exit status.

    state: the directory for the log of a crash.
    """
    from tui.frugal import share_one_heap
    from tui.hangup import end_with_terminal

    def defect_in_thread(found: threading.ExceptHookArgs) -> None:
        app.call_later(app.end_with, found.exc_value or RuntimeError("a thread ended"))

    share_one_heap()
    threading.excepthook = defect_in_thread
    end_with_terminal()
    try:
        farewell = app.run(mouse=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, the terminal gets sentences
        app.end_with(error)
        farewell = None
    if app.crash is not None:
        from tui.crash import report

        sys.stderr.write(report(app.crash, state, again=app.farewell.again) + "\n")
        return 1
    if farewell:
        sys.stdout.write(farewell + "\n")
    return app.return_code or 0
