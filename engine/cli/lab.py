"""`homeport lab up|down|status|reset`: the two providers on this machine."""

from __future__ import annotations

import argparse
import sys

from engine.cli import output
from engine.paths import Paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("up", "down", "status", "reset"),
        help="up: start it, or repair it; down: stop it and keep it; reset: remove it",
    )
    parser.add_argument(
        "--force", action="store_true", help="reset: even while deployments live in it"
    )
    parser.add_argument(
        "--guests",
        choices=("light", "nspawn"),
        help="up, of a new lab: light guests, which need no root (the default), or full Debian "
        "guests with systemd by systemd-nspawn, which need root, systemd-container, mmdebstrap "
        "and iproute2",
    )


def run(options: argparse.Namespace) -> int:
    from engine.lab import cli as lab

    paths = Paths.from_environment().ensure()

    def say(text: str) -> None:
        if not options.json:
            print(output.printable(f"lab: {text}"), file=sys.stderr, flush=True)

    match options.action:
        case "up":
            lab.up(paths, say, guests=options.guests)
        case "down":
            was_there = lab.down(paths, say)
            return _tell(options, "down" if was_there else "no lab")
        case "reset":
            was_there = lab.reset(paths, say, force=options.force)
            return _tell(options, "removed" if was_there else "no lab")
    parts = lab.status(paths)
    if options.json:
        output.emit_json([part.model_dump(mode="json") for part in parts])
    elif not parts:
        output.line("There is no lab. Make one: homeport lab up")
    else:
        output.table(
            ("PART", "STATE", "ADDRESS", "WHAT"),
            ((part.name, part.state, part.address, part.title) for part in parts),
        )
    return 0 if all(part.state == "running" for part in parts) else 1


def _tell(options: argparse.Namespace, state: str) -> int:
    if options.json:
        output.emit_json({"lab": state})
    else:
        output.line({"no lab": "There was no lab."}.get(state, f"The lab is {state}."))
    return 0
