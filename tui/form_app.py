"""`homeport form` full screen: one form of any JSON Schema, and nothing of the engine around it."""

from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from tui.farewell import Farewell
from tui.frame import Frame
from tui.frugal import put_off_collection
from tui.screens.fill import FillPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.filling import Filling


class FormApp(Frame):
    """name: what is being filled in, for the title. proposal: a name for a file not named yet."""

    def __init__(
        self, opener: Callable[[], Filling], name: str, *, proposal: str = "", again: str = ""
    ) -> None:
        super().__init__(opener, Farewell(again=again, nothing="nothing was changed."))
        self._about = name
        self._proposal = proposal

    def get_default_screen(self) -> Screen[None]:
        return FillPage(self._about, self._proposal)


def start(options: Namespace) -> int:
    """Run until the user leaves; the last lines on the terminal say what happened."""
    put_off_collection()
    from engine.cli.form import open_filling
    from engine.paths import Paths
    from tui.start import run_on_terminal

    again = ["homeport", "form", options.schema, *filter(None, [options.values])]
    again += ["-o", options.output] if options.output else []
    name = Path(options.output or options.values or options.schema).name
    proposal = f"{Path(options.schema).name.partition('.')[0]}.{options.format or 'yaml'}"
    app = FormApp(lambda: open_filling(options), name, proposal=proposal, again=shlex.join(again))
    return ended_with(app, run_on_terminal(app, Paths.from_environment().state))


def ended_with(app: Frame, status: int) -> int:
    """The exit status, after the error is told for which there was nothing to show."""
    from engine.cli.output import report_error
    from engine.errors import InvalidInput

    if not app.farewell.error:
        return status
    fields = {key: str(app.farewell.error.get(key, "")) for key in _WORDS}
    return report_error(InvalidInput(**fields), as_json=False)


_WORDS = ("what", "on", "why", "left", "do")
