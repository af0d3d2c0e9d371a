"""`homeport state unlock PROJECT/NAME --id ID --reason TEXT`."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.state_arguments import add_state
from engine.homeport import Homeport
from engine.tfstate.model import StateName

EPILOG = """\
Its holder can write no more afterwards: should he live, he is told so and keeps what he could not
write in errored.tfstate. Who took the lock away, when and why is kept with the state."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument("--id", required=True, help="of the lock, as `homeport state list` has it")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept")


def run(options: argparse.Namespace) -> int:
    name = StateName.parse(options.state)
    with Homeport.open() as homeport:
        homeport.opentofu_states(options.provider).unlock(name, options.id, options.reason)
    if options.json:
        output.emit_json({"state": str(name), "unlocked": options.id})
    else:
        output.line(f"{name} is unlocked")
    return 0
