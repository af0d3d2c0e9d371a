"""The console script: a command for the engine, or the interface when there is none.

The interface is imported only where it is opened, so that commands stay fast and run
where Textual cannot.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace

NO_TERMINAL = """\
homeport: the interface needs a terminal, and there is none here.
  Run it in one (over ssh: ssh -t HOST {program}), or use the commands:
    {program} catalog
    {program} deploy radicale --provider harbour-a --domain cal.harbour-a.lab
    {program} --help"""


def has_terminal() -> bool:
    """A terminal that can show full screens."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") not in ("", "dumb")
    )


def _fill_in(options: Namespace) -> int:
    from tui.start import be_quiet

    be_quiet()
    from tui.form_app import start

    return start(options)


def _review(options: Namespace) -> int:
    from tui.start import be_quiet

    be_quiet()
    from tui.review_app import start

    return start(options)


def _open(page: str) -> int:
    from tui import run

    return run(initial=page)


def main() -> int:
    """Entry point of `homeport`; the exit status."""
    if len(sys.argv) > 1:
        from engine.cli.main import main as command_line

        if sys.argv[1] == "form" and has_terminal():
            from engine.cli import form

            form.open_screen = _fill_in
        if sys.argv[1] == "review" and has_terminal():
            from engine.cli import review

            review.open_screen = _review
        if sys.argv[1] == "upgrade" and has_terminal():
            from engine.cli import upgrade

            upgrade.open_screen = _open
        if sys.argv[1] == "providers" and has_terminal():
            from engine.cli import provider_setup

            provider_setup.open_screen = _open

        return command_line()
    if not has_terminal():
        print(NO_TERMINAL.format(program=sys.argv[0]), file=sys.stderr)  # noqa: T201 - this is the command line
        return 2
    from tui import run

    return run()
