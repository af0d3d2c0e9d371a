"""`homeport state rollback PROJECT/NAME --to NUMBER`."""

from __future__ import annotations

import argparse
from itertools import islice

from engine.cli import output
from engine.cli.approval import NOT_APPROVED, approved
from engine.cli.state_arguments import add_state, shown_time
from engine.homeport import Homeport
from engine.tfstate.model import StateName

EPILOG = """\
The old content becomes a new version with a serial above all others, so that no plan that was made
before can be applied to it; nothing is removed. It changes what OpenTofu knows, not what there is:
run a plan afterwards. Refused while somebody holds the lock."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument("--to", type=int, required=True, metavar="NUMBER", help="the version")
    agree = parser.add_mutually_exclusive_group()
    agree.add_argument("--plan", action="store_true", help="show and change nothing")
    agree.add_argument("--yes", action="store_true", help="do it without asking")


def run(options: argparse.Namespace) -> int:
    name = StateName.parse(options.state)
    with Homeport.open() as homeport:
        desk = homeport.opentofu_states(options.provider)
        newest = next(islice(desk.owner.history(name), 1), None)
        after = newest.number if newest else 0
        old = desk.owner.find(name, options.to)
        if not options.json:
            output.line(
                f"{name}: version {after + 1} will hold what version {old.number} held "
                f"(serial {old.serial}, {old.size} bytes, written {shown_time(old.written)} "
                f"by {old.by}); versions 1 to {after} are kept"
            )
        if options.plan:
            if options.json:
                output.emit_json({"to": old.model_dump(mode="json"), "done": False})
            return 0
        if not (options.yes or approved()):
            output.line("Not applied. Approve it with --yes.")
            return NOT_APPROVED
        made = desk.rollback(name, options.to, after)
    if options.json:
        output.emit_json({"version": made.model_dump(mode="json"), "done": True})
    else:
        output.line(f"{name} is at version {made.number}, serial {made.serial}")
    return 0
