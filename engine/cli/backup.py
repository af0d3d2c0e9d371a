"""`homeport backup NAME [--to REPOSITORY]`: plan, approval, operation; or when that is done by
itself (`--schedule`, `--unschedule`)."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--to", metavar="REPOSITORY", default="", help="may be left out for one")
    schedule = parser.add_mutually_exclusive_group()
    schedule.add_argument(
        "--schedule",
        metavar="WHEN",
        help='make one by itself from now on, UTC: "daily 03:30", "sunday 04:00", "weekdays '
        '22:00", "monthly 1 04:00", "every 6 hours"; takes the place of the schedule before. It '
        "approves of what such a backup does, removing older ones by the repository's rule, too",
    )
    schedule.add_argument(
        "--unschedule", action="store_true", help="make none by itself any more; backups stay"
    )
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if options.schedule is not None:
            return _schedule(homeport, options)
        if options.unschedule:
            had = homeport.schedules.remove(options.name)
            if options.json:
                output.emit_json({"schedule": None, "had": had})
            else:
                output.line("No backups by itself any more." if had else "There was no schedule.")
            return 0
        return settle(homeport, homeport.plan_backup(options.name, options.to), options)


def _schedule(homeport: Homeport, options: argparse.Namespace) -> int:
    standing = homeport.schedules.set(options.name, options.schedule, options.to)
    waker = homeport.schedules.waker()
    if options.json:
        fields = {"schedule": standing.model_dump(mode="json"), "by": waker}
        output.emit_json(fields)
        return 0
    output.line(f"{options.name} is backed up {standing.told()}")
    output.line(f"  into {standing.schedule.repository}, {waker.told if waker else 'by nobody'}")
    return 0
