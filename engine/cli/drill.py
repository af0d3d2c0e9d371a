"""`homeport drill NAME [--backup ID]`: a backup is proven by starting it on a throw-away guest."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment that the backup is of")
    parser.add_argument("--backup", metavar="ID", default="", help="by default the newest")
    parser.add_argument("--repository", default="", help="may be left out where there is but one")
    parser.add_argument("--provider", default="", help="where; by default the backup's own")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        plan = homeport.plan_drill(
            options.name,
            backup=options.backup,
            repository=options.repository,
            provider=options.provider,
        )
        return settle(homeport, plan, options)
