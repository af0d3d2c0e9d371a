"""`homeport deploy APP --provider P --domain D`: plan, approval, operation."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.cli.values import add_value_arguments, read_values
from engine.homeport import DeployRequest, Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", help="see: homeport catalog")
    parser.add_argument("--provider", required=True, help="see: homeport providers")
    parser.add_argument("--domain", required=True, help="full name, inside the provider's zone")
    parser.add_argument("--release", help="by default the newest")
    parser.add_argument("--name", default="", help="name of the deployment")
    parser.add_argument("--account", default="", help="user name of the first account")
    parser.add_argument(
        "--record",
        action="append",
        default=[],
        metavar="RECORD",
        help='a DNS record to add, as "MX @ 10 mail.example.org"; see: homeport records --help',
    )
    add_value_arguments(parser)
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        schema = homeport.options_schema(options.application, options.release)
        request = DeployRequest(
            application=options.application,
            provider=options.provider,
            domain=options.domain,
            name=options.name,
            release=options.release,
            values=read_values(schema, {}, options),
            account=options.account,
            records=options.record,
        )
        return settle(homeport, homeport.plan_deploy(request), options)
