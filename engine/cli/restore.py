"""`homeport restore NAME [--backup ID]`: a deployment as it was when a backup was made."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--backup", metavar="ID", default="", help="by default the newest")
    parser.add_argument("--repository", default="", help="may be left out where there is but one")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        plan = homeport.plan_restore(options.name, options.backup, options.repository)
        return settle(homeport, plan, options)
