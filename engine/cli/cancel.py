"""`homeport cancel ID`: the operation stops at its next safe point; nothing is undone."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", help="id of the operation, or its beginning")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        operation = homeport.operation(options.operation)
        homeport.cancel(operation.id)
    if options.json:
        output.emit_json({"operation": operation.id, "cancelling": True})
    else:
        output.line(
            f"operation {operation.id} stops at its next safe point; "
            f"run it on with: homeport resume {operation.id}"
        )
    return 0
