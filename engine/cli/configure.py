"""`homeport configure NAME [--set path=value]`: change options of a deployment."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.cli.values import add_value_arguments, read_values
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    add_value_arguments(parser)
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        deployment = homeport.deployment(options.name).deployment
        if not (options.set or options.unset or options.values):
            output.emit_json(deployment.values)
            return 0
        schema = homeport.options_schema(deployment.application, deployment.release)
        values = read_values(schema, deployment.values, options)
        return settle(homeport, homeport.plan_reconfigure(options.name, values), options)
