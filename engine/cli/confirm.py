"""`homeport confirm NAME`: a moved deployment stays; what its other side keeps is destroyed."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        return settle(homeport, homeport.plan_confirm(options.name), options)
