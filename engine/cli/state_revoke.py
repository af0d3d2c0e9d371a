"""`homeport state revoke PROJECT/NAME --user USER`."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.state_arguments import add_state
from engine.homeport import Homeport
from engine.tfstate.model import StateName

EPILOG = "It ends with the user's next request. The state and its versions stay."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument("--user", required=True, help="as it was given access")


def run(options: argparse.Namespace) -> int:
    name = StateName.parse(options.state)
    with Homeport.open() as homeport:
        homeport.opentofu_states(options.provider).revoke(name, options.user)
    if options.json:
        output.emit_json({"state": str(name), "revoked": options.user})
    else:
        output.line(f"{options.user} has no access to {name} any more")
    return 0
