"""`homeport revert NAME`: back to the provider that a deployment was moved from.

Its plan says what was written since and stays behind; approving it is the consent.
"""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        return settle(homeport, homeport.plan_revert(options.name), options)
