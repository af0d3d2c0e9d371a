"""`homeport operations [NAME]`: what was done and what is being done, newest first."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="only those of this deployment")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        operations = homeport.operations(options.name)
    if options.json:
        output.emit_json([operation.model_dump(mode="json") for operation in operations])
        return 0
    if not operations:
        output.line("No operations yet.")
        return 0
    output.table(
        ("OPERATION", "WHAT", "DEPLOYMENT", "STATUS", "STARTED"),
        (
            (
                operation.id,
                operation.plan.intent.value,
                operation.plan.name,
                operation.status.value,
                f"{operation.created:%Y-%m-%d %H:%M:%S}",
            )
            for operation in operations
        ),
    )
    return 0
