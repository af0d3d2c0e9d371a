"""`homeport migrate NAME --to P`: the same deployment at another provider, with its state."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.move import MoveTerms
from engine.report_file import ReportFile

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


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


def seconds_of(text: str) -> float:
    """Of "30s", "5m", "1.5h" or "45". InvalidInput for what is none, or not above zero."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|min|h|)", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise InvalidInput(
            what="this is not a length of time",
            on=text,
            left="nothing was changed",
            do="Write it like 30s, 5m or 1h.",
        )
    return seconds


def kib_of(text: str) -> int:
    """Of "500K", "20M" or "1G". InvalidInput for what is none, or less than one."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMG])i?B?(?:/s)?", text.strip(), re.IGNORECASE)
    kib = int(float(found[1]) * 1024 ** "KMG".index(found[2].upper())) if found else 0
    if kib < 1:
        raise InvalidInput(
            what="this is not a rate",
            on=text,
            left="nothing was changed",
            do="Write it like 500K, 20M or 1G.",
        )
    return kib


def time_of(text: str, now: datetime) -> datetime:
    """A time of day is the next one to come; what has no offset is local. now: with an offset.
    InvalidInput for what is none, or is over."""
    if re.fullmatch(r"[0-2]?[0-9]:[0-5][0-9]", text.strip()):
        hour, minute = (int(part) for part in text.strip().split(":"))
        if hour < 24:
            then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return then if then > now else then + timedelta(days=1)
    try:
        then = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            what="this is not a time",
            on=text,
            left="nothing was changed",
            do="Write it like 23:30, 2026-12-01T23:30 or 2026-12-01T23:30+01:00.",
        ) from None
    then = then if then.tzinfo else then.replace(tzinfo=now.tzinfo)
    if then <= now:
        raise InvalidInput(
            what="this time is over",
            on=f"{then:%Y-%m-%d %H:%M %Z}",
            left="nothing was changed",
            do="Give a time to come, or leave --at away.",
        )
    return then
