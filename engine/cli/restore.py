"""`homeport restore NAME [--backup ID] [--as NEW]`: a deployment as it was when a backup was
made, in place or as a new one."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--backup", metavar="ID", default="", help="by default the newest")
    parser.add_argument("--repository", default="", help="may be left out where there is but one")
    anew = parser.add_argument_group("as a new deployment")
    anew.add_argument("--as", metavar="NEW", dest="new_name", help="its name")
    anew.add_argument("--domain", default="", help="by default the backup's, if it is free")
    anew.add_argument("--provider", default="", help="by default the backup's")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if options.new_name:
            plan = homeport.plan_restore_as(
                options.name,
                options.new_name,
                domain=options.domain,
                provider=options.provider,
                backup=options.backup,
                repository=options.repository,
            )
        else:
            if options.domain or options.provider:
                raise InvalidInput(
                    "a restore in place changes neither domain nor provider",
                    on=options.name,
                    do="Give the new deployment a name: --as NEW",
                )
            plan = homeport.plan_restore(options.name, options.backup, options.repository)
        return settle(homeport, plan, options)
