"""`homeport state history PROJECT/NAME`."""

from __future__ import annotations

import argparse
from itertools import islice

from engine.cli import output
from engine.cli.state_arguments import add_state, shown_time
from engine.homeport import Homeport
from engine.tfstate.model import StateName

EPILOG = "Newest first. Locks that were taken away by force are told below."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument("--last", type=int, metavar="N", help="only the N newest versions")


def run(options: argparse.Namespace) -> int:
    name = StateName.parse(options.state)
    with Homeport.open() as homeport:
        owner = homeport.opentofu_states(options.provider).owner
        versions = list(islice(owner.history(name), options.last))
        forced = owner.head(name).forced
    if options.json:
        output.emit_json(
            {
                "versions": [version.model_dump(mode="json") for version in versions],
                "forced": [note.model_dump(mode="json") for note in forced],
            }
        )
        return 0
    output.table(
        ("VERSION", "SERIAL", "WRITTEN", "BYTES", "BY", "OPERATION"),
        (
            (
                str(v.number),
                "deleted" if v.deleted else str(v.serial),
                shown_time(v.written),
                str(v.size),
                v.by,
                v.operation or "-",
            )
            for v in versions
        ),
    )
    for note in forced:
        output.line(
            f"{shown_time(note.at)}: {note.by} took the lock {note.lock} of {note.holder} away: "
            f"{note.reason}"
        )
    return 0
