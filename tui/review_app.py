"""`homeport review` full screen: the upgrade of one configuration in a file, and nothing else."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from tui.farewell import Farewell
from tui.form_app import ended_with
from tui.frame import Frame
from tui.screens.upgrade_file import ReviewFilePage

if TYPE_CHECKING:
    from engine.review_desk import ReviewDesk


class ReviewApp(Frame):
    """name: what is reviewed, for the title. proposal: a name for a file not named yet."""

    def __init__(
        self, opener: Callable[[], ReviewDesk], name: str, *, proposal: str = "", again: str = ""
    ) -> None:
        super().__init__(opener, Farewell(again=again, nothing="nothing was changed."))
        self._about = name
        self._proposal = proposal

    def get_default_screen(self) -> Screen[None]:
        return ReviewFilePage(self._about, self._proposal)


def start(options: Namespace) -> int:
    """Run until the user leaves; the last lines on the terminal say what happened."""
    from engine.cli.review import open_desk
    from engine.homeport import Homeport
    from engine.paths import Paths
    from tui.start import run_on_terminal

    words = [options.application, options.old, options.new, options.values]
    again = ["homeport", "review", *words]
    again += ["-o", options.output] if options.output else []
    again += ["--answers", options.answers] if options.answers else []
    again += ["--report", options.report] if options.report else []
    values = Path(options.values)
    app = ReviewApp(
        lambda: open_desk(Homeport.open(), options),
        f"{options.application} {options.old} -> {options.new}",
        proposal=f"{values.stem}-{options.new}{values.suffix}",
        again=shlex.join(again),
    )
    return ended_with(app, run_on_terminal(app, Paths.from_environment().state))
