"""`homeport state policy`."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.state_arguments import add_provider as add_arguments
from engine.homeport import Homeport

EPILOG = ""
__all__ = ["EPILOG", "add_arguments", "run"]


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        text = homeport.opentofu_states(options.provider).policy()
    if options.json:
        output.emit_json({"commands": text})
    else:
        output.line(text.rstrip("\n"))
    return 0
