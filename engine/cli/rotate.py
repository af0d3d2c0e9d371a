"""`homeport rotate NAME [--what SECRET ...]`: other passwords and keys for a deployment."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument(
        "--what",
        nargs="+",
        default=[],
        metavar="SECRET",
        help="names of generated secrets; without it, all that can be changed",
    )
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        return settle(homeport, homeport.plan_rotate(options.name, options.what), options)
