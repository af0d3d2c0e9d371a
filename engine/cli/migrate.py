"""`homeport migrate NAME --to P`: the same deployment at another provider, with its state."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--to", required=True, metavar="PROVIDER", help="see: homeport providers")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        return settle(homeport, homeport.plan_migrate(options.name, options.to), options)
