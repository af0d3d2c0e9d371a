"""`homeport attach [ID]`: watch an operation, by default the one that is running."""

from __future__ import annotations

import argparse

from engine.cli.watch import watch
from engine.errors import NotFound
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", nargs="?", help="id of the operation, or its beginning")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if options.operation:
            return watch(homeport, homeport.operation(options.operation).id, as_json=options.json)
        for operation in homeport.operations():
            if not operation.status.is_final:
                return watch(homeport, operation.id, as_json=options.json)
    raise NotFound("no operation is running", do="List them all with: homeport operations")
