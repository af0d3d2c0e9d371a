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
        told = homeport.events(options.operation)
        operation = homeport.resume(options.operation)
        if not options.detach:
            last = told[-1].seq if told else 0
            return watch(homeport, operation.id, as_json=options.json, after=last)
    if options.json:
        output.emit_json(operation.model_dump(mode="json"))
    else:
        output.line(f"operation {operation.id} goes on; watch it: homeport attach {operation.id}")
    return 0
