"""The word `now` at the terminal of somebody who watches a move that is held."""

from __future__ import annotations

import sys
import threading

from engine.cli import output
from engine.errors import HomeportError
from engine.homeport import Homeport
from engine.paths import Paths


class Listener:
    """Reads standard input once it is asked to, and where somebody sits before it."""

    def __init__(self, paths: Paths, name: str) -> None:
        self._paths = paths
        self._name = name
        self._listens = False

    def listen(self) -> None:
        if self._listens or not sys.stdin.isatty():
            return
        self._listens = True
        output.line("Type now and Enter to begin.")
        # A thread of its own: whoever watches waits for events and not for keys.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            if line.strip().casefold() != "now":
                continue
            try:
                with Homeport.open(self._paths) as homeport:
                    homeport.continue_move(self._name)
            except HomeportError as error:
                output.report_error(error, as_json=False)
            return
