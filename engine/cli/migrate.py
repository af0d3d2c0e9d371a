"""`homeport migrate NAME --to P`: the same deployment at another provider, with its state."""

from __future__ import annotations

import argparse
from datetime import datetime

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.move import MoveTerms
from engine.planning.quantities import kib_of, seconds_of, time_of
from engine.report_file import ReportFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--to", required=True, metavar="PROVIDER", help="see: homeport providers")
    parser.add_argument(
        "--window",
        metavar="TIME",
        help="so long it may be away at most (30s, 5m); else it is not stopped at all",
    )
    parser.add_argument(
        "--hold", action="store_true", help="wait before the freeze for: homeport continue NAME"
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="freeze at this time: 23:30, or 2026-12-01T23:30 (local, or with its own offset)",
    )
    parser.add_argument(
        "--limit", metavar="RATE", help="take no more of the line than this per second: 500K, 20M"
    )
    parser.add_argument(
        "--report", metavar="FILE", help="write down what was done: text, HTML or JSON by ending"
    )
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    terms = MoveTerms(
        window_seconds=seconds_of(options.window) if options.window else None,
        hold=options.hold,
        begin_at=time_of(options.at, datetime.now().astimezone()) if options.at else None,
        limit_kib=kib_of(options.limit) if options.limit else 0,
    )
    file = ReportFile(options.report) if options.report else None
    if file and (options.detach or options.plan):
        raise InvalidInput(
            what="there is no report before the move has ended",
            on="--report",
            left="nothing was changed",
            do="Leave --detach and --plan away, or ask later: homeport report OPERATION -o FILE",
        )
    with Homeport.open() as homeport:
        plan = homeport.plan_migrate(options.name, options.to, terms)
        status = settle(homeport, plan, options)
        newest = homeport.operations(options.name)[:1]
        if file is not None and newest and newest[0].plan.hash == plan.hash:
            path, _ = file.write(homeport.move_report(newest[0].id, file.ending))
            if not options.json:
                output.line(f"wrote {path}")
        return status
