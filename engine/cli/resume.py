"""`homeport resume ID`: run an operation on from its last finished step."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.watch import watch
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", help="id of the operation, or its beginning")
    parser.add_argument("--detach", action="store_true", help="do not watch it")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        operation = homeport.resume(homeport.operation(options.operation).id)
        if not options.detach:
            return watch(homeport, operation.id, as_json=options.json)
    if options.json:
        output.emit_json(operation.model_dump(mode="json"))
    else:
        output.line(f"operation {operation.id} goes on; watch it: homeport attach {operation.id}")
    return 0
