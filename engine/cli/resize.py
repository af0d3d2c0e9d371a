"""`homeport resize NAME --cores N --memory MIB --disk GIB`: another size for its guest."""

from __future__ import annotations

import argparse

from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--cores", type=_count, metavar="N")
    parser.add_argument("--memory", type=_count, metavar="MIB")
    parser.add_argument("--disk", type=_count, metavar="GIB", help="disks only ever grow")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    if not (options.cores or options.memory or options.disk):
        raise InvalidInput("no size is given", do="Give --cores, --memory or --disk.")
    with Homeport.open() as homeport:
        plan = homeport.plan_resize(
            options.name,
            cores=options.cores,
            memory_mib=options.memory,
            disk_gib=options.disk,
        )
        return settle(homeport, plan, options)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
