"""`homeport continue NAME`: a move that is held before the freeze begins now."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        homeport.continue_move(options.name)
        operation = homeport.deployment(options.name).operation
    if options.json:
        output.emit_json({"operation": operation.id if operation else None, "continues": True})
    elif operation is not None:
        output.line(f"{options.name} moves on; watch it: homeport attach {operation.id}")
    return 0
